import { type AnyDesc, type DescFile, toBinary } from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";

/** Some files and all that they import, found by name, by symbol and by extension. */
export class DescriptorIndex {
  readonly #files = new Map<string, DescFile>();
  readonly #symbols = new Map<string, DescFile>();
  /** Extended message to field number to the file that adds it. */
  readonly #extensions = new Map<string, Map<number, DescFile>>();
  readonly #encoded = new Map<DescFile, Uint8Array>();

  constructor(files: readonly DescFile[]) {
    for (const file of files) this.#addFile(file);
  }

  file(name: string): DescFile | undefined {
    return this.#files.get(name);
  }

  /** Of a message, field, oneof, enum, enum value, extension, service or method, by its full name. */
  fileOfSymbol(name: string): DescFile | undefined {
    return this.#symbols.get(name);
  }

  fileOfExtension(message: string, number: number): DescFile | undefined {
    return this.#extensions.get(message)?.get(number);
  }

  /** Ascending; undefined for a message that is not known. */
  extensionNumbers(message: string): number[] | undefined {
    const numbers = this.#extensions.get(message);
    if (numbers === undefined) return this.#symbols.has(message) ? [] : undefined;
    return [...numbers.keys()].sort((a, b) => a - b);
  }

  /** The file, then what it imports, directly or not, as FileDescriptorProto; without those in `known`. */
  closure(file: DescFile, known: Set<DescFile>): Uint8Array[] {
    if (known.has(file)) return [];
    known.add(file);
    return [this.#encode(file), ...file.dependencies.flatMap((dependency) => this.closure(dependency, known))];
  }

  #encode(file: DescFile): Uint8Array {
    let bytes = this.#encoded.get(file);
    if (bytes === undefined) {
      bytes = toBinary(FileDescriptorProtoSchema, file.proto);
      this.#encoded.set(file, bytes);
    }
    return bytes;
  }

  #addFile(file: DescFile): void {
    if (this.#files.has(file.proto.name)) return;
    this.#files.set(file.proto.name, file);
    for (const dependency of file.dependencies) this.#addFile(dependency);
    for (const type of nestedTypes(file)) {
      for (const name of symbolsOf(type)) this.#symbols.set(name, file);
      if (type.kind !== "extension") continue;
      const extended = this.#extensions.get(type.extendee.typeName) ?? new Map<number, DescFile>();
      this.#extensions.set(type.extendee.typeName, extended.set(type.number, file));
    }
  }
}

function symbolsOf(type: Exclude<AnyDesc, { kind: "file" }>): string[] {
  switch (type.kind) {
    case "message":
      return [type.typeName, ...[...type.fields, ...type.oneofs].map((member) => `${type.typeName}.${member.name}`)];
    case "enum": {
      // Enum values are siblings of their enum, not its children (descriptor.proto).
      const scope = type.typeName.slice(0, type.typeName.lastIndexOf(".") + 1);
      return [type.typeName, ...type.values.map((value) => scope + value.name)];
    }
    case "service":
      return [type.typeName, ...type.methods.map((method) => `${type.typeName}.${method.name}`)];
    case "extension":
      return [type.typeName];
    default:
      return [];
  }
}

// Writes the third-party protos that ours import into deps/, from npm packages the project needs anyway: nothing
// is vendored and buf works offline. Plain JavaScript: the launcher runs it before there is a newer Node.
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(import.meta.url);

/** Package, folder of its protos, and files: as they are imported, or [as they are named there, as imported]. */
const copies = [
  ["@grpc/grpc-js-xds", "deps/googleapis", ["google/api/annotations.proto", "google/api/http.proto"]],
  ["@grpc/grpc-js-xds", "deps/googleapis", ["google/rpc/status.proto", "google/rpc/error_details.proto"]],
  ["@grpc/reflection", "build/proto", ["grpc/reflection/v1/reflection.proto"]],
  ["@grpc/reflection", "build/proto", ["grpc/reflection/v1alpha/reflection.proto"]],
  ["grpc-health-check", "proto", [["health/v1/health.proto", "grpc/health/v1/health.proto"]]],
];

/** Fills the folder `target` with every proto that ours import and do not own. */
export async function writeProtoDeps(target) {
  rmSync(target, { recursive: true, force: true });
  for (const [name, folder, files] of copies) {
    for (const [from, to] of files.map((file) => (typeof file === "string" ? [file, file] : file))) {
      mkdirSync(dirname(join(target, to)), { recursive: true });
      cpSync(join(packageRoot(name), folder, from), join(target, to));
    }
  }
  mkdirSync(join(target, "buf/validate"), { recursive: true });
  writeFileSync(join(target, "buf/validate/validate.proto"), await validateProto());
}

/** Folder of an installed package, also where its `exports` hide its package.json. */
function packageRoot(name) {
  const folders = require.resolve.paths(name).map((folder) => join(folder, name));
  const root = folders.find((folder) => existsSync(folder));
  if (root === undefined) throw new Error(`package ${name} is not installed: run npm ci`);
  return root;
}

/**
 * protovalidate ships its rules as a descriptor only; buf wants source. The options on the rules' own fields are left
 * out: the runtime has its own copy of them.
 */
async function validateProto() {
  const module = join(packageRoot("@bufbuild/protovalidate"), "dist/esm/gen/buf/validate/validate_pb.js");
  const { file_buf_validate_validate: file } = await import(pathToFileURL(module).href);
  const descriptor = file.proto;
  const lines = [
    `syntax = "proto2";`,
    `package ${descriptor.package};`,
    ...descriptor.dependency.map((path) => `import "${path}";`),
    ...descriptor.enumType.map(enumText),
    ...descriptor.messageType.map(messageText),
    ...descriptor.extension.map((field) => `extend ${field.extendee} { ${fieldText(field)} }`),
  ];
  return `${lines.join("\n")}\n`;
}

function enumText({ name, options, value }) {
  const alias = options?.allowAlias ? "option allow_alias = true; " : "";
  return `enum ${name} { ${alias}${value.map((v) => `${v.name} = ${v.number};`).join(" ")} }`;
}

function messageText(message) {
  const inOneof = (index) => message.field.filter((field) => oneofOf(field) === index);
  return [
    `message ${message.name} {`,
    ...message.enumType.map(enumText),
    ...message.nestedType.map(messageText),
    ...inOneof(undefined).map(fieldText),
    ...message.oneofDecl.map((oneof, index) => `oneof ${oneof.name} { ${inOneof(index).map(fieldText).join(" ")} }`),
    ...message.extensionRange.map(({ start, end }) => `extensions ${start} to ${end > 2 ** 29 - 1 ? "max" : end - 1};`),
    "}",
  ].join("\n");
}

/** Names by number of google.protobuf.FieldDescriptorProto.Label and .Type; messages and enums go by type name. */
const labels = ["", "optional", "required", "repeated"];
const types =
  "- double float int64 uint64 int32 fixed64 fixed32 bool string - - bytes uint32 - sfixed32 sfixed64 sint32 sint64";

function fieldText(field) {
  const label = oneofOf(field) === undefined ? `${labels[field.label]} ` : "";
  return `${label}${field.typeName || types.split(" ")[field.type]} ${field.name} = ${field.number};`;
}

/** Index of the oneof that holds a field; a proto2 message inherits a zero where the field is in none. */
function oneofOf(field) {
  return Object.hasOwn(field, "oneofIndex") && field.oneofIndex >= 0 ? field.oneofIndex : undefined;
}

if (process.argv[1]?.endsWith("proto-deps.mjs")) await writeProtoDeps("deps");

// Writes the third-party protos that ours import into deps/, from npm packages the project needs anyway: nothing
// is vendored and buf works offline. Plain JavaScript: the launcher runs it before there is a newer Node.
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(import.meta.url);

const copies = [
  ["@grpc/grpc-js-xds", "deps/googleapis", ["google/api/annotations.proto", "google/api/http.proto"]],
  ["@grpc/grpc-js-xds", "deps/googleapis", ["google/rpc/status.proto", "google/rpc/error_details.proto"]],
  ["@grpc/reflection", "build/proto", ["grpc/reflection/v1/reflection.proto", "grpc/reflection/v1alpha/reflection.proto"]],
];

/** Folder of an installed package, also where its `exports` hide its package.json. */
function packageRoot(name) {
  const root = require.resolve.paths(name).map((folder) => join(folder, name)).find((folder) => existsSync(folder));
  if (root === undefined) throw new Error(`package ${name} is not installed: run npm ci`);
  return root;
}

/** Fills `target` with every proto that ours import and do not own. */
export async function writeProtoDeps(target) {
  rmSync(target, { recursive: true, force: true });
  for (const [name, folder, files] of copies) {
    for (const file of files) {
      mkdirSync(dirname(join(target, file)), { recursive: true });
      cpSync(join(packageRoot(name), folder, file), join(target, file));
    }
  }
  mkdirSync(join(target, "grpc/health/v1"), { recursive: true });
  cpSync(join(packageRoot("grpc-health-check"), "proto/health/v1/health.proto"), join(target, "grpc/health/v1/health.proto"));
  mkdirSync(join(target, "buf/validate"), { recursive: true });
  writeFileSync(join(target, "buf/validate/validate.proto"), await validateProto());
}

const scalars = ["", "double", "float", "int64", "uint64", "int32", "fixed64", "fixed32", "bool", "string", "", "", "bytes", "uint32", "", "sfixed32", "sfixed64", "sint32", "sint64"];

/** protovalidate ships its rules as a descriptor only; buf wants source. Options on its own fields are left out: the runtime has its own copy. */
async function validateProto() {
  const module = join(packageRoot("@bufbuild/protovalidate"), "dist/esm/gen/buf/validate/validate_pb.js");
  const { file_buf_validate_validate: file } = await import(pathToFileURL(module).href);
  const descriptor = file.proto;
  const type = (field) => field.typeName || scalars[field.type];
  const label = (field) => (field.oneofIndex !== undefined && hasOneof(field) ? "" : ["", "optional ", "required ", "repeated "][field.label]);
  const hasOneof = (field) => Object.hasOwn(field, "oneofIndex") && field.oneofIndex >= 0;
  const line = (field) => `${hasOneof(field) ? "" : label(field)}${type(field)} ${field.name} = ${field.number};`;
  const enumText = (e) => `enum ${e.name} { ${e.options?.allowAlias ? "option allow_alias = true; " : ""}${e.value.map((v) => `${v.name} = ${v.number};`).join(" ")} }`;
  const extendText = (field) => `extend ${field.extendee} { ${["", "optional ", "required ", "repeated "][field.label]}${type(field)} ${field.name} = ${field.number}; }`;
  const messageText = (m) =>
    [
      `message ${m.name} {`,
      ...m.enumType.map(enumText),
      ...m.nestedType.map(messageText),
      ...m.field.filter((f) => !hasOneof(f)).map(line),
      ...m.oneofDecl.map((o, i) => `oneof ${o.name} { ${m.field.filter((f) => hasOneof(f) && f.oneofIndex === i).map(line).join(" ")} }`),
      ...m.extensionRange.map((r) => `extensions ${r.start} to ${r.end >= 536870912 ? "max" : r.end - 1};`),
      "}",
    ].join("\n");
  return [
    `syntax = "proto2";`,
    `package ${descriptor.package};`,
    ...descriptor.dependency.map((d) => `import "${d}";`),
    ...descriptor.enumType.map(enumText),
    ...descriptor.messageType.map(messageText),
    ...descriptor.extension.map(extendText),
    "",
  ].join("\n");
}

if (import.meta.main ?? process.argv[1]?.endsWith("proto-deps.mjs")) await writeProtoDeps("deps");

// Adds to package-lock.json the packages of other platforms that the registry at hand did not have when npm wrote it:
// npm leaves those out, and `npm ci` then refuses the file everywhere. Run it after every `npm install`.
import { readFileSync, writeFileSync } from "node:fs";

const systems = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const processors = ["arm", "arm64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "x64"];
const spellings = { aarch64: "arm64", armv7: "arm" };

/** `os` and `cpu` of a package from its name (`@biomejs/cli-darwin-arm64`), or undefined where the name has none. */
export function platformOf(name) {
  const words = name.split("/").at(-1)?.split("-") ?? [];
  const os = words.find((word) => systems.includes(word));
  const cpu = words.map((word) => spellings[word] ?? word).find((word) => processors.includes(word));
  return os === undefined || cpu === undefined ? undefined : { os: [os], cpu: [cpu] };
}

/** The lock with an entry for every optional package of another platform that it names without listing it. */
export function completeLock(lock) {
  const packages = { ...lock.packages };
  for (const [path, { dev, optionalDependencies = {} }] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      const listed = [`${path}/node_modules/${name}`, `node_modules/${name}`].some((place) => packages[place]);
      const platform = platformOf(name);
      if (listed || platform === undefined || !/^\d+\.\d+\.\d+/.test(version)) continue;
      packages[`node_modules/${name}`] = {
        version,
        cpu: platform.cpu,
        ...(dev && { dev }),
        optional: true,
        os: platform.os,
      };
    }
  }
  const sorted = Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, "en"));
  return { ...lock, packages: Object.fromEntries(sorted) };
}

if (process.argv[1]?.endsWith("complete-lock.mjs")) {
  const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
  writeFileSync("package-lock.json", `${JSON.stringify(completeLock(lock), null, 2)}\n`);
}

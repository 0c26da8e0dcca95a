import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { containerIdentities, users } from "../../deploy/identities.ts";
import { type ComposeService, composeFile, loadModel, profiles, repository, required, wholeModel } from "./model.ts";

const text = readFileSync(composeFile, "utf8");
const whole = wholeModel();
const services = Object.entries(whole.services);
const isTask = ({ restart }: ComposeService) => restart === "no";
const isOurs = ({ build }: ComposeService) => build !== undefined;

describe("the file loads", () => {
  test.each([[[]], [["tools"]], [["observability"]], [[...profiles]]])("with the profiles %j", (chosen: string[]) => {
    expect(Object.keys(loadModel(required, { profiles: chosen }).services)).toEqual(
      expect.arrayContaining(["order", "gateway", "mesh", "envoy", "nats", "database"]),
    );
  });

  test("without profiles as the mesh alone", () => {
    expect(Object.values(loadModel().services).flatMap(({ profiles: own = [] }) => own)).toEqual([]);
  });
});

describe("what has to be set", () => {
  test.each(Object.keys(required))("is named when it is not: %s", (name) => {
    const { [name]: _, ...others } = required;
    expect(() => loadModel(others)).toThrow(`required variable ${name} is missing a value: copy .env.example to .env`);
  });

  test.each(Object.keys(required))("is named when it is empty: %s", (name) => {
    expect(() => loadModel({ ...required, [name]: "" })).toThrow(`required variable ${name} is missing a value`);
  });

  test("is all that the file demands", () => {
    const demanded = [...text.matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name);
    expect(new Set(demanded)).toEqual(new Set(Object.keys(required)));
  });
});

describe(".env.example", () => {
  const path = join(repository, ".env.example");
  const example = readFileSync(path, "utf8");
  const names = [...example.matchAll(/^(\w+)=/gm)].map(([, name = ""]) => name);

  test("names exactly the variables that the file reads, each once", () => {
    const read = new Set([...text.matchAll(/\$\{(\w+)/g)].map(([, name = ""]) => name));
    expect(names.toSorted()).toEqual([...read].toSorted());
  });

  test("has the file's own defaults", () => {
    const { JWT_ISSUER = "", JWT_AUDIENCE = "" } = required;
    expect(loadModel({ JWT_ISSUER, JWT_AUDIENCE }, { profiles, envFiles: [path] })).toEqual(whole);
  });

  test("asks for what nobody else can know", () => {
    expect(() => loadModel({}, { envFiles: [path] })).toThrow(/JWT_AUDIENCE[\s\S]*JWT_ISSUER/);
  });
});

describe("images", () => {
  test.each(services)("%s has a tag that says which version", (_name, { image }) => {
    expect(image).toMatch(/:v?\d+\.\d+\.\d+/);
    expect(image).not.toContain("latest");
  });

  test("ours has the version of package.json", () => {
    const { version } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
    const ours = services.filter(([, service]) => isOurs(service)).map(([, { image }]) => image);
    expect(new Set(ours)).toEqual(new Set([`ordermesh:${version}`]));
  });

  test("ours is built from the Dockerfile of the repository", () => {
    for (const [, { build }] of services.filter(([, service]) => isOurs(service))) {
      expect(build).toMatchObject({ context: repository, dockerfile: "Dockerfile" });
    }
  });
});

describe("who can reach what", () => {
  const published = services.flatMap(([name, { ports = [] }]) => ports.map((port) => ({ name, ...port })));

  test("the edge is published, and the pages of the profiles", () => {
    expect(published.map(({ name }) => name).toSorted()).toEqual([
      "database-ui",
      "envoy",
      "grafana",
      "jaeger",
      "prometheus",
    ]);
    expect(Object.values(loadModel().services).flatMap(({ ports = [] }) => ports)).toHaveLength(1);
  });

  test("only from the host itself, unless the operator says otherwise", () => {
    for (const { host_ip } of published) expect(host_ip).toBe("127.0.0.1");
  });

  test("everything but Envoy and the pages is on a network without a way in or out", () => {
    expect(whole.networks.inside).toMatchObject({ internal: true });
    const outside = services.filter(([, { networks = {} }]) => Object.keys(networks).some((name) => name !== "inside"));
    expect(outside.map(([name]) => name).toSorted()).toEqual([
      "database-ui",
      "envoy",
      "grafana",
      "jaeger",
      "prometheus",
    ]);
  });

  test("the authority's key is seen by what makes certificates alone", () => {
    const holders = services.filter(([, { volumes = [] }]) => volumes.some(({ source }) => source === "authority"));
    expect(holders.map(([name]) => name)).toEqual(["setup"]);
  });

  test("a container sees a folder of the certificates that is made for its own user", () => {
    const identities = new Map(containerIdentities([]).map((identity) => [identity.name, identity]));
    const own: Readonly<Record<string, number>> = { prometheus: users.prometheus, "database-ui": users.phpmyadmin };
    for (const [name, service] of services) {
      for (const { source, read_only, volume } of service.volumes ?? []) {
        if (source !== "certs" || name === "setup") continue;
        const uid = service.user === undefined ? (own[name] ?? users.node) : Number(service.user.split(":")[0]);
        expect({ name, read_only, uid: identities.get(volume?.subpath ?? "")?.uid }).toEqual({
          name,
          read_only: true,
          uid,
        });
      }
    }
  });
});

describe("every container", () => {
  test.each(services)("%s has limits, bounded logs and no new privileges", (_name, service) => {
    expect(Object.keys(service.deploy?.resources?.limits ?? {}).toSorted()).toEqual(["cpus", "memory", "pids"]);
    expect(service.logging?.options).toMatchObject({ "max-size": "10m" });
    expect(service.security_opt).toContain("no-new-privileges:true");
    expect(service.privileged).toBeUndefined();
  });

  test("has a read-only file system and no capabilities, with the exceptions that are known", () => {
    const open = services.filter(([, { read_only, cap_drop }]) => !read_only || !cap_drop?.includes("ALL"));
    // Apache writes its own configuration and gives up root by itself.
    expect(open.map(([name]) => name)).toEqual(["database-ui"]);
    const capable = services.filter(([, { cap_add = [] }]) => cap_add.length > 0);
    expect(capable.map(([name]) => name)).toEqual(["setup"]);
  });

  test("starts again by itself, unless it is to run once", () => {
    const once = services.filter(([, service]) => isTask(service)).map(([name]) => name);
    expect(once.toSorted()).toEqual(["database-accounts", "migrate", "setup"]);
    for (const [, service] of services) expect(["no", "unless-stopped"]).toContain(service.restart);
  });

  test("waits for what it needs until that is ready", () => {
    for (const [, { depends_on = {} }] of services) {
      for (const [other, { condition }] of Object.entries(depends_on)) {
        const needed = whole.services[other];
        const wanted = needed !== undefined && isTask(needed) ? "service_completed_successfully" : "service_healthy";
        expect({ other, condition }).toEqual({ other, condition: wanted });
        if (wanted === "service_healthy") expect(needed?.healthcheck).toBeDefined();
      }
    }
  });

  test("of ours is asked for its real readiness", () => {
    for (const [, service] of services.filter(([, one]) => isOurs(one) && !isTask(one))) {
      expect(service.healthcheck?.test).toEqual(["CMD", "node", "deploy/healthcheck.ts"]);
    }
  });

  test("of ours has more time to stop than its draining takes", () => {
    for (const [, { environment = {}, stop_grace_period = "" }] of services.filter(
      ([, one]) => isOurs(one) && !isTask(one),
    )) {
      const drainMs = Number(environment.DRAIN_DELAY_MS) + Number(environment.DRAIN_TIMEOUT_MS);
      expect(Number.parseInt(stop_grace_period, 10) * 1000).toBeGreaterThan(drainMs);
    }
  });
});

describe("what is mounted", () => {
  const mounts = services.flatMap(([name, { volumes = [] }]) => volumes.map((volume) => ({ name, ...volume })));

  test("is in the repository", () => {
    for (const { source = "", read_only } of mounts.filter(({ type }) => type === "bind")) {
      expect(existsSync(source), source).toBe(true);
      expect(read_only).toBe(true);
      expect(tracked(source), source).toBe(true);
    }
  });

  test("is a declared volume, and every declared one is used", () => {
    const used = mounts.flatMap(({ type, source = "" }) => (type === "volume" ? [source] : []));
    expect(new Set(used)).toEqual(new Set(Object.keys(whole.volumes)));
  });

  test("every secret is declared and used, and none has a value in the repository", () => {
    const used = services.flatMap(([, { secrets = [] }]) => secrets.map(({ source }) => source));
    expect(new Set(used)).toEqual(new Set(Object.keys(whole.secrets)));
    for (const { file = "" } of Object.values(whole.secrets)) {
      expect(!tracked(file) || statSync(file).size === 0, file).toBe(true);
    }
  });

  test("secrets reach containers as files, never as variables", () => {
    for (const [, { environment = {}, secrets = [] }] of services) {
      for (const [variable, value] of Object.entries(environment)) {
        if (/PASSWORD|SECRET|_URL_FILE/.test(variable)) {
          expect(secrets.map(({ target }) => target)).toContain(value);
        }
      }
    }
  });
});

function tracked(path: string): boolean {
  return execFileSync("git", ["ls-files", path], { cwd: repository, encoding: "utf8" }) !== "";
}

/**
 * No import whose file matches `from` may lead to what matches `to`, `except` aside. In `to` and `except`, $1 stands for
 * the first group of `from`. A file is its path in the repository, a package `npm:name`, a part of Node `node:name`.
 */
export interface ImportRule {
  readonly rule: string;
  readonly from: string;
  readonly to: string;
  readonly except?: string;
}

/** Tests, and what several of them share in contract/ and testing/, may reach for anything but other tests. */
const code = "(?!.*(?:\\.test\\.ts$|/contract/|/testing/))";
const service = `^${code}services/(?!runtime/)([^/]+)/`;
const businessProto = "^proto/(ordermesh/(order|payment|notification|sync|identity|mesh)|compat)/";

export const importRules: readonly ImportRule[] = [
  {
    rule: "the runtime knows no service and no gateway",
    from: `^${code}services/runtime/`,
    to: `^services/(?!runtime/)|^gateway/|^envoy/|${businessProto}|^proto/ordermesh/events/(?!v\\d+/admin_pb)`,
  },
  { rule: "services speak to each other through protobuf only", from: service, to: "^services/(?!$1/|runtime/)" },
  { rule: "a service knows no gateway", from: service, to: "^gateway/" },
  {
    rule: "of the services the control plane alone knows Envoy",
    from: `^${code}services/(?!mesh/)[^/]+/`,
    to: "^envoy/",
  },
  {
    rule: "only services/main.ts, its roles and services/migrate.ts import services",
    from: `^${code}(?!services/(?:main|[a-z]+-role|migrate)\\.ts$)(?:gateway/|envoy/|tools/|services/[^/]+$)`,
    to: "^services/(?!runtime/)[^/]+/",
  },
  {
    rule: "domain/ is pure: no I/O, no clock, no SQL, of the runtime only its errors and their codes",
    from: `${service}domain/`,
    to: "",
    except:
      "^services/$1/domain/|^services/runtime/errors|^proto/|^node:(crypto|buffer|util)$|^npm:@bufbuild/protobuf|^npm:@connectrpc/connect$",
  },
  { rule: "store/ stands on domain/ alone", from: `${service}store/`, to: "^services/$1/(?!store/|domain/)" },
  { rule: "rpc/ stands on store/ and domain/", from: `${service}rpc/`, to: "^services/$1/(?!rpc/|store/|domain/)" },
  {
    rule: "events/ stands on store/ and domain/",
    from: `${service}events/`,
    to: "^services/$1/(?!events/|store/|domain/)",
  },
  {
    rule: "the transcoder knows descriptors and dialects, nothing of orders",
    from: `^${code}gateway/transcoder/`,
    to: `^gateway/(?!transcoder/)|${businessProto}|^proto/ordermesh/events/`,
  },
  {
    rule: "surfaces do not know each other",
    from: `^${code}gateway/surfaces/([^/]+)/`,
    to: "^gateway/surfaces/(?!$1/)[^/]+/",
  },
  {
    rule: "SQL is written in store/ alone, and where database servers are set up",
    from: `^${code}(?!services/[^/]+/store/|deploy/|tools/components/|tools/mesh/database/|test/|bench/)`,
    to: "^npm:(sequelize|umzug|mysql2|pg)(/|$)",
  },
  {
    rule: "SQLite files are opened by the runtime (its store, its embedded bus, its lock on the data folder) and by backups",
    from: `^${code}(?!services/runtime/|tools/ops/backup/|test/|bench/)`,
    to: "^node:sqlite$",
  },
  { rule: "nothing imports the benchmark, which may import everything", from: "^(?!bench/)", to: "^bench/" },
  { rule: "nothing imports a test", from: "", to: "\\.test\\.ts$" },
  {
    rule: "test support is for tests and the benchmark",
    from: `^${code}(?!test/|bench/|vitest\\.config)`,
    to: "^test/",
  },
  {
    rule: "what runs in production needs no tool of the repository",
    from: `^${code}(?:services|gateway|envoy|proto)/`,
    to: "^tools/",
  },
];

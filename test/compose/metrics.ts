import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { repository } from "./model.ts";

/** Names of the series in a scrape (Prometheus text format): those of histograms with `_bucket`, `_sum` and `_count`. */
export function metricsOf(scrape: string): Set<string> {
  const names = scrape
    .split("\n")
    .flatMap((line) => (line.startsWith("#") ? [] : (/^[a-zA-Z_:][\w:]*/.exec(line) ?? [])));
  return new Set(names);
}

const keywords = new Set([
  "by",
  "without",
  "on",
  "ignoring",
  "group_left",
  "group_right",
  "offset",
  "bool",
  "and",
  "or",
  "unless",
]);

/** Names of the metrics in a PromQL expression: every name that is no function, label or keyword. */
export function metricsIn(expression: string): string[] {
  const bare = expression
    .replace(/"(?:[^"\\]|\\.)*"/g, '""')
    .replace(/\{[^}]*\}/g, "")
    .replace(/\[[^\]]*\]/g, "")
    // Lists of labels, before and after what they group.
    .replace(/\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, "");
  const names = [...bare.matchAll(/(?<![\w:.$])[a-zA-Z_:][\w:]*(?!\s*\(|[\w:])/g)].map(([name]) => name);
  return [...new Set(names.filter((name) => !keywords.has(name)))];
}

const observability = join(repository, "deploy/observability");

interface Dashboard {
  readonly panels: readonly { readonly targets?: readonly { readonly expr: string }[] }[];
}

/** Every metric that the dashboard or an alert names. */
export function namedMetrics(): string[] {
  const dashboard: Dashboard = JSON.parse(
    readFileSync(join(observability, "grafana/dashboards/ordermesh.json"), "utf8"),
  );
  const shown = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  const alerts: { groups: { rules: { expr: string }[] }[] } = parse(
    readFileSync(join(observability, "alerts.yml"), "utf8"),
  );
  const watched = alerts.groups.flatMap(({ rules }) => rules.map(({ expr }) => expr));
  return [...new Set([...shown, ...watched].flatMap(metricsIn))].sort();
}

interface ScrapeTarget {
  /** Of docker-compose.yml, and the name in its certificate. */
  readonly service: string;
  readonly port: number;
  readonly path: string;
}

interface ScrapeConfig {
  readonly metrics_path?: string;
  readonly tls_config: { readonly server_name: string };
  readonly dns_sd_configs?: readonly { readonly names: readonly string[]; readonly port: number }[];
  readonly static_configs?: readonly { readonly targets: readonly string[] }[];
}

/** What Prometheus asks. */
export function scrapeTargets(): ScrapeTarget[] {
  const text = readFileSync(join(observability, "prometheus.yml"), "utf8");
  const { scrape_configs: jobs }: { scrape_configs: ScrapeConfig[] } = parse(text, { merge: true });
  return jobs.flatMap(({ metrics_path: path = "/metrics", tls_config, dns_sd_configs = [], static_configs = [] }) => {
    const service = tls_config.server_name;
    const names = dns_sd_configs.flatMap(({ names, port }) => names.map((name) => `${name}:${port}`));
    const all = [...names, ...static_configs.flatMap(({ targets }) => targets)];
    return all.map((target) => {
      const [host = "", port] = target.split(":");
      if (host !== service) throw new Error(`${host} is asked for the certificate of ${service}`);
      return { service, port: Number(port), path };
    });
  });
}

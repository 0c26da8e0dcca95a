import { StartupError } from "../lifecycle/startup-error.ts";

/** One option that is wrong. */
export interface Problem {
  readonly name: string;
  /** What is wrong; quotes no secret. */
  readonly what: string;
  /** What would be right. */
  readonly allowed: string;
}

/** Everything that is wrong with a configuration, one line a problem. */
export class ConfigError extends StartupError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
    super("the configuration is wrong", count);
    this.name = "ConfigError";
    this.problems = problems;
    const lines = problems.map(({ name, what, allowed }) => `  ${name}: ${what}; ${allowed}`);
    this.message = [`the configuration has ${count}:`, ...lines].join("\n");
  }
}

import { type Path, pathText } from "./path.ts";

/** Something that Envoy would refuse ("error"), or that its operator should know ("warning"). */
export interface Problem {
  readonly severity: "error" | "warning";
  readonly path: Path;
  readonly message: string;
  /** Counted from 1, where the problem is in a text. */
  readonly line?: number;
  readonly column?: number;
}

/** One line: where, what. */
export function formatProblem({ severity, path, message, line, column }: Problem, file?: string): string {
  const position = line === undefined ? [] : [line, column];
  const place = [...(file === undefined ? [] : [file]), ...position].join(":");
  const where = path.length === 0 ? "" : `${pathText(path)}: `;
  return `${place === "" ? "" : `${place}: `}${severity}: ${where}${message}`;
}

/** A configuration that Envoy would refuse. `problems` holds all of them. */
export class ConfigError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map((problem) => formatProblem(problem)).join("\n"));
    this.name = "ConfigError";
    this.problems = problems;
  }
}

export function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some(({ severity }) => severity === "error");
}

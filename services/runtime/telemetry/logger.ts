import { type DestinationStream, destination, type Logger as PinoLogger, pino, stdTimeFunctions } from "pino";
import { prettyStream } from "./pretty.ts";
import { redact, redactError } from "./redact.ts";

/** Structured logger; personal fields and secrets are redacted in lines and in child bindings. */
export type Logger = PinoLogger;

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";

export interface LoggerOptions {
  /** Stands in every line. */
  readonly service: string;
  readonly level?: LogLevel;
  /** `json` for collectors (default), `pretty` for people. */
  readonly format?: "json" | "pretty";
  /** Default: standard error; standard output belongs to the `ready` line and to commands' results. */
  readonly destination?: DestinationStream;
}

/** Makes the process's logger. Lines still buffered are written when the process exits. */
export function createLogger(options: LoggerOptions): Logger {
  const out = options.destination ?? destination({ fd: 2, sync: false });
  const logger = pino(
    {
      level: options.level ?? "info",
      base: { service: options.service },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: redactFields },
      serializers: { err: redactError },
    },
    options.format === "pretty" ? prettyStream(out) : out,
  );
  return redactChildren(logger);
}

function redactFields(fields: Record<string, unknown>): Record<string, unknown> {
  return redact(fields) as Record<string, unknown>;
}

/** pino applies no formatter to a child's bindings; children inherit this method by their prototype. */
function redactChildren(logger: Logger): Logger {
  const child = logger.child;
  logger.child = function (this: Logger, bindings: object, options?: object) {
    return child.call(this, redact(bindings), options);
  } as Logger["child"];
  return logger;
}

import type { Logger as PinoLogger } from "pino";

/** Structured logger; personal fields are redacted by its options. */
export type Logger = PinoLogger;

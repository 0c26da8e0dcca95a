import { join } from "node:path";
import { startNatsServer } from "../../tools/components/nats.ts";
import { natsServerProgram } from "../../tools/components/programs.ts";
import { temporaryDirectory } from "./temporary.ts";

/** A private nats-server that a test may kill and bring back. */
export interface TestNats {
  readonly url: string;
  readonly port: number;
  /** Of the running process; changes with a restart. */
  readonly pid: number;
  /** SIGKILL, as a crash would; what JetStream stored stays. */
  kill(): Promise<void>;
  /** Ends the server where it still runs and starts it again on the same port and store. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a nats-server with JetStream on file storage: by default the newest installed, a free port and a store of its own. */
export async function startNats(
  options: { binary?: string; port?: number; storeDir?: string; settings?: readonly string[] } = {},
): Promise<TestNats> {
  const binary = options.binary ?? natsServerProgram().path;
  const storeDir = options.storeDir ?? join(temporaryDirectory("nats"), "store");
  let server = await startNatsServer(binary, options.port ?? 0, storeDir, options.settings);
  const port = server.port;
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    get pid() {
      return server.process.pid;
    },
    kill: () => server.process.stop("SIGKILL"),
    restart: async () => {
      await server.process.stop();
      server = await startNatsServer(binary, port, storeDir, options.settings);
    },
    stop: () => server.process.stop(),
  };
}

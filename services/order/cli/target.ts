import { EventAdminService } from "@ordermesh/proto/ordermesh/events/v1/admin_pb";
import { loadConfig } from "@ordermesh/runtime/config/load-config.ts";
import { type ConfigValues, defineConfig, option } from "@ordermesh/runtime/config/option.ts";
import { runtimeOptions } from "@ordermesh/runtime/config/runtime-options.ts";
import { secretText, url, urlList } from "@ordermesh/runtime/config/values.ts";
import { openJetStreamBus } from "@ordermesh/runtime/events/jetstream-bus.ts";
import { externalMessageId } from "@ordermesh/runtime/events/message.ts";
import { StartupError } from "@ordermesh/runtime/lifecycle/startup-error.ts";
import { createClient } from "@ordermesh/runtime/rpc/caller.ts";
import { connectCaller } from "@ordermesh/runtime/rpc/connect-caller.ts";
import { createLogger } from "@ordermesh/runtime/telemetry/logger.ts";
import { maskUrlCredentials } from "@ordermesh/runtime/telemetry/mask-url.ts";
import type { TlsFiles } from "@ordermesh/runtime/tls/identity.ts";
import type { OutgoingLine } from "./messages.ts";

/** Where messages go. */
export interface Target {
  /** For people; without credentials. */
  readonly name: string;
  /** Resolves when all are stored. */
  publish(subject: string, messages: readonly OutgoingLine[]): Promise<void>;
  close(): Promise<void>;
}

const options = defineConfig({
  ORDERMESH_URL: option({
    schema: url("http", "https"),
    default: "http://127.0.0.1:8080",
    doc: "The running instance that messages are published through.",
    reason: "Where npm start listens.",
  }),
  ORDERMESH_TOKEN: option({
    schema: secretText(1),
    doc: "Bearer token of an operator, where the instance wants one.",
    reason: "An embedded start wants none.",
    secret: true,
  }),
  NATS_URL: option({
    schema: urlList("nats", "tls", "ws", "wss"),
    doc: "The NATS servers to publish to, instead of an instance.",
    reason: "An instance knows its own bus.",
    secret: "url",
  }),
  TLS_CERT_FILE: runtimeOptions.TLS_CERT_FILE,
  TLS_KEY_FILE: runtimeOptions.TLS_KEY_FILE,
  TLS_CA_FILE: runtimeOptions.TLS_CA_FILE,
});

/** NATS_URL when it is set, else the instance at ORDERMESH_URL. Throws ConfigError, StartupError. */
export async function openTarget(env: Readonly<Record<string, string | undefined>>): Promise<Target> {
  const values = loadConfig(options, env);
  return values.NATS_URL === undefined
    ? instanceAt(values.ORDERMESH_URL, values.ORDERMESH_TOKEN)
    : natsAt(values.NATS_URL, tlsFiles(values));
}

/** For `tls://`. An instance at https:// is known by the system's authorities and NODE_EXTRA_CA_CERTS. */
function tlsFiles({ TLS_CERT_FILE: cert, TLS_KEY_FILE: key, TLS_CA_FILE: ca }: ConfigValues<typeof options>) {
  return cert === undefined || key === undefined || ca === undefined ? undefined : { cert, key, ca };
}

function instanceAt(baseUrl: string, token: string | undefined): Target {
  const caller = connectCaller({ baseUrl });
  const client = createClient(EventAdminService, caller);
  const header = new Headers(token === undefined ? {} : { authorization: `Bearer ${token}` });
  return {
    name: maskUrlCredentials(baseUrl),
    async publish(subject, messages) {
      await client.publishMessages({ messages: messages.map(({ data }) => ({ subject, data })) }, { header });
    },
    close: () => caller.close(),
  };
}

/** A person waits: a server that is not there is told soon (milliseconds). */
const connectWaitMs = 4000;

async function natsAt(natsUrl: string, tls: TlsFiles | undefined): Promise<Target> {
  const log = createLogger({ service: "publish", level: "error" });
  const bus = await openJetStreamBus({ natsUrl, tls, log, connectWaitMs }).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartupError(reason, "start it, or correct NATS_URL", { cause: error });
  });
  return {
    name: maskUrlCredentials(natsUrl),
    publish: (subject, messages) =>
      bus.publish(messages.map(({ data }) => ({ subject, data, id: externalMessageId(subject, data) }))),
    close: () => bus.close(),
  };
}

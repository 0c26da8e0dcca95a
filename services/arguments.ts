import { parseArgs } from "node:util";
import { StartupError } from "@ordermesh/runtime/lifecycle/startup-error.ts";

/** Everything that a process can run. */
export const roles = ["order", "gateway", "mesh"] as const;
export type RoleName = (typeof roles)[number];

/** What runs where nobody says: the control plane is for a mesh of several processes. */
const defaultRoles = ["order", "gateway"] as const satisfies readonly RoleName[];

export interface Arguments {
  readonly roles: ReadonlySet<RoleName>;
  readonly printConfig: boolean;
  readonly help: boolean;
}

export const usage = `usage: npm start -- [--services ${roles.join(",")}] [--print-config] [--help]

  --services LIST   what this process runs, separated by commas; default: ${defaultRoles.join(",")}
  --print-config    show every option with its value, default and reason, and leave
  --help            show this, and leave

Options are environment variables. The last line of a start is "ready http://HOST:PORT".
`;

/** Throws StartupError for what it does not know. */
export function parseArguments(args: readonly string[]): Arguments {
  const remedy = "npm start -- --help shows what there is";
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        services: { type: "string", default: defaultRoles.join(",") },
        "print-config": { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    const names = values.services.split(",").map((name) => name.trim());
    const unknown = names.find((name) => !roles.some((role) => role === name));
    if (unknown !== undefined) throw new StartupError(`there is no service ${JSON.stringify(unknown)}`, remedy);
    return {
      roles: new Set(roles.filter((role) => names.includes(role))),
      printConfig: values["print-config"],
      help: values.help,
    };
  } catch (error) {
    if (error instanceof StartupError) throw error;
    throw new StartupError(error instanceof Error ? error.message : String(error), remedy, { exitCode: 2 });
  }
}

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Checked } from "@catena/errors";
import { type PartialSettings, resolveSettings, type Settings } from "@catena/gateway";
import type { OptionSpecs, ParsedArguments } from "../arguments.ts";
import type { CommandContext } from "../command.ts";
import { evaluate } from "../config/evaluate.ts";

/** Where a gateway's settings are looked for when no file is named. */
const defaultFile = join("configs", "gateway.ts");

/** Options of every command that needs to know which store it works with. */
export const storeOptions: OptionSpecs = {
  store: {
    type: "string",
    placeholder: "URL",
    help: "sqlite:FILE or etcd://host:port[,host:port] (CATENA_STORE)",
  },
  settings: {
    type: "string",
    placeholder: "FILE",
    help: `the gateway's settings; default ${defaultFile} when it is there`,
  },
};

/** Options of the commands that listen. */
export const listenOptions: OptionSpecs = {
  listen: { type: "string", placeholder: "HOST:PORT", help: "data plane (CATENA_LISTEN)" },
  "admin-listen": {
    type: "string",
    placeholder: "HOST:PORT",
    help: "Admin API (CATENA_ADMIN_LISTEN)",
  },
  "control-listen": {
    type: "string",
    placeholder: "HOST:PORT",
    help: "Control API (CATENA_CONTROL_LISTEN)",
  },
};

/** Of the command that may serve with several processes. */
export const workersOption: OptionSpecs = {
  workers: {
    type: "string",
    placeholder: "N|auto",
    help: "processes that serve the data plane, auto: one per CPU (CATENA_WORKERS)",
  },
};

const flagNames = {
  store: "store",
  listen: "listen",
  "admin-listen": "adminListen",
  "control-listen": "controlListen",
  workers: "workers",
} as const;

/** The settings file a command works with; `null` when there is none. */
export function findSettingsFile(args: ParsedArguments, { cwd }: CommandContext): string | null {
  return args.text("settings") ?? (existsSync(join(cwd, defaultFile)) ? defaultFile : null);
}

/** Defaults ← settings file ← environment ← flags; issues name the field and where it was given. */
export async function loadSettings(
  args: ParsedArguments,
  context: CommandContext,
): Promise<Checked<Settings>> {
  const file = findSettingsFile(args, context);
  const flags = readFlags(args);
  if (file === null) return resolveSettings({ environment: context.environment, flags });
  if (!existsSync(resolve(context.cwd, file))) {
    const issue = {
      path: "",
      code: "SETTINGS_NOT_FOUND",
      message: `${file} does not exist`,
      expected: "a file that says export default defineGateway({ … })",
    };
    return { issues: [issue] };
  }
  const reply = await evaluate({ files: [file], want: "default" });
  if (reply.kind !== "default") {
    return { issues: reply.kind === "issues" ? reply.issues : [] };
  }
  return resolveSettings({
    file: { name: file, value: reply.value },
    environment: context.environment,
    flags,
  });
}

function readFlags(args: ParsedArguments): PartialSettings {
  const flags: Record<string, string | number> = {};
  for (const [option, field] of Object.entries(flagNames)) {
    const value = args.text(option);
    if (value === undefined) continue;
    flags[field] = option === "workers" && /^\d+$/.test(value) ? Number(value) : value;
  }
  return flags;
}

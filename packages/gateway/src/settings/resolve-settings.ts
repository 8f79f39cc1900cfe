import { isIP } from "node:net";
import { type Checked, type Issue, pointerSegment } from "@catena/errors";
import type { TSchema } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { defaults, type PartialSettings, type Settings, SettingsSchema } from "./settings.ts";

/** The environment variables that override a settings file, and the field each one sets. */
export const environmentNames = {
  CATENA_STORE: "store",
  CATENA_PREFIX: "prefix",
  CATENA_LISTEN: "listen",
  CATENA_ADMIN_LISTEN: "adminListen",
  CATENA_CONTROL_LISTEN: "controlListen",
  CATENA_ADMIN_KEY: "adminKey",
  CATENA_ADMIN_KEY_FILE: "adminKeyFile",
  CATENA_RESOLVER_HOSTS: "resolver",
  CATENA_TRANSPORT: "transport",
  CATENA_ROUTER: "router",
} as const satisfies Readonly<Record<string, keyof Settings>>;

export interface SettingsSources {
  /** The settings file's default export, not yet checked. */
  readonly file?: { readonly name: string; readonly value: unknown };
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** From the command line: `{store: "sqlite:x.db"}`; wins over everything. */
  readonly flags?: PartialSettings;
}

/**
 * Defaults ← file ← environment ← flags, then checked as a whole.
 *
 * @returns the settings, or every finding with the place it came from.
 */
export function resolveSettings(sources: SettingsSources): Checked<Settings> {
  const issues: Issue[] = [];
  const layers: { name: string; value: unknown }[] = [{ name: "defaults", value: defaults }];
  if (sources.file !== undefined) layers.push(sources.file);
  layers.push({ name: "environment", value: fromEnvironment(sources.environment, issues) });
  if (sources.flags !== undefined) layers.push({ name: "flags", value: sources.flags });
  const merged: Record<string, unknown> = {};
  for (const { name, value } of layers) {
    if (!isRecord(value)) {
      issues.push({
        path: "",
        code: "SETTINGS_INVALID",
        message: `the settings of ${name} are not an object`,
        expected: "export default defineGateway({ … })",
        found: value === null ? "null" : typeof value,
      });
      continue;
    }
    for (const [key, field] of Object.entries(value)) {
      if (field === undefined) continue;
      const before = merged[key];
      merged[key] = isRecord(before) && isRecord(field) ? { ...before, ...field } : field;
    }
  }
  issues.push(...findIssues(SettingsSchema, merged));
  if (issues.length > 0) return { issues };
  // Checked against the schema the type is derived from on the line above.
  const value = merged as Settings;
  issues.push(...findServerIssues(value.dns.servers));
  return issues.length > 0 ? { issues } : { value, issues };
}

function findIssues(schema: TSchema, value: unknown): readonly Issue[] {
  const issues: Issue[] = [];
  for (const error of Value.Errors(schema, value)) {
    const known = Object.keys(SettingsSchema.properties);
    const unknownKey = error.message.startsWith("Unexpected property");
    issues.push({
      path: error.path,
      code: "SETTINGS_INVALID",
      message: unknownKey ? "unknown setting" : "invalid setting",
      expected: unknownKey
        ? `one of ${known.join(", ")}`
        : (error.schema.description ?? error.message),
      found: /key/i.test(error.path) ? "a value that is not shown" : JSON.stringify(error.value),
    });
  }
  return issues;
}

/** The runtime throws for some of these, and asks another port for one that is out of range. */
function findServerIssues(servers: readonly string[]): readonly Issue[] {
  return servers.flatMap((server, index) => {
    const parts = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(server);
    const address = parts?.[1] ?? parts?.[2] ?? server;
    const port = Number(parts?.[3] ?? 53);
    if (isIP(address) !== 0 && port > 0 && port < 65_536) return [];
    return [
      {
        path: `/dns/servers/${index}`,
        code: "SETTINGS_INVALID",
        message: "invalid setting",
        expected: "an IP address, or ip:port, or [ipv6]:port",
        found: server,
      },
    ];
  });
}

function fromEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  issues: Issue[],
): Record<string, unknown> {
  const settings: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(environmentNames)) {
    const text = environment[name];
    if (text === undefined || text === "") continue;
    settings[field] = field === "resolver" ? { hosts: parseHosts(text, issues) } : text;
  }
  return settings;
}

/** `name=ip:port,name=ip` → a table of hosts. */
function parseHosts(text: string, issues: Issue[]): Record<string, string> {
  const hosts: Record<string, string> = {};
  for (const part of text.split(",")) {
    const entry = part.trim();
    if (entry === "") continue;
    const equals = entry.indexOf("=");
    if (equals <= 0 || equals === entry.length - 1) {
      issues.push({
        path: `/resolver/hosts/${pointerSegment(entry)}`,
        code: "SETTINGS_INVALID",
        message: "CATENA_RESOLVER_HOSTS is not understood",
        expected: "name=ip:port,name=ip:port",
        found: entry,
      });
      continue;
    }
    hosts[entry.slice(0, equals).trim().toLowerCase()] = entry.slice(equals + 1).trim();
  }
  return hosts;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

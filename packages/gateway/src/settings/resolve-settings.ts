import { isIP } from "node:net";
import type { Checked, Issue } from "@catena/errors";
import { compileAddresses } from "@catena/expr";
import type { TSchema } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { readEnvironment } from "./environment.ts";
import { resolveReferences } from "./setting-references.ts";
import { defaults, type PartialSettings, type Settings, SettingsSchema } from "./settings.ts";

export interface SettingsSources {
  /** The settings file's default export, not yet checked. */
  readonly file?: { readonly name: string; readonly value: unknown };
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** From the command line: `{store: "sqlite:x.db"}`; wins over everything. */
  readonly flags?: PartialSettings;
}

/**
 * Defaults ← file ← environment ← flags, then references (`$env://NAME`, `$file://PATH`) are followed,
 * and the result is checked as a whole.
 *
 * @returns the settings, or every finding with the place it came from.
 */
export function resolveSettings(sources: SettingsSources): Checked<Settings> {
  const issues: Issue[] = [];
  const layers: { name: string; value: unknown }[] = [{ name: "defaults", value: defaults }];
  if (sources.file !== undefined) layers.push(sources.file);
  layers.push({ name: "environment", value: readEnvironment(sources.environment, issues) });
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
  const resolved = resolveReferences(merged, sources.environment, issues);
  if (issues.length > 0) return { issues };
  issues.push(...findIssues(SettingsSchema, resolved));
  if (issues.length > 0) return { issues };
  // Checked against the schema the type is derived from on the line above.
  const value = resolved as Settings;
  issues.push(
    ...findServerIssues(value.dns.servers),
    ...findAddressIssues("/admin/allow", value.admin.allow),
    ...findAddressIssues("/realIp/from", value.realIp.from),
    ...findAddressIssues("/trustedAddresses", value.trustedAddresses),
    ...findKeyIssues(value),
  );
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

function findAddressIssues(path: string, addresses: readonly string[]): readonly Issue[] {
  return addresses.flatMap((address, index) =>
    compileAddresses([address]).issues.length === 0
      ? []
      : [
          {
            path: `${path}/${index}`,
            code: "SETTINGS_INVALID",
            message: "invalid setting",
            expected: "an IP address or a CIDR block",
            found: address,
          },
        ],
  );
}

/** Fewer different characters than this are no key but a placeholder. */
const fewestCharacters = 6;

/** What a schema can't say of keys. Values are not shown. */
function findKeyIssues({ adminKey, admin, keyring }: Settings): readonly Issue[] {
  const issues: Issue[] = [];
  const refuse = (path: string, message: string, expected: string) =>
    issues.push({ path, code: "SETTINGS_INVALID", message, expected });
  const seen = new Set<string>();
  const keys = [
    ["/adminKey", adminKey],
    ...admin.keys.map(({ key }, index) => [`/admin/keys/${index}/key`, key] as const),
  ] as const;
  for (const [path, key] of keys) {
    if (key === null) continue;
    if (new Set(key).size < fewestCharacters)
      refuse(path, "this key is easily guessed", "a random one");
    if (seen.has(key)) refuse(path, "two keys are the same", "one key per holder");
    seen.add(key);
  }
  for (const [index, key] of keyring.entries()) {
    const bytes = Buffer.byteLength(key);
    if (bytes === 16 || bytes === 32) continue;
    refuse(`/keyring/${index}`, `this key has ${bytes} bytes`, "16 or 32 bytes");
  }
  return issues;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

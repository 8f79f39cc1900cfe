import type { TSchema } from "@sinclair/typebox";
import { checkPlugins } from "./check-plugins.ts";
import { checkUpstream } from "./check-upstream.ts";
import { compileSchema, type SchemaChecker } from "./json-schema/compile-schema.ts";
import type { Finding } from "./json-schema/finding.ts";
import { isJsonObject, type JsonObject } from "./json-schema/json-schema.ts";
import { isSecretReference } from "./json-schema/value-tests.ts";
import { type Kind, kinds } from "./kinds.ts";
import { isSecretManager, secretSchemas } from "./resources/secret.ts";
import type { Upstream } from "./resources/upstream.ts";
import type { ValidationOptions } from "./validation-options.ts";

const SCHEMA_WRAP = "invalid configuration: ";

/**
 * Everything wrong with a document, in the order in which APISIX would meet it
 * (apisix/admin/resource.lua, check_conf). What follows the schema looks only at documents that have
 * passed it.
 */
export function findProblems(
  kind: Kind,
  value: unknown,
  options: ValidationOptions & { readonly only?: "schema" },
): Finding[] {
  const isOnlySchema = options.only === "schema";
  const early = isOnlySchema ? [] : checkExclusive(kind, value);
  const schema = checkSchema(kind, value, options);
  if (schema.length > 0 || !isJsonObject(value) || isOnlySchema) {
    // The schema says the same of exclusive fields once more, less clearly.
    return early.length > 0 ? [...early, ...schema.filter(isNotExclusive)] : schema;
  }
  if (kind === "plugin_metadata") return checkMetadata(value, options);
  return [
    ...checkUpstreams(kind, value),
    ...checkPluginSets(kind, value, options),
    ...checkRoute(kind, value, options),
  ];
}

function isNotExclusive(finding: Finding): boolean {
  return finding.code !== "SCHEMA_EXCLUSIVE";
}

const checkers = new Map<TSchema, SchemaChecker<TSchema>>();

function checkerOf(kind: Kind, options: ValidationOptions): SchemaChecker<TSchema> {
  const manager = kind === "secrets" ? (options.id?.split("/")[0] ?? "") : "";
  const schema = isSecretManager(manager) ? secretSchemas[manager] : kinds[kind].schema;
  let checker = checkers.get(schema);
  if (checker === undefined) {
    // Keys and certificates may be references to where they are kept.
    checker = compileSchema<TSchema>(schema, { secretReferences: kind === "ssls" });
    checkers.set(schema, checker);
  }
  return checker;
}

function checkSchema(kind: Kind, value: unknown, options: ValidationOptions): Finding[] {
  const checked = withoutTlsReferences(kind, value);
  return [...checkerOf(kind, options).explain(checked, { path: "", wrap: SCHEMA_WRAP })];
}

/** As long as the schema wants a certificate or key to be. */
const keptElsewhere = "-".repeat(128);

/**
 * What upstreams are shown may be kept elsewhere, too; nothing else of an upstream may. So that limits on
 * texts do not count for these two fields alone, the schema sees something of the right length there.
 */
function withoutTlsReferences(kind: Kind, value: unknown): unknown {
  if (!isJsonObject(value)) return value;
  if (kind === "upstreams") {
    const { tls } = value;
    return isJsonObject(tls) && tlsFields.some((name) => isReference(tls[name]))
      ? { ...value, tls: Object.fromEntries(Object.entries(tls).map(standIn)) }
      : value;
  }
  const { upstream } = value;
  if ((kind !== "routes" && kind !== "services") || !isJsonObject(upstream)) return value;
  const checked = withoutTlsReferences("upstreams", upstream);
  return checked === upstream ? value : { ...value, upstream: checked };
}

const tlsFields = ["client_cert", "client_key"];

function standIn([name, value]: [string, unknown]): [string, unknown] {
  return [name, tlsFields.includes(name) && isReference(value) ? keptElsewhere : value];
}

function isReference(value: unknown): boolean {
  return typeof value === "string" && isSecretReference(value);
}

/** Pairs of fields that APISIX refuses together before it looks at the schema. */
function checkExclusive(kind: Kind, value: unknown): Finding[] {
  if (kind !== "routes" || !isJsonObject(value)) return [];
  const pairs: [string, string][] = [
    ["host", "hosts"],
    ["remote_addr", "remote_addrs"],
  ];
  return pairs.flatMap(([one, many]) =>
    Object.hasOwn(value, one) && Object.hasOwn(value, many)
      ? [
          {
            path: "",
            code: "SCHEMA_EXCLUSIVE",
            message: `"${one}" and "${many}" exclude each other`,
            hint: `put everything into "${many}"`,
            apisix: `only one of ${one} or ${many} is allowed`,
          },
        ]
      : [],
  );
}

function checkUpstreams(kind: Kind, value: JsonObject): Finding[] {
  // Passing the schema is what makes these upstreams.
  if (kind === "upstreams") return checkUpstream(value as Upstream, "");
  const inline = value["upstream"];
  return isJsonObject(inline) ? checkUpstream(inline as Upstream, "/upstream") : [];
}

function checkPluginSets(kind: Kind, value: JsonObject, options: ValidationOptions): Finding[] {
  const isConsumer = kind === "consumers" || kind === "credentials";
  // Plugins of stream routes are another set, and none of them are served.
  if (kind === "stream_routes") return [];
  const findings = checkPlugins(
    value["plugins"],
    isConsumer ? "consumer" : "plugin",
    options,
    isConsumer ? "invalid plugins configuration: " : "",
  );
  if (kind !== "credentials" || findings.length > 0 || options.registry === undefined) {
    return findings;
  }
  const { registry } = options;
  return Object.keys(Object(value["plugins"])).flatMap((name) =>
    registry.get(name)?.type === "auth"
      ? []
      : [
          {
            path: `/plugins/${name}`,
            code: "PLUGIN_NOT_AUTH",
            message: `a credential cannot hold "${name}", which identifies nobody`,
            expected: "an auth plugin",
            apisix: "only supports auth type plugins in consumer credential",
          },
        ],
  );
}

function checkRoute(kind: Kind, value: JsonObject, options: ValidationOptions): Finding[] {
  const findings: Finding[] = [];
  const vars = value["vars"];
  const problem = Array.isArray(vars) ? (options.checkExpression?.(vars) ?? null) : null;
  if (kind === "routes" && problem !== null) {
    findings.push({
      path: "/vars",
      code: "EXPRESSION_INVALID",
      message: problem,
      apisix: `failed to validate the 'vars' expression: ${problem}`,
    });
  }
  for (const field of ["filter_func", "script"]) {
    if ((kind !== "routes" && kind !== "services") || !Object.hasOwn(value, field)) continue;
    findings.push({
      path: `/${field}`,
      code: "LUA_UNSUPPORTED",
      message: "Lua code cannot run here",
      hint: field === "filter_func" ? 'say it with "vars"' : "use a plugin",
      apisix: `failed to load '${field}' string: Lua code cannot run here`,
    });
  }
  return findings;
}

function checkMetadata(value: JsonObject, options: ValidationOptions): Finding[] {
  const { registry, id } = options;
  if (registry === undefined || id === undefined) return [];
  const plugin = registry.get(id);
  if (plugin === undefined) {
    return [
      {
        path: "",
        code: "PLUGIN_UNKNOWN",
        message: `plugin "${id}" is not known`,
        apisix: "invalid plugin name",
      },
    ];
  }
  const place = { path: "", wrap: SCHEMA_WRAP };
  const findings = registry.checker(id, "metadata")?.explain(value, place) ?? [];
  if (findings.length > 0) return [...findings];
  return (plugin.check?.(value, "metadata") ?? []).map((issue) => ({
    ...issue,
    apisix: SCHEMA_WRAP + issue.message,
  }));
}

import { pointerSegment } from "@catena/errors";
import { didYouMean } from "./did-you-mean.ts";
import { describeValue, type Finding } from "./json-schema/finding.ts";
import { isJsonObject, isObjectLike, type JsonObject } from "./json-schema/json-schema.ts";
import type { PluginSchema, PluginTarget } from "./plugin-registry.ts";
import type { ExpressionCheck, ValidationOptions } from "./validation-options.ts";

/**
 * Checks every plugin configuration of a resource as APISIX does: known by name, an object, `_meta`
 * in order, and, unless `_meta.disable` is true, the plugin's own schema and rules.
 *
 * @param wrap what APISIX writes before each of these messages (`invalid plugins configuration: `).
 */
export function checkPlugins(
  plugins: unknown,
  target: PluginTarget,
  options: ValidationOptions,
  wrap: string,
): Finding[] {
  if (!isObjectLike(plugins)) return [];
  return Object.entries(plugins).flatMap(([name, conf]) =>
    checkPlugin(name, conf, target, options).map((finding) => ({
      ...finding,
      apisix: wrap + finding.apisix,
    })),
  );
}

function checkPlugin(
  name: string,
  conf: unknown,
  target: PluginTarget,
  options: ValidationOptions,
): Finding[] {
  const path = `/plugins/${pointerSegment(name)}`;
  const { registry } = options;
  const plugin = registry?.get(name);
  if (registry !== undefined && plugin === undefined) {
    const reason = registry.whyAbsent(name);
    if (reason !== null) {
      const apisix = `unknown plugin [${name}]: ${reason}`;
      const message = `plugin "${name}" is not served: ${reason}`;
      return [{ path, code: "PLUGIN_UNKNOWN", message, apisix }];
    }
    const meant = didYouMean(
      name,
      registry.plugins.map((known) => known.name),
    );
    return [
      {
        path,
        code: "PLUGIN_UNKNOWN",
        message: `plugin "${name}" is not known`,
        ...(meant === null ? {} : { hint: `did you mean "${meant}"?` }),
        apisix: `unknown plugin [${name}]`,
      },
    ];
  }
  if (!isObjectLike(conf)) {
    return [
      {
        path,
        code: "SCHEMA_TYPE",
        message: "wrong type",
        expected: "object",
        found: describeValue(conf, path),
        apisix: `invalid plugin conf ${JSON.stringify(conf)} for plugin [${name}]`,
      },
    ];
  }
  const findings = checkMeta(name, conf, path, options.checkExpression);
  if (plugin === undefined || registry === undefined || isDisabled(conf)) return findings;
  const wrap = `failed to check the configuration of plugin ${name} err: `;
  const schemaFindings = registry.checker(name, target)?.explain(conf, { path, wrap }) ?? [];
  if (schemaFindings.length > 0) return [...findings, ...schemaFindings];
  return [...findings, ...ownRules(plugin, conf, target, path, wrap)];
}

function ownRules(
  plugin: PluginSchema,
  conf: JsonObject,
  target: PluginTarget,
  path: string,
  wrap: string,
): Finding[] {
  return (plugin.check?.(conf, target) ?? []).map((issue) => ({
    ...issue,
    path: path + issue.path,
    apisix: wrap + issue.message,
  }));
}

function isDisabled(conf: JsonObject): boolean {
  const meta = conf["_meta"];
  return isJsonObject(meta) && meta["disable"] === true;
}

/** Rules on `_meta` that hold for every plugin and that its schema cannot say. */
function checkMeta(
  name: string,
  conf: JsonObject,
  path: string,
  checkExpression: ExpressionCheck | undefined,
): Finding[] {
  const meta = conf["_meta"];
  if (!isJsonObject(meta)) return [];
  const findings: Finding[] = [];
  const filter = meta["filter"];
  const problem = Array.isArray(filter) ? (checkExpression?.(filter) ?? null) : null;
  if (problem !== null) {
    findings.push({
      path: `${path}/_meta/filter`,
      code: "EXPRESSION_INVALID",
      message: problem,
      apisix: `failed to validate the 'vars' expression: ${problem}`,
    });
  }
  if (typeof meta["pre_function"] === "string") {
    findings.push({
      path: `${path}/_meta/pre_function`,
      code: "LUA_UNSUPPORTED",
      message: "Lua code cannot run here",
      hint: "remove pre_function",
      apisix: `failed to load _meta.pre_function in plugin ${name}: Lua code cannot run here`,
    });
  }
  return findings;
}

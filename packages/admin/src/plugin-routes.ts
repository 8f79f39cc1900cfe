import type { PluginRegistry } from "@catena/schema";
import { Elysia } from "elysia";
import type { AdminContext } from "./admin-context.ts";
import { adminErrors } from "./errors.ts";
import type { Replies } from "./http/replies.ts";
import { describeOperation, undocumented } from "./openapi/operation-details.ts";
import { describePlugins, pluginSchema, schemaNamed } from "./schema-documents.ts";

/**
 * Schemas and plugins: `GET /schema/NAME`, `GET /schema/plugins/NAME` and `GET /plugins/NAME`,
 * `GET /plugins?all=true`, `GET /plugins/list`, `PUT /plugins/reload` (apisix/admin/schema.lua,
 * apisix/admin/plugins.lua). No plugin here is one of the stream subsystem,
 * and a reload has nothing to do: the plugins are those of the build.
 */
export function createPluginRoutes(context: AdminContext, replies: Replies, base: string) {
  const { one, named, list } = createAnswers(context.registry, replies);
  return new Elysia({ prefix: base, normalize: false })
    .get("/plugins", ({ request }) => one(undefined, queryOf(request)), {
      detail: describeOperation("plugins", "Describe every plugin, with all=true", [200, 401, 404]),
    })
    .get("/plugins/:plugin", ({ request, params }) => one(params.plugin, queryOf(request)), {
      detail: describeOperation("plugins", "Read the schema of a plugin", [200, 400, 401, 404]),
    })
    .get("/plugins/:plugin/*", ({ request, params }) => one(params.plugin, queryOf(request)), {
      detail: undocumented,
    })
    .get("/plugins/list", ({ request }) => list(queryOf(request)), {
      detail: describeOperation("plugins", "Name every plugin, first run first", [200, 400, 401]),
    })
    .put("/plugins/reload", () => replies.text(200, "done"), {
      parse: "none",
      detail: describeOperation("plugins", "Do nothing: plugins cannot change", [200, 401]),
    })
    .all(
      "/plugins/reload",
      ({ request }) => {
        const error_msg = `please use PUT method to reload the plugins, ${request.method} method is not allowed.`;
        return replies.json(405, { error_msg });
      },
      { parse: "none", detail: undocumented },
    )
    .get("/schema/plugins", ({ request }) => one(undefined, queryOf(request)), {
      detail: undocumented,
    })
    .get("/schema/plugins/:plugin", ({ request, params }) => one(params.plugin, queryOf(request)), {
      detail: describeOperation("schema", "Read the schema of a plugin", [200, 400, 401, 404]),
    })
    .get("/schema/:name", ({ params }) => named(params.name), {
      detail: describeOperation("schema", "Read a schema by its name", [200, 400, 401]),
    })
    .get("/schema/:name/*", ({ params }) => named(params.name), { detail: undocumented });
}

/** What the routes answer: one plugin's schema, a schema by its name, the names of all plugins. */
function createAnswers(registry: PluginRegistry, replies: Replies) {
  const one = (name: string | undefined, query: URLSearchParams): Response => {
    const subsystem = query.get("subsystem") ?? "http";
    if (subsystem !== "http" && subsystem !== "stream") {
      throw adminErrors.ADMIN_RESOURCE_INVALID({ reason: `unsupported subsystem: ${subsystem}` });
    }
    const isAll = name === undefined && query.get("all") === "true";
    if (isAll)
      return replies.json(200, subsystem === "http" ? describePlugins(registry) : {}, true);
    const plugin = subsystem === "http" ? registry.get(name ?? "") : undefined;
    if (plugin === undefined) {
      throw adminErrors.ADMIN_PLUGIN_UNKNOWN({ subsystem });
    }
    const isConsumer = query.get("schema_type") === "consumer";
    const schema = pluginSchema(plugin, isConsumer ? "consumer" : "plugin");
    if (schema === undefined) {
      throw adminErrors.ADMIN_RESOURCE_INVALID({ reason: "not found schema" });
    }
    return replies.json(200, schema, true);
  };
  const named = (name: string): Response => {
    const schema = schemaNamed(name);
    if (schema !== undefined) return replies.json(200, schema, true);
    throw adminErrors.ADMIN_RESOURCE_INVALID({ reason: `not found schema: ${name}` });
  };
  const list = (query: URLSearchParams): Response => {
    const subsystem = query.get("subsystem") ?? "http";
    if (subsystem === "stream") return replies.json(200, []);
    if (subsystem !== "http") return replies.text(400, "invalid subsystem passed");
    return replies.json(
      200,
      registry.plugins.map(({ name }) => name),
    );
  };
  return { one, named, list };
}

function queryOf(request: Request): URLSearchParams {
  return new URL(request.url).searchParams;
}

import { Elysia } from "elysia";
import type { AdminContext } from "./admin-context.ts";
import { adminErrors } from "./errors.ts";
import type { Replies } from "./http/replies.ts";
import { describePlugins, pluginSchema, schemaNamed } from "./schema-documents.ts";

/**
 * Schemas and plugins: `GET /schema/NAME`, `GET /schema/plugins/NAME` and `GET /plugins/NAME`,
 * `GET /plugins?all=true`, `GET /plugins/list`, `PUT /plugins/reload` (apisix/admin/schema.lua,
 * apisix/admin/plugins.lua). No plugin here is one of the stream subsystem.
 */
export function createPluginRoutes(context: AdminContext, replies: Replies, base: string) {
  const { registry } = context;
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
  const ofSchema = (name: string): Response => {
    const schema = schemaNamed(name);
    if (schema !== undefined) return replies.json(200, schema, true);
    throw adminErrors.ADMIN_RESOURCE_INVALID({ reason: `not found schema: ${name}` });
  };
  return (
    new Elysia({ prefix: base, normalize: false })
      .get("/plugins", ({ request }) => one(undefined, queryOf(request)))
      .get("/plugins/:plugin", ({ request, params }) => one(params.plugin, queryOf(request)))
      .get("/plugins/:plugin/*", ({ request, params }) => one(params.plugin, queryOf(request)))
      .get("/plugins/list", ({ request }) => {
        const subsystem = queryOf(request).get("subsystem") ?? "http";
        if (subsystem === "stream") return replies.json(200, []);
        if (subsystem !== "http") return replies.text(400, "invalid subsystem passed");
        const names = registry.plugins.map(({ name }) => name);
        return replies.json(200, names);
      })
      // The plugins are those of this build; there is nothing that could have changed meanwhile.
      .put("/plugins/reload", () => replies.text(200, "done"), { parse: "none" })
      .all(
        "/plugins/reload",
        ({ request }) => {
          const error_msg = `please use PUT method to reload the plugins, ${request.method} method is not allowed.`;
          return replies.json(405, { error_msg });
        },
        { parse: "none" },
      )
      .get("/schema/plugins", ({ request }) => one(undefined, queryOf(request)))
      .get("/schema/plugins/:plugin", ({ request, params }) => one(params.plugin, queryOf(request)))
      .get("/schema/:name", ({ params }) => ofSchema(params.name))
      .get("/schema/:name/*", ({ params }) => ofSchema(params.name))
  );
}

function queryOf(request: Request): URLSearchParams {
  return new URL(request.url).searchParams;
}

import { isJsonObject, type JsonObject, kindNames, kinds } from "@catena/schema";
import { toOpenAPISchema } from "@elysiajs/openapi/openapi";
import type { AnyElysia } from "elysia";

/** Where the document is, readable without a key: it says nothing that is not public. */
export const openApiPath = "/openapi/json";

interface Parameter {
  readonly name: string;
  readonly in: "query";
  readonly description: string;
  readonly schema: { readonly type: string };
}

const query = (name: string, type: string, description: string): Parameter => ({
  name,
  in: "query",
  description,
  schema: { type },
});

const listParameters: readonly Parameter[] = [
  query("page", "integer", "Page to show, from 1; with page_size"),
  query("page_size", "integer", "Resources on a page, 10 to 500; with page"),
  query("name", "string", "Regular expression that a part of the name must match"),
  query("label", "string", "Label that a resource must have"),
  query("uri", "string", "Regular expression that a part of uri, or of one of uris, must match"),
  query("filter", "string", "service_id=ID, upstream_id=ID; encoded as a query within the query"),
];
const ttl = query("ttl", "integer", "The resource disappears by itself after this many seconds");
const force = query("force", "boolean", "Delete it even if it is in use");

/** Documents the routes of an app as OpenAPI 3.1. */
export function buildOpenApiDocument(app: AnyElysia): JsonObject {
  const { paths } = toOpenAPISchema(app, { paths: [openApiPath, "/*"] });
  const documented = Object.entries(paths).map(([path, operations]) => [
    path,
    Object.fromEntries(
      Object.entries(operations ?? {}).map(([method, operation]) => [
        method,
        isJsonObject(operation) ? withParameters(path, method, operation) : operation,
      ]),
    ),
  ]);
  return {
    openapi: "3.1.0",
    info: {
      title: "Admin API",
      version: "3",
      description: "Resources of the gateway, as in the Admin API of Apache APISIX.",
    },
    security: [{ key: [] }],
    paths: Object.fromEntries(documented),
    components: {
      securitySchemes: { key: { type: "apiKey", in: "header", name: "X-API-KEY" } },
      schemas: Object.fromEntries(
        kindNames.map((kind) => [kinds[kind].schemaName, kinds[kind].schema]),
      ),
    },
  };
}

/** Elysia would check query parameters it knows of, in other words than APISIX. */
function withParameters(path: string, method: string, operation: JsonObject): JsonObject {
  const given: unknown = operation["parameters"];
  const more = isResource(operation) ? parametersOf(path, method) : [];
  if (more.length === 0) return operation;
  return { ...operation, parameters: [...(Array.isArray(given) ? given : []), ...more] };
}

function isResource({ tags }: JsonObject): boolean {
  return Array.isArray(tags) && kindNames.some((kind) => tags.includes(kind));
}

function parametersOf(path: string, method: string): readonly Parameter[] {
  if (method === "get") return path.endsWith("}") ? [] : listParameters;
  return method === "delete" ? [force] : [ttl];
}

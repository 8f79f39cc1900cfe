import { kindNames, kinds } from "@catena/schema";
import { Elysia } from "elysia";
import type { AdminContext } from "./admin-context.ts";
import { adminErrors } from "./errors.ts";
import { readJsonBody } from "./http/read-body.ts";
import type { Replies } from "./http/replies.ts";
import { describeResourceOperation, undocumented } from "./openapi/operation-details.ts";
import type { Address } from "./resource/address.ts";
import { deleteResource } from "./resource/delete-resource.ts";
import { parseListQuery } from "./resource/list-query.ts";
import { getResource, listResources } from "./resource/read-resource.ts";
import type { ResourceReply } from "./resource/resource-reply.ts";
import { patchResource, postResource, putResource } from "./resource/write-resource.ts";
import { pathsOf, toAddress } from "./resource-paths.ts";

const methods = ["GET", "PUT", "POST", "PATCH", "DELETE"] as const;
type Method = (typeof methods)[number];

/**
 * The routes of every kind: its collection, one resource, and what follows one in a path, which only
 * PATCH looks at.
 */
export function createResourceRoutes(context: AdminContext, replies: Replies, base: string) {
  const app = new Elysia({ prefix: base, normalize: false });
  for (const method of methods) {
    for (const suffix of ["", "/*"]) {
      // Without these, what follows a service in a path would be taken for a part of it.
      app.route(method, `/services/:id/${DECORATIONS}${suffix}`, refuseDecorations, {
        parse: "none",
        detail: undocumented,
      });
    }
  }
  for (const kind of kindNames) {
    for (const path of pathsOf(kind)) {
      for (const method of methods) {
        app.route(
          method,
          path.path,
          async ({ request, params }) => {
            const reply = await run(context, method, toAddress(kind, path, params ?? {}), request);
            return replies.json(reply.status, reply.body, true);
          },
          { parse: "none", detail: describeResourceOperation(kind, method, path) },
        );
      }
    }
  }
  return app;
}

/** Resources of APISIX below a service that are not offered here. */
const DECORATIONS = "graphql_cost_decorations";

function refuseDecorations(): never {
  throw adminErrors.ADMIN_PATH_UNKNOWN({ reason: `Unsupported resource type: ${DECORATIONS}` });
}

async function run(
  context: AdminContext,
  method: Method,
  address: Address,
  request: Request,
): Promise<ResourceReply> {
  const body = await readJsonBody(request);
  const query = new URL(request.url).searchParams;
  const ttlSeconds = parseTtl(query.get("ttl"));
  const write = { body, ...(ttlSeconds === null ? {} : { ttlSeconds }) };
  const { label, adminMethods } = kinds[address.kind];
  if ((method === "POST" || method === "PATCH") && !adminMethods.includes(method)) {
    throw adminErrors.ADMIN_METHOD_UNSUPPORTED({ method, kind: label });
  }
  switch (method) {
    case "GET":
      return address.name === undefined
        ? listResources(context, address, parseListQuery(query))
        : getResource(context, address, address.name);
    case "PUT":
      return putResource(context, address, write);
    case "POST":
      return postResource(context, address, write);
    case "PATCH":
      return patchResource(context, address, write);
    case "DELETE":
      return deleteResource(context, address, query.get("force") === "true");
  }
}

/** Lua reads any number; a lease needs whole seconds, so what is in between is refused clearly. */
function parseTtl(text: string | null): number | null {
  if (text === null) return null;
  const seconds = text.trim() === "" ? Number.NaN : Number(text);
  if (!Number.isFinite(seconds)) {
    throw adminErrors.ADMIN_REQUEST_INVALID({
      reason: "invalid argument ttl: should be a number",
    });
  }
  if (!Number.isInteger(seconds) || seconds < 1) {
    throw adminErrors.ADMIN_REQUEST_INVALID({
      reason: "invalid argument ttl: should be a whole number of seconds from 1",
    });
  }
  return seconds;
}

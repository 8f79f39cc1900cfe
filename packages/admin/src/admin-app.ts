import { Elysia } from "elysia";
import type { AdminContext } from "./admin-context.ts";
import type { AdminOptions } from "./admin-options.ts";
import { createAddressCheck } from "./http/address-list.ts";
import { createKeyCheck } from "./http/check-key.ts";
import { toErrorReply } from "./http/error-reply.ts";
import { createReplies } from "./http/replies.ts";
import { createResourceRoutes } from "./resource-routes.ts";

/** Where the API is, as in APISIX. */
const BASE = "/apisix/admin";

/**
 * Makes the Admin API as an Elysia app that is not listening yet. Requests are judged in this order:
 * the client's address, its key, the path, the body, the query.
 *
 * @throws Error when `allowAdmin` holds something that is no address
 */
export function createAdminApp(options: AdminOptions) {
  const replies = createReplies(options.serverHeader ?? "APISIX/3.18.0", options.cors ?? true);
  const isAllowed = createAddressCheck(options.allowAdmin ?? ["127.0.0.0/8", "::1/128"]);
  const checkKey = createKeyCheck(options.keys);
  const now = options.now ?? Date.now;
  const context: AdminContext = {
    store: options.store,
    prefix: options.prefix,
    registry: options.registry,
    checkExpression: options.checkExpression,
    nowSeconds: () => Math.floor(now() / 1000),
  };
  return (
    new Elysia({ systemRouter: false, normalize: false })
      // Before the routes: a hook applies to what is registered after it.
      .onError(({ error }) => toErrorReply(error, replies))
      .onRequest(({ request, server }) => {
        // Without a server the app is called from within its own process.
        const address = server === null ? "127.0.0.1" : server.requestIP(request)?.address;
        if (address === undefined || !(server === null || isAllowed(address))) {
          return replies.json(403, { error_msg: "this client address is not allowed" });
        }
        if (request.method === "OPTIONS") return replies.preflight();
        if (request.method === "HEAD") return replies.empty(isProbe(request) ? 200 : 404);
        const refused = checkKey(request.method, request.headers);
        if (refused === null) return;
        return replies.json(401, { error_msg: "failed to check token", description: refused });
      })
      .use(createResourceRoutes(context, replies, BASE))
      .all("/*", ({ request }) => {
        const { pathname } = new URL(request.url);
        const resource = pathname.startsWith(`${BASE}/`) ? pathname.slice(BASE.length + 1) : "";
        const [name = ""] = resource.split("/");
        const reason = name === "" ? "not found" : `Unsupported resource type: ${name}`;
        return replies.json(404, { error_msg: reason });
      })
  );
}

/** Clients ask this without a key whether an Admin API is here, and which. */
function isProbe(request: Request): boolean {
  return new URL(request.url).pathname === BASE;
}

import { createFieldCipher, isKind } from "@catena/schema";
import { type AnyElysia, Elysia } from "elysia";
import type { AdminContext } from "./admin-context.ts";
import type { AdminOptions } from "./admin-options.ts";
import { createAddressCheck } from "./http/address-list.ts";
import { createKeyCheck } from "./http/check-key.ts";
import { toErrorReply } from "./http/error-reply.ts";
import { createReplies, type Replies } from "./http/replies.ts";
import { createPluginRoutes } from "./plugin-routes.ts";
import { createResourceRoutes } from "./resource-routes.ts";
import { createStandaloneRoutes } from "./standalone-routes.ts";
import { createConfigValidation, createSchemaValidation } from "./validate-routes.ts";

/** Where the API is, as in APISIX. */
const BASE = "/apisix/admin";

/**
 * Makes the Admin API as an Elysia app that is not listening yet. Requests are judged in this order:
 * the client's address, its key, the path, the body, the query.
 *
 * @throws Error when `allowAdmin` holds something that is no address, or `keyring` a key of another
 *   length
 */
export function createAdminApp(options: AdminOptions): AnyElysia {
  const replies = createReplies(options.serverHeader ?? "APISIX/3.18.0", options.cors ?? true);
  const isAllowed = createAddressCheck(options.allowAdmin ?? ["127.0.0.0/8", "::1/128"]);
  const checkKey = createKeyCheck(options.keys);
  const isStandalone = options.standalone ?? false;
  const app = new Elysia({ systemRouter: false, normalize: false })
    // Before the routes: a hook applies to what is registered after it.
    .onError(({ error }) => toErrorReply(error, replies))
    .onRequest(({ request, server }) => {
      // Without a server the app is called from within its own process.
      const address = server === null ? null : (server.requestIP(request)?.address ?? "");
      if (address !== null && !isAllowed(address)) {
        return replies.json(403, { error_msg: "this client address is not allowed" });
      }
      if (request.method === "OPTIONS") return replies.preflight();
      if (request.method === "HEAD") {
        const path = new URL(request.url).pathname;
        // Clients ask this without a key whether an Admin API is here, and which.
        if (path === BASE) return replies.empty(200);
        if (!isStandalone || path !== `${BASE}/configs`) return replies.empty(404);
      }
      const { refused } = checkKey(request.method, request.headers);
      if (refused === null) return;
      return replies.json(401, { error_msg: "failed to check token", description: refused });
    });
  const context = createContext(options);
  if (isStandalone) app.use(createStandaloneRoutes(context, replies, checkKey, BASE));
  else app.use(createAllRoutes(context, replies));
  return app
    .use(createConfigValidation(context, replies, BASE))
    .all("/*", ({ request }) => unknownPath(request, replies, isStandalone), { parse: "none" });
}

function createContext(options: AdminOptions): AdminContext {
  const now = options.now ?? Date.now;
  const keyring = options.keyring ?? [];
  return {
    store: options.store,
    prefix: options.prefix,
    registry: options.registry,
    checkExpression: options.checkExpression,
    cipher: createFieldCipher(keyring, options.registry),
    isEncrypted: keyring.length > 0,
    nowSeconds: () => Math.floor(now() / 1000),
  };
}

function createAllRoutes(context: AdminContext, replies: Replies) {
  return new Elysia({ normalize: false })
    .use(createSchemaValidation(replies, BASE))
    .use(createPluginRoutes(context, replies, BASE))
    .use(createResourceRoutes(context, replies, BASE));
}

function unknownPath(request: Request, replies: Replies, isStandalone: boolean): Response {
  const { pathname } = new URL(request.url);
  const resource = pathname.startsWith(`${BASE}/`) ? pathname.slice(BASE.length + 1) : "";
  const [name = ""] = resource.split("/");
  // What exists, but not with this method.
  const isKnown = name === "" || name === "schema" || name === "plugins" || isKind(name);
  const isNamed = !isKnown && !isStandalone;
  const reason = isNamed ? `Unsupported resource type: ${name}` : "not found";
  return replies.json(404, { error_msg: reason });
}

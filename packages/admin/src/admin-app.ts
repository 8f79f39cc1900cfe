import { type AddressMatcher, compileAddresses } from "@catena/expr";
import { createFieldCipher, isKind } from "@catena/schema";
import { type AnyElysia, Elysia } from "elysia";
import type { AdminContext } from "./admin-context.ts";
import type { AdminOptions } from "./admin-options.ts";
import { adminErrors } from "./errors.ts";
import { createKeyCheck } from "./http/check-key.ts";
import { isFault, toErrorReply } from "./http/error-reply.ts";
import { createGuard } from "./http/guard.ts";
import { createReplies, type Replies } from "./http/replies.ts";
import { buildOpenApiDocument, openApiPath } from "./openapi/openapi-document.ts";
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
 * @throws ADMIN_ADDRESS_INVALID; Error when `keyring` holds a key of another length
 */
export function createAdminApp(options: AdminOptions): AnyElysia {
  const replies = createReplies(options.serverHeader ?? "APISIX/3.18.0", options.cors ?? true);
  const checkKey = createKeyCheck(options.keys);
  const isStandalone = options.standalone ?? false;
  let document: string | undefined;
  const guard = createGuard({
    replies,
    isAllowed: toAddressCheck(options.allowAdmin ?? ["127.0.0.0/8", "::1/128"]),
    checkKey,
    probePath: BASE,
    headPath: isStandalone ? `${BASE}/configs` : null,
    openDocuments: {
      [openApiPath]: () => {
        document ??= JSON.stringify(buildOpenApiDocument(app));
        return document;
      },
    },
  });
  const app: AnyElysia = new Elysia({
    systemRouter: false,
    normalize: false,
    // Otherwise Elysia looks for the path behind the fourth character of a host that may have three.
    handler: { standardHostname: false },
  })
    // Before the routes: a hook applies to what is registered after it.
    .onError(({ error, code }) => {
      if (code === "NOT_FOUND") return replies.json(404, { error_msg: "not found" });
      if (isFault(error)) options.onFault?.(error);
      return toErrorReply(error, replies);
    })
    .onRequest(({ request, server }) =>
      guard(request, server === null ? null : (server.requestIP(request)?.address ?? "")),
    );
  const context = createContext(options);
  return app
    .use(
      isStandalone
        ? createStandaloneRoutes(context, replies, checkKey, BASE)
        : createAllRoutes(context, replies),
    )
    .use(createConfigValidation(context, replies, BASE))
    .all("/*", ({ request }) => unknownPath(request, replies, isStandalone), { parse: "none" });
}

function toAddressCheck(addresses: readonly string[]): AddressMatcher {
  const { value, issues } = compileAddresses(addresses);
  if (value !== undefined && issues.length === 0) return value;
  throw adminErrors.ADMIN_ADDRESS_INVALID({ reason: issues[0]?.message ?? "" });
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

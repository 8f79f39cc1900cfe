import type { AddressMatcher } from "@catena/expr";
import type { KeyCheck } from "./check-key.ts";
import type { Replies } from "./replies.ts";

/** Answers what must not get to a route; `undefined` lets a request pass. */
export type Guard = (request: Request, address: string | null) => Response | undefined;

export interface GuardOptions {
  readonly replies: Replies;
  readonly isAllowed: AddressMatcher;
  readonly checkKey: KeyCheck;
  /** Path that HEAD answers without a key: clients ask whether an Admin API is here, and which. */
  readonly probePath: string;
  /** Another path that HEAD may ask, with a key. */
  readonly headPath: string | null;
  /** Documents that GET reads without a key, by path. */
  readonly openDocuments: Readonly<Record<string, () => string>>;
}

/**
 * Judges requests by the client's address and its key. Every path needs a key but those named in
 * the options; a request that is let in here may ask for any route.
 *
 * @param address `null` when the app is called from within its own process.
 */
export function createGuard(options: GuardOptions): Guard {
  const { replies, isAllowed, checkKey } = options;
  return (request, address) => {
    if (address !== null && !isAllowed(address)) {
      return replies.json(403, { error_msg: "this client address is not allowed" });
    }
    const url = URL.parse(request.url);
    // With such a Host the URL is a path alone, and the path Elysia sees is another one.
    if (url === null) return replies.json(400, { error_msg: "invalid Host header" });
    const { method } = request;
    if (method === "OPTIONS") return replies.preflight();
    if (method === "HEAD" && url.pathname === options.probePath) return replies.empty(200);
    if (method === "HEAD" && url.pathname !== options.headPath) return replies.empty(404);
    if (method === "GET" && Object.hasOwn(options.openDocuments, url.pathname)) {
      return replies.text(200, options.openDocuments[url.pathname]?.() ?? "");
    }
    const { refused } = checkKey(request);
    if (refused === null) return undefined;
    return replies.json(401, { error_msg: "failed to check token", description: refused });
  };
}

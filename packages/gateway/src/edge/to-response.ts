import type { GatewayReply } from "@catena/pipeline";
import { UpgradeReply } from "../websocket/upgrade-reply.ts";

/** `Server` of every answer, and what the last line of defence needs to know. */
export interface ResponseOptions {
  readonly serverHeader: string;
  /** Ask clients to close: we are stopping. */
  readonly closing: boolean;
}

/**
 * Makes the web `Response` Bun sends. A plain object is the cheapest header form Bun takes; only a
 * repeated name needs `Headers`, whose `append` keeps `Set-Cookie` lines apart.
 */
export function toResponse(reply: GatewayReply, options: ResponseOptions): Response {
  const { status } = reply;
  // new Response() throws outside of this range (measured: 0 and 999 come back from clients).
  if (status < 200 || status > 599) return notResponse(reply, options);
  const body = status === 204 || status === 304 ? null : reply.body;
  const isKnown = body instanceof Uint8Array || typeof body === "string";
  const headers = toHeaders(reply.headers, isKnown, options);
  if (body === null) return new Response(withoutBody(reply, headers), { status, headers });
  if (body instanceof Uint8Array && !hasName(headers, "content-type"))
    return new Response(inOnePiece(body), { status, headers });
  return new Response(body, { status, headers });
}

/** Of bytes that have no type Bun says that they are `application/octet-stream`; of a stream nothing. */
function inOnePiece(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start: (controller) => {
      controller.enqueue(bytes);
      controller.close();
    },
  });
}

/**
 * Bun announces a body of no bytes where there is none. After a HEAD that would be said of the body a
 * GET has, whose length its upstream did not tell.
 */
function withoutBody(
  { status, source }: GatewayReply,
  headers: Headers | Record<string, string>,
): ReadableStream<Uint8Array> | null {
  const isUntold = source === "upstream" && status !== 204 && status !== 304;
  return isUntold && !hasName(headers, "content-length") ? inOnePiece(new Uint8Array(0)) : null;
}

function hasName(headers: Headers | Record<string, string>, name: string): boolean {
  return headers instanceof Headers ? headers.has(name) : headers[name] !== undefined;
}

/** @param isKnown all of the body is at hand, so that its length is written by the server. */
function toHeaders(
  flat: readonly string[],
  isKnown: boolean,
  options: ResponseOptions,
): Headers | Record<string, string> {
  const plain: Record<string, string> = {};
  for (let i = 0; i < flat.length; i += 2) {
    // Flat lists have an even length, so both are there.
    const name = (flat[i] as string).toLowerCase();
    if (isKnown && name === "content-length") continue;
    if (plain[name] !== undefined) return toMultiHeaders(flat, options);
    plain[name] = flat[i + 1] as string;
  }
  if (options.serverHeader !== "") plain["server"] = options.serverHeader;
  if (options.closing) plain["connection"] = "close";
  return plain;
}

function toMultiHeaders(flat: readonly string[], options: ResponseOptions): Headers {
  const headers = new Headers();
  for (let i = 0; i < flat.length; i += 2) headers.append(flat[i] as string, flat[i + 1] as string);
  if (options.serverHeader !== "") headers.set("server", options.serverHeader);
  if (options.closing) headers.set("connection", "close");
  return headers;
}

/** A switch to a WebSocket is no `Response`, and neither is what no status line can hold. */
function notResponse(reply: GatewayReply, options: ResponseOptions): Response {
  if (!(reply instanceof UpgradeReply)) return badGateway(options);
  const refused = reply.accept(toMultiHeaders(reply.headers, { ...options, closing: false }));
  return refused === null ? switched : toResponse(refused, options);
}

/** A handler has to give back something; after a switch the runtime drops it. */
const switched = new Response(null, { status: 204 });

function badGateway(options: ResponseOptions): Response {
  return new Response(null, {
    status: 502,
    headers: options.serverHeader === "" ? {} : { server: options.serverHeader },
  });
}

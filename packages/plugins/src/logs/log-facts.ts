import { hostname } from "node:os";
import type { GatewayReply, RequestContext, UpstreamTry } from "@catena/pipeline";
import { addressOf } from "../replies/try-variables.ts";

/** What is known of a request once its reply was sent. */
export interface LogFacts {
  readonly ctx: RequestContext;
  readonly reply: GatewayReply;
  /** Bytes of the reply's body. */
  readonly bodyBytes: number;
  /** Milliseconds from its arrival to now. */
  readonly latencyMs: number;
  readonly requestBody: string | null;
  readonly replyBody: string | null;
}

/** Milliseconds that upstreams took in all; `null` when none was asked. */
export function upstreamMs(ctx: RequestContext): number | null {
  const tries = ctx.sending?.tries ?? [];
  if (tries.length === 0) return null;
  return tries.reduce((sum, one) => sum + triedMs(one), 0);
}

export function triedMs({ startedAt, headAt }: UpstreamTry): number {
  return (headAt ?? performance.now()) - startedAt;
}

/** `host:port` of every try, as nginx lists them; `undefined` when there was none. */
export function upstreamAddresses(ctx: RequestContext): string | undefined {
  const tries = ctx.sending?.tries ?? [];
  if (tries.length === 0) return undefined;
  return tries.map(addressOf).join(", ");
}

/** Bytes of the head as the client will have sent it, and of the body as it declared it. */
export function requestLength(ctx: RequestContext): number {
  let length = ctx.method.length + ctx.rawTarget.length + " HTTP/1.1\r\n".length + 1 + 2;
  const headers = ctx.clientHeaders();
  for (let i = 0; i + 1 < headers.length; i += 2)
    length += (headers[i]?.length ?? 0) + (headers[i + 1]?.length ?? 0) + 4;
  return length + Number(ctx.header("content-length") ?? 0);
}

/** Bytes of status line, headers and body, without what the server adds. */
export function replyLength({ reply, bodyBytes }: Pick<LogFacts, "reply" | "bodyBytes">): number {
  let length = "HTTP/1.1 200 \r\n\r\n".length;
  for (const text of reply.headers) length += text.length + 2;
  return length + bodyBytes;
}

export const ownHostname = hostname();

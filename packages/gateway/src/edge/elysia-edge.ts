import http from "node:http";
import { idleSeconds } from "@catena/pipeline";
import type { WebSocketHandler } from "bun";
import { Elysia } from "elysia";
import { type ListenAddress, listenErrors } from "../listen.ts";
import type { WebSocketSession } from "../websocket/session.ts";
import type { AnswerFetch } from "./answer-fetch.ts";
import type { DataPlane } from "./data-plane.ts";

/** Longest request line and headers; a longer head gets 431 from the runtime. */
const maxHeadBytes = 32 * 1024;

/**
 * Listens for clients. Elysia is the edge only: no route table of Bun's or Elysia's, both of which
 * match the raw path while `Request.url` is normalised (an authorisation bypass), and no hooks. The
 * handler wraps Elysia's own, so that no context is built per request: 1.6 of 28 µs of a proxied one.
 *
 * @throws LISTEN_FAILED when the address is taken or not allowed.
 */
export function listenElysia(
  address: ListenAddress,
  handle: AnswerFetch,
  websocket: WebSocketHandler<WebSocketSession>,
  isShared: boolean,
): DataPlane {
  const answer = (request: Request): Response | Promise<Response> =>
    app.server === null ? new Response(null, { status: 503 }) : handle(request, app.server);
  const app: Elysia = new Elysia({ systemRouter: false, normalize: false, aot: true }).wrap(
    () => answer,
  );
  // nginx's large_client_header_buffers are four of 8 KiB; Bun's default is half of that. It is the
  // runtime's setting for the process, which the types hold to be constant.
  Reflect.set(http, "maxHeaderSize", maxHeadBytes);
  try {
    app.listen({
      hostname: address.hostname,
      port: address.port,
      idleTimeout: idleSeconds,
      // Per-route limits decide; APISIX's client_max_body_size is unlimited too.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      development: false,
      // Workers share a port, which the supervisor found free; a single one must notice that it is taken.
      reusePort: isShared,
      error: () => new Response(null, { status: 500 }),
      websocket,
    });
  } catch (cause) {
    throw listenErrors.LISTEN_FAILED(
      {
        address: `${address.hostname}:${address.port}`,
        setting: "listen (CATENA_LISTEN)",
        reason: cause instanceof Error ? cause.message : String(cause),
      },
      cause,
    );
  }
  return {
    port: app.server?.port ?? address.port,
    stop: async (force) => {
      await app.server?.stop(force);
    },
  };
}

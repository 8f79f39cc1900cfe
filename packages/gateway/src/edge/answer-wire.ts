import { type GatewayReply, statusReply } from "@catena/pipeline";
import { type AnswerRequest, type RenderedReply, renderReply } from "@catena/server";
import { createRequestHandler, type HandlerOptions } from "../request/handle-request.ts";
import { readTarget, unnamedHost } from "../request/request-target.ts";
import { UpgradeReply } from "../websocket/upgrade-reply.ts";
import type { ResponseOptions } from "./to-response.ts";

/** The way of a request that our own server has read. */
export function createWireAnswer(
  options: HandlerOptions,
  response: ResponseOptions,
): AnswerRequest {
  const handle = createRequestHandler(options, (reply) => toRendered(reply, response));
  return (request, sink) => {
    const { method, target: rawTarget, host } = request.head;
    // As nginx; every other method is passed on.
    if (method === "TRACE" || method === "CONNECT") {
      sink.answer(renderReply(statusReply(405), response));
      return;
    }
    const target = readTarget(rawTarget, host ?? unnamedHost);
    if ("refused" in target) sink.answer(renderReply(statusReply(target.status), response));
    else handle(request, target, sink);
  };
}

/** A switch to a WebSocket is no reply that could be sent. */
function toRendered(reply: GatewayReply, response: ResponseOptions): RenderedReply | null {
  if (!(reply instanceof UpgradeReply)) return renderReply(reply, response);
  const headers = new Headers();
  for (let i = 0; i < reply.headers.length; i += 2)
    headers.append(reply.headers[i] as string, reply.headers[i + 1] as string);
  if (response.serverHeader !== "") headers.set("server", response.serverHeader);
  const refused = reply.accept(headers);
  return refused === null ? null : renderReply(refused, response);
}

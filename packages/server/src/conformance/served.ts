import { isGatewayError } from "@catena/errors";
import { type GatewayReply, statusReply } from "@catena/pipeline";
import { type HttpServer, listenHttp } from "../http-server.ts";
import { renderReply } from "../render-reply.ts";
import type { ServerRequest } from "../server-request.ts";
import { RawClient } from "./raw-client.ts";

/** Answers a request; what it throws is answered with the status of the error. */
export type Answer = (request: ServerRequest) => GatewayReply | Promise<GatewayReply>;

/** A server of a test, and the requests it was asked to answer. */
export interface Served {
  readonly server: HttpServer;
  readonly requests: readonly ServerRequest[];
  /** Codes of errors that answers ended with. */
  readonly errors: readonly string[];
  /** Answers from now on. */
  answer: Answer;
  readonly replies: { serverHeader: string; closing: boolean };
  connect(keeps?: boolean): Promise<RawClient>;
  /** Sends bytes on a connection of their own, and gives it. */
  send(bytes: string): Promise<RawClient>;
  /** Waits until no connection is left, as a server must after each test, and stops. */
  stop(): Promise<void>;
}

/** 200 with a body. */
export function ok(
  body: GatewayReply["body"] = "ok",
  headers: readonly string[] = [],
): GatewayReply {
  return { status: 200, headers: [...headers], body, source: "gateway" };
}

/** Replies with what was asked: the target, a space and the body, read as a whole. */
export const echo: Answer = (request) => {
  const text = request.readText(16 * 1024 * 1024);
  const reply = (body: string) => ok(`${request.head.target} ${body}`);
  return typeof text === "string" ? reply(text) : text.then(reply);
};

export function serve(answer: Answer): Served {
  const requests: ServerRequest[] = [];
  const errors: string[] = [];
  const clients: RawClient[] = [];
  const replies = { serverHeader: "", closing: false };
  const failed = (error: unknown) => {
    if (!isGatewayError(error)) throw error;
    errors.push(error.code);
    return renderReply(statusReply(error.status), replies);
  };
  const server = listenHttp({
    hostname: "127.0.0.1",
    port: 0,
    isShared: false,
    webSockets: { upgrade: () => null },
    replies,
    answer: (request, sink) => {
      requests.push(request);
      const reply = served.answer(request);
      if (reply instanceof Promise)
        void reply
          .then((made) => renderReply(made, replies))
          .catch(failed)
          .then((rendered) => sink.answer(rendered));
      else sink.answer(renderReply(reply, replies));
    },
  });
  const connect = async (keeps?: boolean): Promise<RawClient> => {
    const client = await RawClient.connect(server.port, keeps);
    clients.push(client);
    return client;
  };
  const served: Served = {
    server,
    requests,
    errors,
    answer,
    replies,
    connect,
    send: async (bytes) => {
      const client = await connect();
      client.write(bytes);
      return client;
    },
    stop: async () => {
      for (const client of clients) client.close();
      await untilSettled(() => server.openCount === 0);
      await server.stop(true);
    },
  };
  return served;
}

/** What may be on its way when nobody reads: the kernel's buffers on both sides, and a piece. */
export const IN_FLIGHT = 24 * 1024 * 1024;

/** Lets the event loop turn so many times. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Lets the event loop turn until it holds; the test's own time limit ends it otherwise. */
export async function untilSettled(holds: () => boolean): Promise<void> {
  while (!holds()) await turns(1);
}

/** Waits until a figure has stood still for a while. */
export async function standsStill(figure: () => number): Promise<void> {
  let last = -1;
  for (let still = 0; still < 10; ) {
    await Bun.sleep(10);
    still = figure() === last ? still + 1 : 0;
    last = figure();
  }
}

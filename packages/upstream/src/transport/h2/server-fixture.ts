import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import { callOf, originOf } from "../../conformance/call-fixture.ts";
import type { Origin } from "../transport.ts";
import { createH2Transport, type H2Options } from "./h2-transport.ts";
import { cleanups } from "./peer-fixture.ts";

/** How a server of the runtime answers a stream. */
export type Answer = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

export const ok: Answer = (stream) => {
  stream.respond({ ":status": 200 });
  stream.end("ok");
};

/** Listens on a free port, until {@link cleanups} run. */
export async function listen(server: Http2Server, answer: Answer): Promise<number> {
  const sessions = new Set<{ destroy(): void }>();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("error", () => {});
    session.on("close", () => sessions.delete(session));
  });
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    // A server's streams are these.
    answer(stream as ServerHttp2Stream, headers);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return portOf(server.address());
}

export function portOf(address: ReturnType<Http2Server["address"]>): number {
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** A server of the runtime, the transport, and a call for it. */
export async function serverFixture(
  answer: Answer = ok,
  more: Partial<Origin> = {},
  options: H2Options = {},
  maxStreams?: number,
) {
  const settings = maxStreams === undefined ? {} : { maxConcurrentStreams: maxStreams };
  const server = createServer({ settings });
  let connections = 0;
  server.on("connection", () => {
    connections += 1;
  });
  const port = await listen(server, answer);
  const transport = createH2Transport(options);
  cleanups.push(() => transport.close());
  const origin = originOf(port, { key: "h2", scheme: "grpc", ...more });
  return { transport, call: callOf(origin), connections: () => connections };
}

/** Answers with what it was sent. */
export const echo: Answer = (stream, headers) => {
  const pieces: Buffer[] = [];
  stream.on("data", (piece: Buffer) => pieces.push(piece));
  stream.on("end", () => {
    stream.respond({ ":status": 200 });
    const body = Buffer.concat(pieces).toString("latin1");
    stream.end(JSON.stringify({ headers, body }));
  });
};

import {
  createSecureServer,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";

/** A service that speaks HTTP/2 alone. */
export interface H2Service {
  /** `host:port` */
  readonly node: string;
  /** Heads of the requests it was asked, in order. */
  readonly seen: readonly IncomingHttpHeaders[];
  readonly connectionCount: number;
  stop(): Promise<void>;
}

/** How a service answers a stream. */
export type H2Answer = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

/** Starts a service on loopback: over TLS when a certificate is given, else in clear text. */
export async function startH2Service(
  answer: H2Answer,
  tls?: { readonly certificate: string; readonly key: string },
): Promise<H2Service> {
  const server: Http2Server =
    tls === undefined
      ? createServer()
      : createSecureServer({ cert: tls.certificate, key: tls.key });
  const seen: IncomingHttpHeaders[] = [];
  const sessions = new Set<{ destroy(): void }>();
  let connections = 0;
  server.on("session", (session) => {
    connections += 1;
    sessions.add(session);
    session.on("error", () => {});
    session.on("close", () => sessions.delete(session));
  });
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    seen.push(headers);
    // A server's streams are these.
    answer(stream as ServerHttp2Stream, headers);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    node: `127.0.0.1:${port}`,
    seen,
    get connectionCount() {
      return connections;
    },
    stop: () => {
      for (const session of sessions) session.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

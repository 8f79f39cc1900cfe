import { connect } from "node:net";

/** A reply as it came, decoded as far as HTTP goes. */
export interface RawReply {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly text: string;
}

/**
 * Sends one request as it is given, any method and any path, over a connection of its own: `fetch`
 * turns methods it does not know into GET.
 */
export async function callRaw(
  port: number,
  request: {
    readonly method: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: string;
  },
): Promise<RawReply> {
  const body = request.body === undefined ? null : Buffer.from(request.body);
  const head = [
    `${request.method} ${request.path} HTTP/1.1`,
    ...Object.entries({ Host: "127.0.0.1", Connection: "close", ...request.headers }).map(
      ([name, value]) => `${name}: ${value}`,
    ),
    ...(body === null ? [] : [`Content-Length: ${body.length}`]),
  ].join("\r\n");
  const bytes = await exchange(
    port,
    Buffer.concat([Buffer.from(`${head}\r\n\r\n`), body ?? Buffer.alloc(0)]),
  );
  return parseReply(bytes);
}

function exchange(port: number, request: Buffer): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  const socket = connect({ host: "127.0.0.1", port }, () => socket.write(request));
  socket.setTimeout(30_000, () => socket.destroy(new Error("no reply within 30 s")));
  socket.on("data", (chunk) => chunks.push(Buffer.from(chunk)));
  // A server that has answered may refuse the rest of a body that is too large.
  socket.on("error", (error) =>
    chunks.length > 0 ? resolve(Buffer.concat(chunks)) : reject(error),
  );
  socket.on("close", () => resolve(Buffer.concat(chunks)));
  return promise;
}

function parseReply(bytes: Buffer): RawReply {
  const end = bytes.indexOf("\r\n\r\n");
  const [first = "", ...lines] = bytes.subarray(0, end).toString("latin1").split("\r\n");
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  return {
    status: Number(first.split(" ")[1]),
    headers,
    text: bytes.subarray(end + 4).toString("utf8"),
  };
}

import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { Agent, request } from "node:https";
import type { Readable, Writable } from "node:stream";
import { frontAuthority } from "./tls-certificates.ts";

export interface SecureRequest {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent without saying how long it is, where the protocol allows that. */
  readonly body?: string | Uint8Array;
}

/** An answer whose body is yet to be read. */
export interface SecureAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Readable;
  /** Gives the request up. */
  cancel(): void;
}

/** A client of shop.test with one connection. */
export interface SecureClient {
  send(request: SecureRequest): Promise<SecureAnswer>;
  close(): void;
}

/** Clients by the protocol that they speak. */
export const secureClients: readonly {
  readonly protocol: string;
  open(port: number): SecureClient;
}[] = [
  { protocol: "HTTP/1.1", open: openHttp1 },
  { protocol: "HTTP/2", open: openHttp2 },
];

function openHttp1(port: number): SecureClient {
  const agent = new Agent({ keepAlive: true });
  const send = ({ method = "GET", path, headers = {}, body }: SecureRequest) => {
    const { promise, resolve, reject } = Promise.withResolvers<SecureAnswer>();
    const outgoing = request(
      {
        agent,
        host: "127.0.0.1",
        port,
        servername: "shop.test",
        ca: frontAuthority,
        method,
        path,
        headers: {
          host: "shop.test",
          // Not every method gets it by itself.
          ...(body === undefined ? {} : { "transfer-encoding": "chunked" }),
          ...headers,
        },
      },
      (response) =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: response,
          cancel: () => outgoing.destroy(),
        }),
    );
    outgoing.on("error", reject);
    finish(outgoing, body);
    return promise;
  };
  return { send, close: () => agent.destroy() };
}

function openHttp2(port: number): SecureClient {
  const session: ClientHttp2Session = connectHttp2(`https://127.0.0.1:${port}`, {
    servername: "shop.test",
    ca: frontAuthority,
    checkServerIdentity: () => undefined,
  });
  const failed = Promise.withResolvers<never>();
  session.on("error", failed.reject);
  failed.promise.catch(() => undefined);
  const send = ({ method = "GET", path, headers = {}, body }: SecureRequest) => {
    const { promise, resolve, reject } = Promise.withResolvers<SecureAnswer>();
    const stream = session.request(
      { ":method": method, ":path": path, ":authority": "shop.test", ...headers },
      { endStream: body === undefined },
    );
    stream.on("error", reject);
    stream.on("response", ({ ":status": status = 0, ...received }) =>
      resolve({
        status,
        headers: received,
        body: stream,
        cancel: () => stream.close(),
      }),
    );
    if (body !== undefined) finish(stream, body);
    return Promise.race([promise, failed.promise]);
  };
  return { send, close: () => session.destroy() };
}

function finish(outgoing: Writable, body: string | Uint8Array | undefined): void {
  if (body !== undefined) outgoing.write(body);
  outgoing.end();
}

/** Reads a body to its end. */
export async function bytesOf(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

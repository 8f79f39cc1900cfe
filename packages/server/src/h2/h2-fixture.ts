import { connect, type IncomingHttpHeaders } from "node:http2";
import { connectH2Peer, type H2PeerClient } from "@catena/testkit";
import { type Served, serve } from "../conformance/served.ts";

let served: Served | null = null;
export const cleanups: (() => unknown)[] = [];
/** For `afterEach`: ends what a test began, the last first. */
export async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await served?.stop();
  served = null;
}

export function start(answer: Parameters<typeof serve>[0]): Served {
  served = serve(answer);
  return served;
}

interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly trailers: IncomingHttpHeaders;
}

/** A client of the runtime; it rejects with the code that a stream was reset with. */
export function client(port: number) {
  const session = connect(`http://127.0.0.1:${port}`);
  session.on("error", () => {});
  cleanups.push(() => session.destroy());
  const ask = (
    fields: Readonly<Record<string, string | string[]>> = {},
    body?: Uint8Array | string,
  ) =>
    new Promise<Answered>((resolve, reject) => {
      const stream = session.request(
        { ":path": "/", ":authority": "a.test", ...fields },
        { endStream: body === undefined },
      );
      const pieces: Buffer[] = [];
      let headers: IncomingHttpHeaders = {};
      let trailers: IncomingHttpHeaders = {};
      stream.on("response", (got) => {
        headers = got;
      });
      stream.on("trailers", (got) => {
        trailers = got;
      });
      stream.on("data", (piece: Buffer) => pieces.push(piece));
      stream.on("error", () => {});
      stream.on("close", () => {
        if (stream.rstCode !== 0) reject(new Error(`reset ${stream.rstCode}`));
        else {
          const status = Number(headers[":status"]);
          resolve({ status, headers, body: Buffer.concat(pieces), trailers });
        }
      });
      if (body !== undefined) stream.end(body);
    });
  return { session, ask };
}

/** The fields of a request. */
export const GET = [":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a.test"];

export async function peerOf(server: { readonly port: number }): Promise<H2PeerClient> {
  const peer = await connectH2Peer(server.port);
  cleanups.push(() => peer.terminate());
  return peer;
}

/** Frames of a type that came. */
export const ofType = (peer: H2PeerClient, type: number) =>
  peer.frames.filter((frame) => frame.type === type);

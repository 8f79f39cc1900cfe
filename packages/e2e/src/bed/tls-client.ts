import {
  type ConnectionOptions,
  connect,
  type DetailedPeerCertificate,
  type TLSSocket,
} from "node:tls";
import { frontAuthority } from "./tls-certificates.ts";

/** What a client knows after a handshake, or why there was none. */
export type Handshake =
  | {
      readonly protocol: string | null;
      readonly cipher: string;
      readonly alpn: string | false | null;
      /** PEM of the certificate that the server showed. */
      readonly certificate: string;
      readonly socket: TLSSocket;
    }
  | { readonly refused: string };

export interface ClientOptions extends ConnectionOptions {
  readonly port: number;
}

/** Connects to a port of this machine over TLS; trusts the authority of the tests' servers. */
export function shakeHands(options: ClientOptions): Promise<Handshake> {
  const { promise, resolve } = Promise.withResolvers<Handshake>();
  const socket = connect({
    host: "127.0.0.1",
    ca: frontAuthority,
    // Names are compared by the tests, of which some ask for another name on purpose.
    checkServerIdentity: () => undefined,
    ...options,
  });
  socket.once("secureConnect", () => {
    const { raw }: DetailedPeerCertificate = socket.getPeerCertificate(true);
    resolve({
      protocol: socket.getProtocol(),
      cipher: socket.getCipher()?.name ?? "",
      alpn: socket.alpnProtocol,
      certificate: toPem(raw),
      socket,
    });
  });
  socket.once("error", (error: NodeJS.ErrnoException) => resolve({ refused: error.code ?? "" }));
  socket.once("close", () => resolve({ refused: "closed" }));
  return promise;
}

export interface RawAnswer {
  /** 0: the connection ended without an answer. */
  readonly status: number;
  readonly body: string;
}

/** Sends one request over a connection that is closed after it. */
export async function ask(
  options: ClientOptions,
  path: string,
  host = String(options.servername),
): Promise<RawAnswer> {
  const shaken = await shakeHands(options);
  if ("refused" in shaken) return { status: 0, body: shaken.refused };
  const { promise, resolve } = Promise.withResolvers<string>();
  let received = "";
  shaken.socket.on("data", (chunk) => {
    received += chunk;
  });
  shaken.socket.once("close", () => resolve(received));
  shaken.socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  const [head = "", ...rest] = (await promise).split("\r\n\r\n");
  return { status: Number(head.split(" ")[1] ?? 0), body: rest.join("\r\n\r\n") };
}

function toPem(der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

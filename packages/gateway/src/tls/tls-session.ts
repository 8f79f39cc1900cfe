import { X509Certificate } from "node:crypto";
import type { DetailedPeerCertificate, TLSSocket } from "node:tls";
import type { TlsView } from "@catena/expr";
import type { ClientVerification } from "./plan-certificate.ts";

/** What a handshake came to; texts are made when they are asked for. */
export class TlsSession implements TlsView {
  readonly serverName: string;
  readonly clientVerify: TlsView["clientVerify"];
  /** What the handshake asked of the client, if anything. */
  readonly verification: ClientVerification | null;
  readonly #socket: TLSSocket;
  #client: X509Certificate | null | undefined;

  /** @param socket after its handshake. */
  constructor(socket: TLSSocket, serverName: string, verification: ClientVerification | null) {
    this.#socket = socket;
    this.serverName = serverName;
    this.verification = verification;
    this.clientVerify = verification === null ? "NONE" : judge(socket, verification.depth);
  }

  get protocol(): string {
    return this.#socket.getProtocol() ?? "";
  }

  get cipher(): string {
    return this.#socket.getCipher()?.name ?? "";
  }

  get isReused(): boolean {
    return this.#socket.isSessionReused();
  }

  get clientCertificate(): X509Certificate | null {
    if (this.#client === undefined) {
      const { raw } = peerOf(this.#socket);
      this.#client = raw === undefined ? null : new X509Certificate(raw);
    }
    return this.#client;
  }
}

/** nginx's `$ssl_client_verify`. */
function judge(socket: TLSSocket, depth: number): TlsView["clientVerify"] {
  const peer = peerOf(socket);
  if (peer.raw === undefined) return "NONE";
  if (!socket.authorized) return `FAILED:${socket.authorizationError}`;
  return countBetween(peer) > depth ? "FAILED:certificate chain too long" : "SUCCESS";
}

/** The type has no place for a peer that showed nothing, which the runtime tells by an empty object or nothing. */
function peerOf(socket: TLSSocket): Partial<DetailedPeerCertificate> {
  return (socket.getPeerCertificate(true) as Partial<DetailedPeerCertificate> | undefined) ?? {};
}

/** Certificates between a client's and the authority's, which is its own issuer (SSL_CTX_set_verify_depth). */
function countBetween(peer: Partial<DetailedPeerCertificate>): number {
  const seen = new Set<unknown>([peer]);
  let certificate = peer.issuerCertificate;
  while (certificate !== undefined && !seen.has(certificate)) {
    seen.add(certificate);
    certificate = certificate.issuerCertificate;
  }
  return Math.max(seen.size - 2, 0);
}

import { createServer, type Server, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { ServerConnections } from "@catena/server";
import { type ListenAddress, listenErrors } from "../listen.ts";
import type { Log } from "../log.ts";
import type { Certificates, CertificatesStatus, ServedCertificate } from "./certificates.ts";
import { readClientHello } from "./client-hello.ts";
import type { InnerServers } from "./inner-servers.ts";
import { TlsByteSocket } from "./tls-byte-socket.ts";
import { TlsConnection } from "./tls-connection.ts";
import { TlsSession } from "./tls-session.ts";

export interface TlsFrontOptions {
  readonly address: ListenAddress;
  readonly certificates: Certificates;
  /** Assumed of clients that name no server; `null`: they are refused. */
  readonly fallbackName: string | null;
  /** Answer requests when `connections` is `null`; stopped with the front. */
  readonly servers: InnerServers;
  /** Answer requests of HTTP/1.1 and HTTP/2. */
  readonly connections: ServerConnections | null;
  /** Connections beyond this are closed at once. */
  readonly maxConnections: number;
  /** Whether other processes listen on the port, too. */
  readonly isShared: boolean;
  /** Told the port once it is known. */
  readonly onListening: (port: number) => void;
  readonly log: Log;
}

/** What `/status` shows. */
export interface TlsStatus extends CertificatesStatus {
  /** `null`: nothing is listened to, for there is no certificate yet or it is not allowed. */
  readonly port: number | null;
  /** Why it does not listen though it has certificates. */
  readonly reason: string | null;
  readonly connections: number;
  /** Handshakes that came to nothing. */
  readonly refused: number;
}

/** Longest time from a connection's begin to the end of its handshake, in milliseconds. */
const handshakeMs = 10_000;

/** How often what takes too long is looked for, in milliseconds. */
const sweepMs = 1000;

/** Most pieces a ClientHello may come in: each makes that it is read anew. */
const maxPieces = 64;

/** When a port is tried again that could not be had, in milliseconds. */
const retryMs = 1000;

/** Least time between two lines of the log about refused handshakes, which anybody can cause. */
const quietMs = 1000;

/** RFC 8446 §6.2 (in RFC 6066 §3): a fatal alert, `unrecognized_name`. */
const unrecognizedName = Buffer.from([21, 3, 1, 0, 2, 2, 112]);

/**
 * Listens for clients over TLS, from the first certificate on, or at once where a port is shared. A
 * connection is given the certificate of the moment; what changes later does not touch it.
 */
export class TlsFront {
  readonly #options: TlsFrontOptions;
  /** By when their handshakes must be over. */
  readonly #arriving = new Map<Socket, number>();
  readonly #connections = new Set<TlsConnection>();
  readonly #attempted = Promise.withResolvers<void>();
  #listener: Server | null = null;
  #port: number | null = null;
  #reason: string | null = null;
  #retry: ReturnType<typeof setTimeout> | null = null;
  #sweeper: ReturnType<typeof setInterval> | null = null;
  #refused = 0;
  #unsaid = 0;
  #saidAt = Number.NEGATIVE_INFINITY;
  #isStopped = false;

  constructor(options: TlsFrontOptions) {
    this.#options = options;
    const begin = (): void => {
      this.#listen();
      this.#sweeper = setInterval(() => this.#sweep(), sweepMs);
      this.#sweeper.unref();
    };
    // Workers come to a port in the order they are told to, which nobody knows of a later moment.
    if (options.isShared) begin();
    else options.certificates.whenServing(begin);
  }

  /** Resolves once it listens, or could not. */
  get attempted(): Promise<void> {
    return this.#attempted.promise;
  }

  status(): TlsStatus {
    return {
      port: this.#port,
      reason: this.#reason,
      connections: this.#served(),
      refused: this.#refused,
      ...this.#options.certificates.status(),
    };
  }

  #served(): number {
    const { connections } = this.#options;
    const ours = (connections?.size ?? 0) + (connections?.http2?.size ?? 0);
    return this.#connections.size + ours;
  }

  /** Stops accepting and waits for requests in flight; with `force`, drops them. */
  async stop(force: boolean): Promise<void> {
    this.#isStopped = true;
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#listener?.close();
    this.#port = null;
    if (this.#sweeper !== null) clearInterval(this.#sweeper);
    for (const socket of this.#arriving.keys()) socket.destroy();
    await Promise.all([
      ...[...this.#connections].map((connection) => connection.stop(force)),
      this.#options.connections?.stop(force),
    ]);
    this.#options.servers.stop();
  }

  #listen(): void {
    if (this.#isStopped) return;
    const { address, isShared } = this.#options;
    const listener = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    listener.on("error", (cause) => this.#cannotListen(cause));
    listener.listen({ host: address.hostname, port: address.port, reusePort: isShared }, () => {
      const bound = listener.address();
      this.#port = typeof bound === "object" && bound !== null ? bound.port : address.port;
      this.#reason = null;
      this.#options.onListening(this.#port);
      this.#attempted.resolve();
    });
    this.#listener = listener;
  }

  /** One timer for all: the runtime keeps each, and what it holds, until its time even when it is cleared. */
  #sweep(): void {
    const now = performance.now();
    for (const [socket, until] of this.#arriving) {
      if (now < until) break;
      socket.destroy();
    }
    for (const connection of this.#connections) connection.sweep(now);
  }

  #cannotListen(cause: Error): void {
    this.#attempted.resolve();
    if (this.#isStopped) return;
    const { address, log } = this.#options;
    const { message } = listenErrors.LISTEN_FAILED({
      address: `${address.hostname}:${address.port}`,
      setting: "tlsListen (CATENA_TLS_LISTEN)",
      reason: cause.message,
    });
    if (this.#reason !== message) log.error(message, { again_seconds: retryMs / 1000 });
    this.#reason = message;
    this.#retry = setTimeout(() => this.#listen(), retryMs);
    this.#retry.unref();
  }

  /** Reads which server is asked for; what was read is put back for the handshake. */
  #accept(socket: Socket): void {
    if (this.#arriving.size + this.#served() >= this.#options.maxConnections) {
      socket.destroy();
      return;
    }
    this.#arriving.set(socket, performance.now() + handshakeMs);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => this.#arriving.delete(socket));
    const pieces: Buffer[] = [];
    const read = (piece: Buffer): void => {
      pieces.push(piece);
      const bytes = pieces.length === 1 ? piece : Buffer.concat(pieces);
      const reading = readClientHello(bytes);
      if (reading.kind === "incomplete" && pieces.length < maxPieces) return;
      socket.off("data", read);
      socket.pause();
      if (reading.kind === "hello") {
        socket.unshift(bytes);
        this.#secure(socket, reading.serverName ?? this.#options.fallbackName);
      } else this.#refuse(socket, "it does not begin as TLS does", null);
    };
    socket.on("data", read);
  }

  #secure(socket: Socket, name: string | null): void {
    const certificate = name === null ? null : this.#options.certificates.find(name);
    const client = certificate === null ? null : this.#beginHandshake(socket, certificate);
    if (name === null || certificate === null || client === null) {
      this.#refuse(socket, "no certificate for the server that is asked for", name);
      return;
    }
    let isEstablished = false;
    client.on("error", (error: NodeJS.ErrnoException) => {
      // A client that goes away refuses us, not we it.
      if (!isEstablished && error.code !== "ECONNRESET") this.#note(error.message, name);
      socket.destroy();
      client.destroy();
    });
    client.once("secure", () => {
      isEstablished = true;
      this.#arriving.delete(socket);
      this.#serve(client, name, certificate);
    });
  }

  #beginHandshake(socket: Socket, certificate: ServedCertificate): TLSSocket | null {
    try {
      return certificate.secure(socket);
    } catch (error) {
      this.#options.log.error("a certificate can't be used", {
        resource: certificate.resource,
        reason: error instanceof Error ? error.message : String(error),
      });
      return null;
    }
  }

  #serve(client: TLSSocket, name: string, certificate: ServedCertificate): void {
    const session = new TlsSession(client, name, certificate.client);
    // The handshake refuses most of these; the length of the chain is none of its business.
    if (certificate.client?.skips === null && session.clientVerify !== "SUCCESS") {
      this.#note(`client certificate: ${session.clientVerify}`, name);
      client.destroy();
      return;
    }
    const { servers, connections, address, log } = this.#options;
    const taker = client.alpnProtocol === "h2" ? connections?.http2 : connections;
    if (taker !== undefined && taker !== null) {
      const bytes = new TlsByteSocket(client);
      const peer = {
        address: client.remoteAddress ?? "",
        port: client.remotePort ?? 0,
        tls: session,
      };
      bytes.follow(taker.open(bytes, peer));
      return;
    }
    try {
      const connection = new TlsConnection(client, {
        servers,
        address: { hostname: address.hostname, port: this.#port ?? address.port },
        session,
      });
      this.#connections.add(connection);
      void connection.ended.then(() => this.#connections.delete(connection));
    } catch (error) {
      log.error("a TLS connection can't be served", {
        reason: error instanceof Error ? error.message : String(error),
      });
      client.destroy();
    }
  }

  #refuse(socket: Socket, reason: string, name: string | null): void {
    this.#note(reason, name);
    socket.end(unrecognizedName, () => socket.destroy());
  }

  #note(reason: string, name: string | null): void {
    this.#refused++;
    const now = performance.now();
    if (now - this.#saidAt < quietMs) {
      this.#unsaid++;
      return;
    }
    const also = this.#unsaid === 0 ? {} : { not_logged: this.#unsaid };
    this.#options.log.warn("a TLS handshake is refused", { reason, server_name: name, ...also });
    this.#saidAt = now;
    this.#unsaid = 0;
  }
}

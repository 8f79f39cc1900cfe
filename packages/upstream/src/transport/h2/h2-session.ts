import type { GatewayError } from "@catena/errors";
import { type ByteTaker, H2Link, type LinkSink, type StreamSink, type Timed } from "@catena/http";
import type { Socket } from "bun";
import { upstreamErrors } from "../../errors.ts";
import { describeOrigin } from "../describe-origin.ts";
import type { Origin } from "../transport.ts";
import type { DialFault } from "../wire/connection.ts";
import { type Dialled, dial } from "../wire/dial.ts";
import type { H2Call } from "./h2-call.ts";

/** What a session tells the pool it belongs to. */
export interface SessionOwner {
  /** It can carry calls now; those that wait for it are to be begun. */
  opened(session: H2Session): void;
  /** A call has left it. */
  freed(session: H2Session): void;
  closed(session: H2Session, wasAbandoned: boolean): void;
  /** Nobody waits for it any more, but the system still tries to open it. */
  abandoned(): void;
}

/**
 * How long a connection that carries calls may be silent before it is asked for a sign of life: a call
 * whose request is still open waits without a limit. Servers of gRPC take pings more often than every
 * five minutes for abuse.
 */
const SILENT_MS = 330_000;
/** How long it then has. */
const SIGN_MS = 20_000;

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 2;

/**
 * One TCP or TLS connection to an origin and the calls on it. It is open once the server has sent its
 * settings: what speaks another protocol is found out before a request is sent, and how many calls it
 * may carry is known.
 */
export class H2Session implements Dialled, LinkSink, ByteTaker, Timed {
  dueAt = Number.POSITIVE_INFINITY;
  sweepSlot = -1;
  readonly origin: Origin;
  readonly link: H2Link;
  /** Calls it carries or, before it is open, that wait for it. */
  readonly calls = new Set<H2Call>();
  /** Calls that were given to it. */
  served = 0;
  /** The peer has answered here. */
  isProven = false;
  readonly #owner: SessionOwner;
  /** Calls whose head came with the bytes that are read at the moment. */
  readonly #fresh: H2Call[] = [];
  #socket: Socket<Dialled> | null = null;
  #state = CONNECTING;
  #heardAt = 0;
  #isRetired = false;
  #isReading = false;

  constructor(origin: Origin, owner: SessionOwner) {
    this.origin = origin;
    this.#owner = owner;
    this.link = new H2Link(this, this, { maxStreams: null });
  }

  get isOpen(): boolean {
    return this.#state === OPEN;
  }

  get isConnecting(): boolean {
    return this.#state === CONNECTING && !this.#isRetired;
  }

  get isAbandoned(): boolean {
    return this.#state === CONNECTING && this.#isRetired;
  }

  /** Calls it can take at the moment; below 1 for none. */
  get room(): number {
    if (this.#state !== OPEN || this.#isRetired || this.link.isDraining) return 0;
    const left = Math.max(1, this.origin.keepalive.requests) - this.served;
    return Math.min(this.link.maxOpenStreams - this.calls.size, left);
  }

  connect(): void {
    dial(this);
  }

  /** Takes no more calls, and is closed when it carries none. */
  retire(): void {
    this.#isRetired = true;
    this.#closeWhenEmpty();
  }

  /** A call waited in vain since `since`: if nothing was heard at all, others shall not wait here. */
  suspect(since: number): void {
    if (this.#heardAt <= since) this.retire();
  }

  /** A call does not need it any more. */
  left(call: H2Call): void {
    if (!this.calls.delete(call)) return;
    if (this.isAbandoned || this.#state === CLOSED) return;
    if (this.#state === CONNECTING) {
      if (this.calls.size === 0) this.#abandon();
      return;
    }
    this.#owner.freed(this);
    this.#closeWhenEmpty();
  }

  /** A call has its head, and perhaps more is behind it. */
  headCame(call: H2Call): void {
    this.#fresh.push(call);
  }

  write(bytes: Uint8Array): number {
    return this.#socket?.write(bytes) ?? -1;
  }

  socketOpened(socket: Socket<Dialled>): void {
    this.#socket = socket;
    if (this.isAbandoned) this.destroy();
  }

  ready(): void {
    if (this.#state !== CONNECTING || this.#isRetired) return;
    if (this.origin.scheme === "grpcs" && this.#socket?.alpnProtocol !== "h2") {
      this.dialFailed("UPSTREAM_TLS", "the server does not choose HTTP/2 (ALPN h2)");
      return;
    }
    this.link.open();
  }

  socketData(chunk: Buffer): void {
    this.#heardAt = performance.now();
    this.#isReading = true;
    this.link.push(chunk);
    this.#isReading = false;
    for (const call of this.#fresh.splice(0)) call.openReply();
    this.#closeWhenEmpty();
  }

  socketDrained(): void {
    this.link.drained();
  }

  socketEnded(): void {
    this.#lost("closed");
  }

  socketClosed(error: Error | undefined): void {
    this.#lost(error === undefined ? "closed" : "reset");
  }

  /** A TLS failure, or a fault of a handler of ours: no call must hang because of it. */
  socketFailed(error: Error): void {
    const code = "code" in error ? String(error.code) : error.name;
    const isTls = code.startsWith("EPROTO") || code.startsWith("ERR_SSL");
    if (this.#state === CONNECTING && isTls) this.dialFailed("UPSTREAM_TLS", code);
    else this.#lost(code);
  }

  dialFailed(code: DialFault, reason: string): void {
    this.#failAll(upstreamErrors[code], reason);
  }

  onSettings(): void {
    if (this.#state !== CONNECTING || this.#isRetired) return;
    this.#state = OPEN;
    this.#owner.opened(this);
  }

  onGoaway(): void {
    this.retire();
  }

  onStream(): StreamSink {
    throw new Error("a server opened a stream");
  }

  // Calls tell when they are over.
  onStreamClosed(): void {}

  onFault(reason: string): void {
    // Of an open session, each call has heard already.
    this.#failAll(upstreamErrors.UPSTREAM_BAD_REPLY, reason);
  }

  /** It carries a call from now on. */
  busy(now: number): void {
    if (this.calls.size === 1) this.#heardAt = now;
    this.dueAt = now + SILENT_MS;
  }

  expire(now: number): void {
    const silentMs = now - this.#heardAt;
    if (this.calls.size === 0) this.retire();
    else if (silentMs >= SILENT_MS + SIGN_MS) this.#lost("no sign of life");
    else if (silentMs >= SILENT_MS) {
      this.link.ping();
      this.dueAt = now + SIGN_MS;
    } else this.dueAt = this.#heardAt + SILENT_MS;
  }

  /** Closes with a reset: the peer learns that nobody listens any more. */
  destroy(): void {
    const socket = this.#socket;
    if (this.#leave()) socket?.terminate();
  }

  #closeWhenEmpty(): void {
    if (this.#state !== OPEN || this.calls.size > 0 || this.#isReading) return;
    if (!this.#isRetired && !this.link.isDraining) return;
    const socket = this.#socket;
    this.link.drain();
    if (this.#leave()) socket?.end();
  }

  #abandon(): void {
    this.#isRetired = true;
    if (this.#socket !== null) this.destroy();
    // There is no way to stop a connect that runs: it is closed when it opens or fails.
    else this.#owner.abandoned();
  }

  #lost(reason: string): void {
    if (this.#state === CLOSED) return;
    if (this.#state === CONNECTING) {
      this.dialFailed("UPSTREAM_RESET", "closed while connecting");
      return;
    }
    this.destroy();
    this.link.lose(reason);
    for (const call of this.#fresh.splice(0)) call.openReply();
  }

  /** Ends it, and every call that waits for it. */
  #failAll(
    make: (fault: { origin: string; sent: boolean; reason: string }) => GatewayError,
    reason: string,
  ): void {
    const origin = describeOrigin(this.origin);
    const waiting = [...this.calls];
    const socket = this.#socket;
    this.calls.clear();
    // What was written last tells the peer why.
    if (this.#leave()) socket?.end();
    for (const call of waiting) call.fail(make({ origin, sent: call.hasSent, reason }));
  }

  #leave(): boolean {
    if (this.#state === CLOSED) return false;
    const wasAbandoned = this.isAbandoned;
    this.#state = CLOSED;
    this.#socket = null;
    this.#owner.closed(this, wasAbandoned);
    return true;
  }
}

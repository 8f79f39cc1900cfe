import type { GatewayError } from "@catena/errors";
import { type DeadlineSweep, MAX_HEAD_BYTES, type Timed } from "@catena/http";
import type { Socket } from "bun";
import { upstreamErrors } from "../errors.ts";
import { cancelError, checkCall } from "../transport/call-guard.ts";
import type { CancelReason } from "../transport/cancel-scope.ts";
import { describeOrigin } from "../transport/describe-origin.ts";
import type { Origin, ReplyReceiver, UpstreamCall } from "../transport/transport.ts";
import type { DialFault } from "../transport/wire/connection.ts";
import { type Dialled, dial } from "../transport/wire/dial.ts";
import { ReplyReader, type ReplySink } from "../transport/wire/read-reply.ts";
import type { ReplyHead } from "../transport/wire/reply-head.ts";
import { type ReplySource, ReplyStream } from "../transport/wire/reply-stream.ts";
import { readSwitch, writeUpgrade } from "./upgrade-head.ts";
import { UpstreamWebSocket, type WebSocketLimits } from "./upstream-web-socket.ts";

/** What a handshake tells the attempt it is part of. */
export interface HandshakeOwner {
  onSwitch(socket: UpstreamWebSocket): void;
  /** The call is over; for a WebSocket, when that is closed. */
  onOver(): void;
}

const CONNECTING = 0;
const WAITING = 1;
/** The upstream answers with something else than a switch; its body is read. */
const REFUSED = 2;
const OVER = 3;

/** What a reply begins with; anything else is refused before a whole head is waited for. */
const PREFIX = "HTTP/1.";

/** One connection that is asked to become a WebSocket. */
export class Handshake implements Dialled, ReplySink, ReplySource, Timed {
  dueAt = Number.POSITIVE_INFINITY;
  sweepSlot = -1;
  readonly origin: Origin;
  readonly #call: UpstreamCall;
  readonly #sweep: DeadlineSweep;
  readonly #limits: WebSocketLimits;
  readonly #owner: HandshakeOwner;
  readonly #reader = new ReplyReader(this);
  readonly #onCancel = (reason: CancelReason): void => {
    this.#fail(cancelError(this.#call, reason, this.#hasSent));
  };
  #receiver: ReplyReceiver | null;
  #socket: Socket<Dialled> | null = null;
  #state = CONNECTING;
  #hasSent = false;
  #out: Buffer | null = null;
  #head: Buffer | null = null;
  #stream: ReplyStream | null = null;
  #isPaused = false;

  constructor(
    call: UpstreamCall,
    receiver: ReplyReceiver,
    sweep: DeadlineSweep,
    limits: WebSocketLimits,
    owner: HandshakeOwner,
  ) {
    this.origin = call.origin;
    this.#call = call;
    this.#receiver = receiver;
    this.#sweep = sweep;
    this.#limits = limits;
    this.#owner = owner;
  }

  begin(): void {
    const now = performance.now();
    const refused = checkCall(this.#call, now);
    if (refused !== null) {
      this.#state = OVER;
      this.#owner.onOver();
      this.#receiver?.reject(refused);
      return;
    }
    this.#limit(now + this.#call.timeouts.connectMs);
    this.#sweep.add(this);
    this.#sweep.callStarted();
    this.#call.cancel?.onCancel(this.#onCancel);
    if (this.#state === CONNECTING) dial(this);
  }

  socketOpened(socket: Socket<Dialled>): void {
    if (this.#state === OVER) socket.terminate();
    else this.#socket = socket;
  }

  ready(): void {
    if (this.#state !== CONNECTING) return;
    this.#state = WAITING;
    this.#out = writeUpgrade(this.#call);
    this.socketDrained();
  }

  socketDrained(): void {
    const out = this.#out;
    if (out === null) return;
    const taken = this.#socket?.write(out) ?? -1;
    if (taken < 0) {
      this.#lost("closed before the request");
      return;
    }
    if (taken > 0) this.#hasSent = true;
    const { sendMs, readMs } = this.#call.timeouts;
    this.#out = taken < out.length ? out.subarray(taken) : null;
    this.#limit(performance.now() + (this.#out === null ? readMs : sendMs));
  }

  socketData(chunk: Buffer): void {
    if (this.#state === WAITING) this.#readHead(chunk);
    else if (this.#state === REFUSED) {
      if (!this.#isPaused) this.#limit(performance.now() + this.#call.timeouts.readMs);
      this.#reader.push(chunk);
    }
  }

  socketEnded(): void {
    if (this.#state === REFUSED && this.#reader.end()) return;
    this.#lost("closed");
  }

  socketClosed(error: Error | undefined): void {
    this.#lost(error === undefined ? "closed" : "reset");
  }

  socketFailed(error: Error): void {
    this.#lost("code" in error ? String(error.code) : error.name);
  }

  dialFailed(code: DialFault, reason: string): void {
    this.#fail(upstreamErrors[code]({ ...this.#fault(reason), sent: false }));
  }

  expire(now: number): void {
    const fault = { origin: describeOrigin(this.origin), sent: this.#hasSent };
    if (now >= this.#call.deadlineAt)
      this.#fail(cancelError(this.#call, "deadline", this.#hasSent));
    else if (this.#state === CONNECTING) this.#fail(upstreamErrors.UPSTREAM_CONNECT_TIMEOUT(fault));
    else if (this.#out !== null) this.#fail(upstreamErrors.UPSTREAM_SEND_TIMEOUT(fault));
    else this.#fail(upstreamErrors.UPSTREAM_READ_TIMEOUT(fault));
  }

  onHead(head: ReplyHead): void {
    const stream = head.bodiless ? null : new ReplyStream(this);
    this.#stream = stream;
    this.#receiver?.resolve({
      status: head.status,
      headers: head.headers,
      body: stream === null ? null : stream.readable,
    });
    this.#receiver = null;
  }

  onBody(chunk: Uint8Array, from = 0, to = chunk.byteLength): void {
    const stream = this.#stream;
    stream?.push(chunk.subarray(from, to));
    if (stream === null || stream.flush()) return;
    // A slow client is not the upstream's fault: only the deadline counts while paused.
    this.#isPaused = true;
    this.#socket?.pause();
    this.dueAt = this.#call.deadlineAt;
  }

  onReplyEnd(): void {
    this.#stream?.close();
    this.#leave();
  }

  onBadReply(reason: string): void {
    this.#fail(upstreamErrors.UPSTREAM_BAD_REPLY(this.#fault(reason)));
  }

  resumeReading(): void {
    if (!this.#isPaused || this.#state !== REFUSED) return;
    this.#isPaused = false;
    this.#socket?.resume();
    this.#limit(performance.now() + this.#call.timeouts.readMs);
  }

  abandonReply(): void {
    this.#leave();
  }

  #readHead(chunk: Buffer): void {
    let seen = this.#head === null ? chunk : Buffer.concat([this.#head, chunk]);
    for (;;) {
      const end = seen.indexOf("\r\n\r\n");
      if (end < 0) break;
      const text = seen.toString("latin1", 0, end + 2);
      const status = /^HTTP\/1\.1 ([1-5][0-9]{2})(?: |\r)/.exec(text)?.[1] ?? "";
      if (status === "101") {
        this.#switch(text, seen.subarray(end + 4));
        return;
      }
      // Interim replies (RFC 9110 §15.2) are dropped; everything else is an ordinary reply.
      if (!status.startsWith("1")) {
        this.#state = REFUSED;
        this.#head = null;
        this.#reader.begin(this.#call.method === "HEAD");
        this.#reader.push(seen);
        return;
      }
      seen = seen.subarray(end + 4);
    }
    this.#head = seen;
    const start = seen.toString("latin1", 0, PREFIX.length);
    if (!PREFIX.startsWith(start)) this.onBadReply("bad status line");
    else if (seen.length > MAX_HEAD_BYTES)
      this.onBadReply(`a head of more than ${MAX_HEAD_BYTES} bytes`);
  }

  #switch(text: string, early: Buffer): void {
    const socket = this.#socket;
    const receiver = this.#receiver;
    const headers = readSwitch(text, this.#call);
    if (typeof headers === "string" || socket === null) {
      this.onBadReply(String(headers));
      return;
    }
    this.#release();
    this.#owner.onSwitch(
      new UpstreamWebSocket(this.origin, socket, early, this.#sweep, this.#limits, () =>
        this.#over(),
      ),
    );
    receiver?.resolve({ status: 101, headers, body: null });
  }

  #fault(reason: string) {
    return { origin: describeOrigin(this.origin), sent: this.#hasSent, reason };
  }

  #lost(reason: string): void {
    this.#fail(upstreamErrors.UPSTREAM_RESET(this.#fault(reason)));
  }

  #fail(error: GatewayError): void {
    if (this.#state === OVER) return;
    const receiver = this.#receiver;
    this.#leave();
    if (receiver !== null) receiver.reject(error);
    else this.#stream?.fail(error);
  }

  /** The handshake is over and the connection with it. */
  #leave(): void {
    if (this.#state === OVER) return;
    const socket = this.#socket;
    this.#release();
    socket?.terminate();
    this.#over();
  }

  /** Lets go of the socket, and of the call's ends. */
  #release(): void {
    this.#state = OVER;
    this.#socket = null;
    this.#receiver = null;
    this.#reader.stop();
    this.#call.cancel?.offCancel(this.#onCancel);
    this.#sweep.remove(this);
    this.#sweep.callEnded();
  }

  #over(): void {
    this.#owner.onOver();
    this.#call.onEnd?.();
  }

  #limit(phaseEnd: number): void {
    this.dueAt = Math.min(phaseEnd, this.#call.deadlineAt);
  }
}

import type { ClientWebSocket } from "@catena/server";
import type { UpstreamWebSocket, WebSocketListener } from "@catena/upstream";

/** Bytes one side may be behind before the other is made to wait. */
const behindBytes = 256 * 1024;

/** Pings on their way whose answer is not the client's business; an upstream answers the last at least. */
const pingsKept = 16;

/** RFC 6455 §7.4.1: going away; what a client gets that was idle for too long, or when we stop. */
export const goingAway = 1001;
/** RFC 6455 §7.4.1 and IANA's registry: what a client gets for a fault of its upstream. */
const tooBig = 1009;
const badGateway = 1014;
/** Bun's code for a connection that ended without a Close frame. */
const abnormal = 1006;

/** A session's end, told once. */
export interface SessionEnd {
  /** Who ended it and how, for the log. */
  readonly by: "client" | "upstream" | "gateway";
  readonly code: number;
  readonly reason: string;
}

export interface SessionOptions {
  /** Longest time a client may take nothing of what it was sent, in milliseconds. */
  readonly sendMs: number;
  readonly onOpen: () => void;
  readonly onEnd: (end: SessionEnd) => void;
}

/**
 * One WebSocket of a client and its upstream's. Messages, pings, pongs and Close frames go through in
 * both directions; whichever side is slower than the other makes it wait.
 */
export class WebSocketSession implements WebSocketListener {
  readonly #upstream: UpstreamWebSocket;
  readonly #options: SessionOptions;
  #client: ClientWebSocket<WebSocketSession> | null = null;
  #hasEnded = false;
  /** Pings of the client that were passed on: its server answered them already. */
  readonly #pings: string[] = [];
  /** What the client had yet to take when it was last looked at. */
  #lastBehind = 0;
  /** How to end the client's side once it took what it was sent; Bun would drop the rest. */
  #finish: (() => void) | null = null;
  #lingering: ReturnType<typeof setTimeout> | null = null;

  constructor(upstream: UpstreamWebSocket, options: SessionOptions) {
    this.#upstream = upstream;
    this.#options = options;
  }

  /** The client's side is there. */
  opened(client: ClientWebSocket<WebSocketSession>): void {
    this.#client = client;
    this.#options.onOpen();
    this.#upstream.listen(this);
  }

  received(message: string | Buffer): void {
    if (typeof message === "string") this.#upstream.sendText(message);
    else this.#upstream.sendBinary(message);
    this.#holdClient();
  }

  pinged(payload: Buffer): void {
    this.#pings.push(payload.toString("latin1"));
    if (this.#pings.length > pingsKept) this.#pings.shift();
    this.#upstream.ping(payload);
    this.#holdClient();
  }

  ponged(payload: Buffer): void {
    this.#upstream.pong(payload);
    this.#holdClient();
  }

  /** The client took something of what it was sent. */
  drained(): void {
    if (this.#finish !== null) {
      if (this.#behind() === 0) this.#finish();
    } else if (this.#behind() <= behindBytes) this.#upstream.resume();
  }

  /** The client's side is closed, by whichever side. */
  closed(code: number, reason: string): void {
    this.#client = null;
    if (this.#lingering !== null) clearTimeout(this.#lingering);
    if (!this.#end({ by: "client", code, reason })) return;
    if (code === abnormal) this.#upstream.terminate();
    else this.#upstream.close(code, reason);
  }

  /** The gateway ends the session. */
  close(code: number, reason: string): void {
    if (!this.#end({ by: "gateway", code, reason })) return;
    this.#upstream.close(code, reason);
    this.#closeClient(code, reason);
  }

  onMessage(message: string | Buffer): void {
    const client = this.#client;
    if (client === null) return;
    this.#holdUpstream(
      typeof message === "string" ? client.sendText(message) : client.sendBinary(bytesOf(message)),
    );
  }

  onPing(payload: Buffer): void {
    this.#holdUpstream(this.#client?.ping(bytesOf(payload)) ?? 0);
  }

  onPong(payload: Buffer): void {
    const at = this.#pings.indexOf(payload.toString("latin1"));
    if (at < 0) this.#holdUpstream(this.#client?.pong(bytesOf(payload)) ?? 0);
    else this.#pings.splice(0, at + 1);
  }

  onClose(code: number, reason: string): void {
    this.#end({ by: "upstream", code, reason });
    this.#upstream.close(code, reason);
    this.#closeClient(code, reason);
  }

  onFault(code: number, reason: string): void {
    this.#end({ by: "gateway", code, reason: `the upstream sent ${reason}` });
    this.#upstream.close(code, reason);
    this.#closeClient(code === tooBig ? tooBig : badGateway, reason);
  }

  onLost(): void {
    this.#end({ by: "upstream", code: abnormal, reason: "" });
    this.#finishClient(() => this.#client?.terminate());
  }

  onDrain(): void {
    this.#client?.resume();
  }

  onOverdue(): void {
    const behind = this.#behind();
    if (behind > 0 && behind < this.#lastBehind) {
      this.#lastBehind = behind;
      this.#upstream.extend();
      return;
    }
    if (this.#upstream.backlog > 0) {
      this.#end({ by: "gateway", code: badGateway, reason: "the upstream takes nothing" });
      this.#upstream.terminate();
      this.#closeClient(badGateway, "the upstream takes nothing");
    } else if (behind > behindBytes) {
      this.#end({ by: "gateway", code: abnormal, reason: "the client takes nothing" });
      this.#upstream.close(goingAway, "the client takes nothing");
      this.#client?.terminate();
    } else this.close(goingAway, "idle timeout");
  }

  /** Makes the client wait when its upstream is behind. */
  #holdClient(): void {
    if (this.#upstream.backlog > behindBytes) this.#client?.pause();
  }

  /** Makes the upstream wait when its client is behind. @param status of what the client was sent last */
  #holdUpstream(status: number): void {
    if (status !== -1) return;
    const behind = this.#behind();
    if (behind <= behindBytes) return;
    this.#lastBehind = behind;
    this.#upstream.pause();
  }

  #behind(): number {
    return this.#client?.getBufferedAmount() ?? 0;
  }

  /** @param code as Bun takes it: 1005 sends a Close frame without a code. */
  #closeClient(code: number, reason: string): void {
    this.#finishClient(() => this.#client?.close(code, reason));
  }

  #finishClient(finish: () => void): void {
    // What is paused would not hear of the client's own end.
    this.#client?.resume();
    if (this.#behind() === 0) {
      finish();
      return;
    }
    this.#finish = finish;
    this.#lingering = setTimeout(() => this.#client?.terminate(), this.#options.sendMs);
    this.#lingering.unref();
  }

  /**
   * Comes before either side is closed: the client's tells at once that it is.
   *
   * @returns whether it was not over yet.
   */
  #end(end: SessionEnd): boolean {
    if (this.#hasEnded) return false;
    this.#hasEnded = true;
    this.#options.onEnd(end);
    return true;
  }
}

/** The runtime's buffers are never shared memory, which the type of `Buffer` allows. */
function bytesOf(buffer: Buffer): Uint8Array<ArrayBuffer> {
  return buffer as Uint8Array<ArrayBuffer>;
}

import type { ByteSocket } from "./byte-socket.ts";
import { httpDate } from "./http-date.ts";
import { PipedReply } from "./piped-reply.ts";
import type { RenderedReply } from "./render-reply.ts";
import { StreamedReply, type StreamSink } from "./streamed-reply.ts";

/** What a writer tells the connection it writes to. */
export interface ReplyWriterOwner {
  /** All of the reply is with the system. */
  replySent(): void;
  /** The reply can't be completed. */
  replyFailed(): void;
  /** The client has yet to take what was written. */
  writeStalled(): void;
}

/** What the head of a reply depends on but the reply. */
export interface Delivery {
  readonly isHead: boolean;
  /** The client speaks HTTP/1.0. */
  readonly isOld: boolean;
  /** Whether the connection goes on behind the reply. */
  readonly keep: boolean;
}

/** Bodies up to this are copied behind the head, so that a reply is one write and one segment. */
const ONE_WRITE_BYTES = 65_536;

/** Whether only the end of the connection can be the end of the body. */
export function endsWithConnection(reply: RenderedReply, isOld: boolean): boolean {
  return isOld && reply.declared < 0 && isOnItsWay(reply);
}

/** A body that is sent as it comes. */
interface ReplyStream {
  /** The client took what was written. */
  drained(): void;
  /** Nobody takes it any more. */
  stop(): void;
}

/** Whether the body is not at hand yet. */
function isOnItsWay({ body, pieces }: RenderedReply): boolean {
  return pieces !== null || body instanceof ReadableStream;
}

/** Writes the replies of one connection, one after the other. */
export class ReplyWriter implements StreamSink {
  readonly #socket: ByteSocket;
  readonly #owner: ReplyWriterOwner;
  /** What the socket has not taken yet: the current piece, and a large body behind it. */
  #out: Uint8Array | null = null;
  #outNext: Uint8Array | null = null;
  #stream: ReplyStream | null = null;
  /** Whether what is on its way is a reply, and all of it. */
  #isLast = false;

  constructor(socket: ByteSocket, owner: ReplyWriterOwner) {
    this.#socket = socket;
    this.#owner = owner;
  }

  /** Whether something was written that the socket has not taken. */
  get isStalled(): boolean {
    return this.#out !== null;
  }

  /** An interim reply. */
  interim(text: string): void {
    this.#write(text);
  }

  send(reply: RenderedReply, delivery: Delivery): void {
    const { body, pieces, status } = reply;
    const isBodiless = delivery.isHead || status === 204 || status === 304;
    const head = headOf(reply, delivery, isBodiless);
    if (pieces !== null) {
      if (isBodiless) discardBody(reply);
      else {
        const piped = new PipedReply(head, pieces, this, reply.declared, delivery.isOld);
        this.#stream = piped;
        piped.begin();
        return;
      }
    }
    if (body instanceof ReadableStream) {
      if (isBodiless) discardBody(reply);
      else {
        this.#sendStream(reply, head, body, delivery.isOld);
        return;
      }
    }
    this.#isLast = true;
    if (isBodiless || body === null || body instanceof ReadableStream) this.#write(head);
    else if (typeof body === "string") this.#writeText(head, body);
    else if (body.byteLength <= ONE_WRITE_BYTES) this.#write(joined(head, body));
    else {
      this.#outNext = body;
      this.#write(head);
    }
    this.#reportSent();
  }

  #writeText(head: string, body: string): void {
    const text = head + body;
    this.#write(isAscii(text) ? text : joined(head, Buffer.from(body)));
  }

  #sendStream(
    { declared }: RenderedReply,
    head: string,
    body: ReadableStream<Uint8Array>,
    isOld: boolean,
  ): void {
    const stream = new StreamedReply(body, this, declared < 0 && !isOld, declared);
    this.#stream = stream;
    this.#write(head);
    void stream.run();
  }

  /** Room to write again. */
  drained(): void {
    const out = this.#out;
    if (out === null) return;
    this.#out = null;
    this.#write(out);
    if (this.#out !== null) return;
    this.#stream?.drained();
    this.#reportSent();
  }

  sendPiece(bytes: Uint8Array): boolean {
    // Behind a head, or an interim reply, that is still on its way.
    if (this.#out !== null) this.#out = Buffer.concat([this.#out, bytes]);
    else this.#write(bytes);
    return this.#out === null;
  }

  streamEnded(): void {
    this.#stream = null;
    this.#isLast = true;
    this.#reportSent();
  }

  streamFailed(): void {
    this.#stream = null;
    this.#owner.replyFailed();
  }

  /** The connection is gone. */
  stop(): void {
    this.#isLast = false;
    this.#out = null;
    this.#outNext = null;
    this.#stream?.stop();
    this.#stream = null;
  }

  #reportSent(): void {
    if (!this.#isLast || this.#out !== null) return;
    this.#isLast = false;
    this.#owner.replySent();
  }

  /** Writes a piece; what the socket does not take is kept for when it drained. */
  #write(data: string | Uint8Array): void {
    // An interim reply that is still on its way.
    if (this.#out !== null) {
      const more = typeof data === "string" ? Buffer.from(data, "latin1") : data;
      this.#out = Buffer.concat([this.#out, more]);
      return;
    }
    const bytes = typeof data === "string" && !isAscii(data) ? Buffer.from(data, "latin1") : data;
    const taken = this.#socket.write(bytes);
    if (taken === bytes.length) {
      this.#writeNext();
      return;
    }
    // The connection is gone, and the runtime may never tell of its end (measured: a reset meanwhile).
    if (taken < 0) {
      this.#owner.replyFailed();
      return;
    }
    const all = typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes;
    this.#out = all.subarray(taken);
    this.#owner.writeStalled();
  }

  #writeNext(): void {
    const next = this.#outNext;
    if (next === null) return;
    this.#outNext = null;
    this.#write(next);
  }
}

/** Nobody gets the reply: whoever makes its body is told. */
export function discardBody({ body, pieces }: RenderedReply): void {
  pieces?.cancel();
  if (body instanceof ReadableStream) body.cancel().catch(() => undefined);
}

function headOf(reply: RenderedReply, delivery: Delivery, isBodiless: boolean): string {
  let head = reply.words;
  if (!reply.isDated) head += `date: ${httpDate(performance.now())}\r\n`;
  if (!delivery.keep) head += "connection: close\r\n";
  else if (delivery.isOld) head += "connection: keep-alive\r\n";
  return head + framingOf(reply, delivery, isBodiless);
}

/** The header that tells where the body ends (RFC 9112 §6), and the empty line. */
function framingOf(reply: RenderedReply, { isOld }: Delivery, isBodiless: boolean): string {
  const { body, declared, status, isPassedOn } = reply;
  if (status === 204) return "\r\n";
  if (isOnItsWay(reply) || (body === null && isBodiless)) {
    // RFC 9110 §8.6: without a body it may tell the length that a GET would have had, or nothing.
    if (declared >= 0) return `content-length: ${declared}\r\n\r\n`;
    if (isBodiless)
      return isPassedOn || status === 304 || isOnItsWay(reply)
        ? "\r\n"
        : "content-length: 0\r\n\r\n";
    return isOld ? "\r\n" : "transfer-encoding: chunked\r\n\r\n";
  }
  const length =
    typeof body === "string"
      ? Buffer.byteLength(body)
      : body instanceof Uint8Array
        ? body.byteLength
        : 0;
  return `content-length: ${length}\r\n\r\n`;
}

/** Every other character takes more than a byte. */
const isAscii = (text: string): boolean => Buffer.byteLength(text) === text.length;

function joined(head: string, body: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(head.length + body.byteLength);
  bytes.write(head, 0, "latin1");
  bytes.set(body, head.length);
  return bytes;
}

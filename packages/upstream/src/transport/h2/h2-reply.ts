import { type DecodedBlock, MAX_HEAD_BYTES, MAX_HEADERS, refuseFields } from "@catena/http";
import type { UpstreamReply } from "../transport.ts";

/** What the head of a reply says. */
export interface H2Head {
  readonly status: number;
  /** Flat list without the pseudo field. */
  readonly headers: readonly string[];
  /** Bytes of the body, when that was said; -1 otherwise. */
  readonly length: number;
  /** HEAD, 204, 304: no body follows, whatever the headers say. */
  readonly isBodiless: boolean;
}

const STATUS = /^[1-5][0-9]{2}$/;
/** Up to 15 digits, which a number holds exactly. */
const LENGTH = /^[0-9]{1,15}$/;

/**
 * Reads the head of a reply (RFC 9113 §8.3.2).
 *
 * @returns the head, of an interim reply as well, or the reason why it is not one.
 */
export function readHead(fields: DecodedBlock, method: string): H2Head | string {
  if (fields === "too large") return tooLarge;
  const [first, status = ""] = fields;
  if (first !== ":status" || !STATUS.test(status)) return "bad status";
  const fault = refuseFields(fields, 2);
  if (fault !== null) return fault;
  let length = -1;
  for (let i = 2; i < fields.length; i += 2) {
    if (fields[i] !== "content-length") continue;
    const said = fields[i + 1] ?? "";
    if (length >= 0 || !LENGTH.test(said)) return "bad content-length";
    length = Number(said);
  }
  const code = Number(status);
  const isBodiless = method === "HEAD" || code === 204 || code === 304;
  return { status: code, headers: fields.slice(2), length, isBodiless };
}

const tooLarge = `a head of more than ${MAX_HEADERS} fields or ${MAX_HEAD_BYTES} bytes`;

/** Why fields behind a body are not trailers (RFC 9113 §8.1), or `null`. */
export function refuseTrailers(fields: DecodedBlock, isLast: boolean): string | null {
  if (fields === "too large") return tooLarge;
  return isLast ? refuseFields(fields, 0) : "a second head";
}

/** A reply, and the trailers that come behind it. */
export class H2Reply implements UpstreamReply {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: Uint8Array | ReadableStream<Uint8Array> | null;
  readonly #trailers: () => readonly string[];

  constructor(
    head: H2Head,
    body: Uint8Array | ReadableStream<Uint8Array> | null,
    trailers: () => readonly string[],
  ) {
    this.status = head.status;
    this.headers = head.headers;
    this.body = body;
    this.#trailers = trailers;
  }

  trailers(): readonly string[] {
    return this.#trailers();
  }
}

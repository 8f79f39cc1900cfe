import type { CallBody } from "@catena/upstream";
import type { RenderedCall } from "../steps/send-call.ts";

/**
 * What is kept of a chain's steps that have an undo, from before the first of them is called until
 * the chain has succeeded or everything is undone. It outlives the process.
 */
export interface UndoRecord {
  readonly v: 1;
  /** Sorts by time (UUID version 7). */
  readonly id: string;
  readonly chain: string;
  /** The request's id, as the client was told it. */
  readonly request: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** Until then, in milliseconds since 1970, the process that wrote it may still be at work. */
  readonly ownedUntil: number;
  /**
   * The request was sent on to an upstream, which may have taken it: whether the steps are to be undone
   * is not known to anybody but the process that waited for its answer.
   */
  readonly forwarded?: true;
  /** In the order in which the steps were begun. */
  readonly entries: readonly UndoEntry[];
}

/**
 * `started`: called or about to be, nobody knows whether it happened; `done`: it happened; `failed`:
 * it could not be undone; `undone`: it was, and is kept only as long as the record is.
 */
export type UndoState = "started" | "done" | "failed" | "undone";

export interface UndoEntry {
  readonly step: string;
  readonly state: UndoState;
  /** `null`: what to send depends on a response that never came, or did not hold what it needs. */
  readonly call: RecordedCall | null;
  /** Why it could not be undone; never holds data of a request or response. */
  readonly reason?: string;
}

/** An undo call, complete: sending it needs nothing of the request that it came from. */
export interface RecordedCall {
  /** `upstream:ID` or `uri:http://host[:port][/base]`. */
  readonly target: string;
  readonly method: string;
  /** Encoded path and query. */
  readonly path: string;
  /** Flat list; may hold credentials. */
  readonly headers: readonly string[];
  readonly body?: { readonly text: string } | { readonly base64: string };
  /** Sent as `Idempotency-Key` on every attempt, whoever makes it. */
  readonly key: string;
  readonly timeoutMs: number;
  readonly attempts: number;
}

/** Writes down an undo call. `null` for one that cannot be: its body is a stream, or it has no key. */
export function recordCall(
  rendered: RenderedCall,
  policy: { readonly timeoutMs: number; readonly attempts: number },
): RecordedCall | null {
  const { targetKey: target, method, path, headers, body, key } = rendered;
  if (key === null || body instanceof ReadableStream) return null;
  const written = writeBody(body);
  return {
    target,
    method,
    path,
    headers,
    ...(written === null ? {} : { body: written }),
    key,
    ...policy,
  };
}

function writeBody(body: string | Uint8Array | null): NonNullable<RecordedCall["body"]> | null {
  if (body === null) return null;
  return typeof body === "string"
    ? { text: body }
    : { base64: Buffer.from(body).toString("base64") };
}

/** The body of a recorded call as it is sent. */
export function recordedBody({ body }: RecordedCall): CallBody {
  if (body === undefined) return null;
  return "text" in body ? body.text : new Uint8Array(Buffer.from(body.base64, "base64"));
}

/** Reads a stored record. `null` for what is none, or of a version this build does not know. */
export function parseUndoRecord(text: string): UndoRecord | null {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof json !== "object" || json === null || !("v" in json) || json.v !== 1) return null;
  if (!("id" in json && "chain" in json && "request" in json && "entries" in json)) return null;
  // Only this module writes under the prefix, and the version says in which form.
  return Array.isArray(json.entries) ? (json as UndoRecord) : null;
}

import type { AdminServer } from "../listen-admin.ts";
import { callRaw, type RawReply } from "../testbed/raw-call.ts";

/** One recorded call. */
export interface RecordedCall {
  readonly n: number;
  readonly group: string;
  readonly title?: string;
  readonly method: string;
  readonly path: string;
  /** Instead of the key, when given. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | RepeatedBody;
  readonly reply: RecordedReply;
}

/** A body too long to be written out. */
interface RepeatedBody {
  readonly before: string;
  readonly fill: string;
  readonly times: number;
  readonly after: string;
}

export interface RecordedReply {
  readonly status: number;
  /** `Content-Type`. */
  readonly type: string;
  /** Whether it carries `X-API-VERSION`. */
  readonly versioned?: boolean;
  readonly json?: unknown;
  readonly text?: string;
  /** The record holds only the beginning of the body. */
  readonly cut?: boolean;
}

/** The key the calls were recorded with, APISIX's documented example. */
export const recordedKey = "edd1c9f034335f136f87ad84b625c8f1";

/** Sends a recorded call. */
export function sendRecorded({ port }: AdminServer, call: RecordedCall): Promise<RawReply> {
  const { body } = call;
  const text =
    typeof body === "object" ? body.before + body.fill.repeat(body.times) + body.after : body;
  return callRaw(port, {
    method: call.method,
    path: call.path,
    headers: call.headers ?? { "X-API-KEY": recordedKey },
    ...(text === undefined ? {} : { body: text }),
  });
}

/** A reply in the form of a recorded one, what differs from run to run replaced by names. */
export function toComparable(reply: RecordedReply): unknown {
  return {
    status: reply.status,
    type: reply.type,
    versioned: reply.versioned === true,
    ...("json" in reply ? { json: generalize(reply.json) } : { text: reply.text ?? "" }),
  };
}

export function toRecorded(reply: RawReply): RecordedReply {
  const versioned = reply.headers.get("x-api-version") === "v3";
  const base = { status: reply.status, type: reply.headers.get("content-type") ?? "", versioned };
  try {
    return { ...base, json: JSON.parse(reply.text) };
  } catch {
    return { ...base, text: reply.text };
  }
}

/** An id made from a revision. */
const GENERATED = /\b0{10}\d{10}\b/;

/** Times of the clock, revisions, and ids made from revisions; places in lists of findings. */
export function generalize(value: unknown, name = ""): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => generalize(item));
    if (name !== "errors") return items;
    return items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  }
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).map(([key, member]) => [
      key.replace(GENERATED, "GENERATED"),
      generalize(member, key),
    ]);
    // Of equal content, the order of members does not matter; findings are sorted by their text.
    return Object.fromEntries(members.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)));
  }
  if (typeof value === "string") return value.replace(GENERATED, "GENERATED");
  if (typeof value !== "number") return value;
  if (name === "createdIndex" || name === "modifiedIndex") return value > 0 ? "REVISION" : value;
  const isTime = (name === "create_time" || name === "update_time") && value > 1_000_000_000;
  return isTime ? "NOW" : value;
}

/** A value without members of these names, wherever they stand. */
export function withoutMembers(value: unknown, names: readonly string[]): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutMembers(item, names));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !names.includes(name))
      .map(([name, member]) => [name, withoutMembers(member, names)]),
  );
}

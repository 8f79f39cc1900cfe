import type { Origin, Transport, UpstreamCall, UpstreamReply } from "../transport/transport.ts";

export const GENEROUS_MS = 5_000;

/** An origin on loopback; `key` parts pools within one transport. */
export function originOf(port: number, more: Partial<Origin> = {}): Origin {
  return {
    key: `http#127.0.0.1#${port}`,
    scheme: "http",
    address: "127.0.0.1",
    port,
    keepalive: { size: 8, idleMs: 60_000, requests: 1_000 },
    ...more,
  };
}

/** A plain buffered GET with limits far away; a test changes what it is about. */
export function callOf(origin: Origin, more: Partial<UpstreamCall> = {}): UpstreamCall {
  return {
    origin,
    method: "GET",
    target: "/",
    headers: ["Host", "upstream.test"],
    body: null,
    timeouts: { connectMs: GENEROUS_MS, sendMs: GENEROUS_MS, readMs: GENEROUS_MS },
    deadlineAt: Number.POSITIVE_INFINITY,
    maxBodyBytes: 64 * 1024 * 1024,
    buffered: true,
    cancel: null,
    idempotent: true,
    ...more,
  };
}

/** A reply in a form that compares across transports: lower-case names, repeated ones joined. */
export interface PlainReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** latin1 text; `null` for no body. */
  readonly body: string | null;
}

export async function plainReply(reply: UpstreamReply): Promise<PlainReply> {
  const headers = new Map<string, string>();
  for (let i = 0; i < reply.headers.length; i += 2) {
    const name = (reply.headers[i] ?? "").toLowerCase();
    const value = reply.headers[i + 1] ?? "";
    const earlier = headers.get(name);
    headers.set(name, earlier === undefined ? value : `${earlier}, ${value}`);
  }
  const body = reply.body === null ? null : await readBody(reply.body);
  return { status: reply.status, headers: Object.fromEntries(headers), body };
}

async function readBody(body: Uint8Array | ReadableStream<Uint8Array>): Promise<string> {
  const bytes = body instanceof Uint8Array ? body : await new Response(body).bytes();
  return Buffer.from(bytes).toString("latin1");
}

/** The code a call fails with, or the status it is answered with, body read. */
export async function outcomeOf(transport: Transport, call: UpstreamCall): Promise<string> {
  try {
    const reply = await plainReply(await transport.send(call));
    return String(reply.status);
  } catch (error) {
    return codeOf(error);
  }
}

export function codeOf(error: unknown): string {
  if (typeof error === "object" && error !== null && "code" in error) return String(error.code);
  return String(error);
}

/** Resolves when `holds` does; asks after each turn of the event loop, up to a generous bound. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  const giveUpAt = performance.now() + GENEROUS_MS;
  while (!holds()) {
    if (performance.now() > giveUpAt) throw new Error(`not reached: ${what}`);
    await Bun.sleep(2);
  }
}

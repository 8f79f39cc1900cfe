import type { ChainOutcome, ChainRequest, StepTrace } from "@catena/chain";
import { isGatewayError } from "@catena/errors";
import { type CallTarget, statusReply } from "@catena/pipeline";
import { requestHeaders, responseHeaders } from "@catena/upstream";
import { bytesOf } from "./call-body.ts";
import { answerOf, faultOf, isFailure, type Mock } from "./mock.ts";
import { toReply } from "./mock-reply.ts";
import { readHeaders, readQuery } from "./sent-call.ts";

export type ForwardOutcome = Extract<ChainOutcome, { readonly kind: "forward" }>;

/** What the route's upstream answered, or what the gateway says for it. */
export interface ForwardReply {
  readonly status: number;
  /** Flat list. */
  readonly headers: readonly string[];
  readonly bytes: Uint8Array | null;
  /** The code it failed with; `null` when it answered. */
  readonly code: string | null;
  /** Why it failed, in words. */
  readonly reason: string | null;
}

/** Takes what a chain sends on, once. */
export interface Forwarding {
  send(outcome: ForwardOutcome, request: ChainRequest): Promise<ForwardReply>;
  /** How it went, where anybody measures; `null` before it was sent. */
  readonly step: StepTrace | null;
}

/** An upstream that answers as a mock does. */
export function mockForwarding(mock: Mock<unknown>): Forwarding {
  return {
    step: null,
    send: async (outcome, request) => {
      const { body, setHeaders } = outcome;
      const bytes = await bytesOf(body);
      const answered = await answerOf(mock, {
        operation: "upstream",
        method: request.method,
        target: targetOf(request),
        params: request.params,
        query: readQuery(request.query),
        headers: readHeaders([...request.headerList(), ...setHeaders]),
        body: bytes === null ? undefined : new TextDecoder().decode(bytes),
        count: 1,
        repeat: 1,
      });
      if (isFailure(answered)) return failed(faultOf(answered, "the route's upstream"));
      const reply = toReply(answered, request.method);
      const { status, headers } = reply;
      return { status, headers, bytes: await bytesOf(reply.body), code: null, reason: null };
    },
  };
}

/** RFC 9110 §9.2.2 names the others. */
const NOT_IDEMPOTENT = new Set(["POST", "PATCH"]);

/** A real upstream, called as the gateway calls it; the route's other plugins change nothing. */
export class LiveForwarding implements Forwarding {
  readonly #target: CallTarget | null;
  readonly #maxBodyBytes: number;
  #step: StepTrace | null = null;

  /** @param target `null`: the route has no upstream. */
  constructor(target: CallTarget | null, maxBodyBytes: number) {
    this.#target = target;
    this.#maxBodyBytes = maxBodyBytes;
  }

  get step(): StepTrace | null {
    return this.#step;
  }

  async send(outcome: ForwardOutcome, request: ChainRequest): Promise<ForwardReply> {
    const step = newStep();
    this.#step = step;
    try {
      const reply = await this.#call(outcome, request);
      step.status = reply.status;
      step.outcome = reply.code === null ? "done" : "failed";
      step.reason = reply.code;
      step.bytes = reply.bytes?.length ?? 0;
      return reply;
    } finally {
      step.endMs = performance.now();
    }
  }

  async #call(outcome: ForwardOutcome, request: ChainRequest): Promise<ForwardReply> {
    if (this.#target === null)
      return withStatus(503, "UPSTREAM_EMPTY", "the route has no upstream");
    try {
      const reply = await this.#target.send({
        method: request.method,
        target: targetOf(request),
        headers: forwardedHeaders(outcome, request),
        body: outcome.body,
        timeoutMs: Number.POSITIVE_INFINITY,
        deadlineAt: Math.min(outcome.deadlineAt ?? Number.POSITIVE_INFINITY, request.deadlineAt),
        maxBodyBytes: this.#maxBodyBytes,
        buffered: true,
        idempotent: !NOT_IDEMPOTENT.has(request.method),
        cancel: request.cancel,
      });
      const bytes = await bytesOf(reply.body);
      const headers = responseHeaders(reply.headers);
      return { status: reply.status, headers, bytes, code: null, reason: null };
    } catch (error) {
      if (!isGatewayError(error)) throw error;
      return failed(error);
    }
  }
}

function failed(error: Error): ForwardReply {
  if (!isGatewayError(error)) throw error;
  return withStatus(error.status, error.code, error.message);
}

function withStatus(status: number, code: string, reason: string): ForwardReply {
  const { headers, body } = statusReply(status);
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : null;
  return { status, headers, bytes, code, reason };
}

function newStep(): StepTrace {
  return {
    step: "(upstream)",
    startMs: performance.now(),
    endMs: Number.NaN,
    attempts: 1,
    status: null,
    outcome: "running",
    reason: null,
    bytes: 0,
    call: null,
  };
}

function targetOf({ path, query }: ChainRequest): string {
  return query === "" ? path : `${path}?${query}`;
}

/** The client's headers with those the chain sets in their places; an empty value removes. */
function forwardedHeaders(
  { setHeaders, contentType }: ForwardOutcome,
  request: ChainRequest,
): readonly string[] {
  const client = request
    .headerList()
    .map((entry, i) => (i % 2 === 0 ? entry.toLowerCase() : entry));
  const rawHost = request.header("host") ?? "localhost";
  const about = {
    clientAddress: request.clientAddress,
    scheme: "http",
    rawHost,
    serverPort: 80,
  } as const;
  // The first pair is Host, which the target writes.
  const headers = requestHeaders(client, about).slice(2);
  const set = contentType === null ? setHeaders : [...setHeaders, "content-type", contentType];
  const names = new Set(set.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase()));
  const kept = pairs(headers).filter(([name]) => !names.has(name.toLowerCase()));
  return [...kept, ...pairs(set).filter(([, value]) => value !== "")].flat();
}

function pairs(list: readonly string[]): readonly (readonly [string, string])[] {
  return list.flatMap((name, i) => (i % 2 === 0 ? [[name, list[i + 1] ?? ""] as const] : []));
}

import { type GatewayError, isGatewayError } from "@catena/errors";
import {
  formatFault,
  type JsonObjectSlices,
  mergeSlices,
  type ObjectScan,
  scanObject,
  writeSlices,
} from "@catena/json";
import type { UpstreamReply } from "@catena/upstream";
import type { ChainOutcome, ChainRequest } from "../chain-request.ts";
import { chainErrors } from "../errors.ts";
import { jsonText } from "../json-text.ts";
import type { ChainTrace, StepTrace } from "../trace.ts";
import { bearerToken } from "./bearer-token.ts";
import {
  faultReply,
  invalidReply,
  serviceErrorReply,
  unreachableReply,
} from "./classic-replies.ts";
import type { ClassicChain, ClassicService } from "./compile-classic.ts";
import { mergeQueryArguments } from "./query-arguments.ts";
import { readStartValue, type StartValue } from "./start-value.ts";

const BODY_HEADERS: readonly string[] = ["Content-Type", "application/json", "Accept", "*/*"];
const BARE_HEADERS: readonly string[] = ["Accept", "*/*"];
const NO_HEADERS: readonly string[] = [];
const NO_BYTES = new Uint8Array(0);

/**
 * Runs a classic chain: calls each service in turn with everything merged so far, and ends with the
 * merged object as the new request body. A service that fails ends it with the documented reply.
 *
 * @throws REQUEST_TOO_LARGE (413) from the request; UPSTREAM_CANCELLED when the client left.
 */
export async function runClassic(
  chain: ClassicChain,
  request: ChainRequest,
  trace: ChainTrace | null = null,
): Promise<ChainOutcome> {
  const deadlineAt = Math.min(request.deadlineAt, performance.now() + chain.deadlineMs);
  let auth: string | null;
  let start: StartValue;
  try {
    auth = bearerToken(request, chain.tokenHeader);
    start = await readStartValue(request, chain.limits);
  } catch (error) {
    if (isGatewayError(error) && error.status === 400) return faultReply(chain, error);
    throw error;
  }
  mergeQueryArguments(start.members, request.query);
  const run = new ClassicRun(chain, request, start.members, auth, deadlineAt);
  for (const service of chain.services) {
    const step = trace?.begin(service.label, performance.now()) ?? null;
    let failure: ChainOutcome | null;
    try {
      failure = run.take(service, await run.send(service), step);
    } catch (error) {
      failure = run.fail(service, error);
    }
    if (step !== null) endTrace(step, failure);
    if (failure !== null) return failure;
  }
  return forward(request, start, auth === null ? NO_HEADERS : ["Authorization", auth]);
}

function forward(
  request: ChainRequest,
  start: StartValue,
  setHeaders: readonly string[],
): ChainOutcome {
  const base = { kind: "forward", upstreamId: null, setHeaders } as const;
  if (start.opaque !== null) return { ...base, body: start.opaque, contentType: null };
  // A GET that came without a body goes on without one (RFC 9110 §9.3.1); the Lua plugin adds one.
  if (!start.hasBody && (request.method === "GET" || request.method === "HEAD"))
    return { ...base, body: null, contentType: null };
  return {
    ...base,
    body: writeSlices(start.members),
    contentType: start.declaredJson ? null : "application/json",
  };
}

/** What one request's calls share; a class so that no closure is made per call. */
class ClassicRun {
  readonly #chain: ClassicChain;
  readonly #request: ChainRequest;
  readonly #merged: JsonObjectSlices;
  readonly #deadlineAt: number;
  readonly #bodyHeaders: readonly string[];
  readonly #bareHeaders: readonly string[];

  constructor(
    chain: ClassicChain,
    request: ChainRequest,
    merged: JsonObjectSlices,
    auth: string | null,
    deadlineAt: number,
  ) {
    this.#chain = chain;
    this.#request = request;
    this.#merged = merged;
    this.#deadlineAt = deadlineAt;
    this.#bodyHeaders = auth === null ? BODY_HEADERS : [...BODY_HEADERS, "Authorization", auth];
    this.#bareHeaders = auth === null ? BARE_HEADERS : [...BARE_HEADERS, "Authorization", auth];
  }

  /** @throws CHAIN_MERGED_TOO_LARGE, UPSTREAM_* */
  send(service: ClassicService): Promise<UpstreamReply> {
    const body = service.sendsBody ? writeSlices(this.#merged) : null;
    const { mergedBytes } = this.#chain.limits;
    // Every character is at least one byte, so this errs on the side of what was promised.
    if (body !== null && body.length > mergedBytes)
      throw chainErrors.CHAIN_MERGED_TOO_LARGE({ step: service.label, maxBytes: mergedBytes });
    // A service that trickles is bounded as a whole, so the attempt's end is passed as its deadline.
    const endsAt = Math.min(this.#deadlineAt, performance.now() + service.timeoutMs);
    return service.target.send({
      method: service.method,
      target: service.path,
      headers: body === null ? this.#bareHeaders : this.#bodyHeaders,
      body,
      timeoutMs: service.timeoutMs,
      deadlineAt: endsAt,
      maxBodyBytes: this.#chain.limits.responseBytes,
      buffered: true,
      idempotent: service.idempotent,
      cancel: this.#request.cancel,
      caller: this.#request,
    });
  }

  /** @returns what the client gets when the service failed; `null` to go on. */
  take(
    service: ClassicService,
    reply: UpstreamReply,
    trace: StepTrace | null,
  ): ChainOutcome | null {
    const { status } = reply;
    // Asked for buffered, so a body is bytes.
    const body = reply.body instanceof Uint8Array ? reply.body : NO_BYTES;
    if (trace !== null) {
      trace.attempts = 1;
      trace.status = status;
      trace.bytes = body.length;
    }
    if (status < 200 || status > 299) {
      const error = chainErrors.CHAIN_STEP_STATUS({ step: service.label, status });
      return serviceErrorReply(this.#chain, status, body, error);
    }
    if (body.length === 0) return null;
    const text = jsonText(body);
    const scan =
      text === null ? null : scanObject(text, { maxDepth: this.#chain.limits.jsonDepth });
    if (scan?.kind === "object") {
      mergeSlices(this.#merged, scan);
      return null;
    }
    const error = chainErrors.CHAIN_REPLY_INVALID({ step: service.label, reason: why(scan) });
    const isJson = scan !== null && scan.kind !== "fault";
    return invalidReply(this.#chain, service, isJson, error);
  }

  /** What a failed call answers the client; a client that is gone gets nothing. */
  fail(service: ClassicService, error: unknown): ChainOutcome {
    if (!isGatewayError(error)) throw error;
    const step = service.label;
    switch (error.code) {
      case "UPSTREAM_CANCELLED":
        throw error;
      case "CHAIN_MERGED_TOO_LARGE":
        return faultReply(this.#chain, error);
      case "UPSTREAM_TOO_LARGE": {
        const maxBytes = this.#chain.limits.responseBytes;
        return faultReply(
          this.#chain,
          chainErrors.CHAIN_RESPONSE_TOO_LARGE({ step, maxBytes }, error),
        );
      }
      case "UPSTREAM_DEADLINE":
        if (performance.now() >= this.#deadlineAt)
          return faultReply(this.#chain, chainErrors.CHAIN_DEADLINE({ step }, error));
        return unreachableReply(this.#chain, service, error);
      default:
        return unreachableReply(this.#chain, service, error);
    }
  }
}

function why(scan: ObjectScan | null): string {
  if (scan === null) return "it is not UTF-8";
  return scan.kind === "fault"
    ? formatFault(scan)
    : `expected a JSON object, found ${scan.kind === "array" ? "an array" : "a scalar"}`;
}

function endTrace(trace: StepTrace, failure: ChainOutcome | null): void {
  trace.endMs = performance.now();
  trace.outcome = failure === null ? "done" : "failed";
  const error: GatewayError | null =
    failure !== null && failure.kind === "reply" ? (failure.error ?? null) : null;
  trace.reason = error?.code ?? null;
}

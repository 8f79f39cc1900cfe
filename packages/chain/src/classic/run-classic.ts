import { type GatewayError, isGatewayError } from "@catena/errors";
import {
  formatFault,
  JsonObjectSlices,
  mergeSlices,
  type ObjectScan,
  scanObject,
  writeSlices,
} from "@catena/json";
import type { TargetCall } from "@catena/pipeline";
import type { ReplyReceiver, UpstreamReply } from "@catena/upstream";
import type { ChainOutcome, ChainRequest } from "../chain-request.ts";
import { chainErrors } from "../errors.ts";
import { replyText } from "../json-text.ts";
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
import { readBody, type StartValue, startWith } from "./start-value.ts";

const BODY_HEADERS: readonly string[] = ["Content-Type", "application/json", "Accept", "*/*"];
const BARE_HEADERS: readonly string[] = ["Accept", "*/*"];
const NO_HEADERS: readonly string[] = [];
const NO_BYTES = new Uint8Array(0);

/** Takes what a chain ends with; must not throw. */
export interface OutcomeReceiver {
  resolve(outcome: ChainOutcome): void;
  /** REQUEST_TOO_LARGE (413) of the request; UPSTREAM_CANCELLED when the client left. */
  reject(error: unknown): void;
}

/**
 * Runs a classic chain: calls each service in turn with everything merged so far, and ends with the
 * merged object as the new request body. A service that fails ends it with the documented reply.
 */
export function startClassic(
  chain: ClassicChain,
  request: ChainRequest,
  trace: ChainTrace | null,
  receiver: OutcomeReceiver,
): void {
  new ClassicRun(chain, request, trace, receiver).begin();
}

/** As {@link startClassic}, for those that wait for the outcome. */
export function runClassic(
  chain: ClassicChain,
  request: ChainRequest,
  trace: ChainTrace | null = null,
): Promise<ChainOutcome> {
  return new Promise((resolve, reject) => {
    startClassic(chain, request, trace, { resolve, reject });
  });
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

/**
 * One request's way through the services. It takes the replies itself: a promise, with its functions
 * and its turn of the event loop, per call cost a tenth of a chain of three.
 */
class ClassicRun implements ReplyReceiver {
  readonly #chain: ClassicChain;
  readonly #request: ChainRequest;
  readonly #trace: ChainTrace | null;
  readonly #receiver: OutcomeReceiver;
  readonly #deadlineAt: number;
  #start = NO_START;
  /** Members of the reply in hand. */
  readonly #scanned = new JsonObjectSlices();
  #setHeaders = NO_HEADERS;
  #bodyHeaders = BODY_HEADERS;
  #bareHeaders = BARE_HEADERS;
  /** Index of the service that is asked. */
  #at = 0;
  #step: StepTrace | null = null;

  constructor(
    chain: ClassicChain,
    request: ChainRequest,
    trace: ChainTrace | null,
    receiver: OutcomeReceiver,
  ) {
    this.#chain = chain;
    this.#request = request;
    this.#trace = trace;
    this.#receiver = receiver;
    this.#deadlineAt = Math.min(request.deadlineAt, performance.now() + chain.deadlineMs);
  }

  begin(): void {
    try {
      const auth = bearerToken(this.#request, this.#chain.tokenHeader);
      if (auth !== null) {
        this.#setHeaders = ["Authorization", auth];
        this.#bodyHeaders = [...BODY_HEADERS, "Authorization", auth];
        this.#bareHeaders = [...BARE_HEADERS, "Authorization", auth];
      }
      const body = readBody(this.#request, this.#chain.limits.requestBytes);
      if (body instanceof Promise) this.#beginLater(body);
      else this.#begin(body);
    } catch (error) {
      this.#refuse(error);
    }
  }

  /** On its own: a function with closures makes a scope at every call, also where they are not reached. */
  #beginLater(body: Promise<string | Uint8Array>): void {
    body.then(
      (read) => this.#begin(read),
      (error: unknown) => this.#refuse(error),
    );
  }

  #begin(body: string | Uint8Array): void {
    try {
      this.#start = startWith(body, this.#chain.jsonLimits);
      mergeQueryArguments(this.#start.members, this.#request.query);
      this.#next();
    } catch (error) {
      this.#refuse(error);
    }
  }

  /** A request that cannot be understood is answered; one that is too large is not for us to word. */
  #refuse(error: unknown): void {
    if (isGatewayError(error) && error.status === 400)
      this.#receiver.resolve(faultReply(this.#chain, error));
    else this.#receiver.reject(error);
  }

  /** Calls the service whose turn it is, or ends. */
  #next(): void {
    const service = this.#chain.services[this.#at];
    if (service === undefined) {
      this.#receiver.resolve(forward(this.#request, this.#start, this.#setHeaders));
      return;
    }
    this.#step = this.#trace?.begin(service.label, performance.now()) ?? null;
    const body = service.sendsBody ? writeSlices(this.#start.members) : null;
    const { mergedBytes, responseBytes } = this.#chain.limits;
    // Every character is at least one byte, so this errs on the side of what was promised.
    if (body !== null && body.length > mergedBytes) {
      const step = service.label;
      this.reject(chainErrors.CHAIN_MERGED_TOO_LARGE({ step, maxBytes: mergedBytes }));
      return;
    }
    const call: TargetCall = {
      method: service.method,
      target: service.path,
      headers: body === null ? this.#bareHeaders : this.#bodyHeaders,
      body,
      timeoutMs: service.timeoutMs,
      // A service that trickles is bounded as a whole, so the attempt's end is its deadline.
      deadlineAt: Math.min(this.#deadlineAt, performance.now() + service.timeoutMs),
      maxBodyBytes: responseBytes,
      buffered: true,
      idempotent: service.idempotent,
      cancel: this.#request.cancel,
      caller: this.#request,
    };
    service.target.start(call, this);
  }

  resolve(reply: UpstreamReply): void {
    try {
      this.#settle(this.#take(this.#service(), reply));
    } catch (error) {
      this.#receiver.reject(error);
    }
  }

  reject(error: unknown): void {
    try {
      this.#settle(this.#fail(this.#service(), error));
    } catch (thrown) {
      this.#receiver.reject(thrown);
    }
  }

  /** A reply comes for a call only, and a call is made of a service. */
  #service(): ClassicService {
    return this.#chain.services[this.#at] as ClassicService;
  }

  /** @param failure what the client gets instead; `null` to go on. */
  #settle(failure: ChainOutcome | null): void {
    if (this.#step !== null) endTrace(this.#step, failure);
    if (failure !== null) {
      this.#receiver.resolve(failure);
      return;
    }
    this.#at += 1;
    this.#next();
  }

  /** @returns what the client gets when the service failed; `null` to go on. */
  #take(service: ClassicService, reply: UpstreamReply): ChainOutcome | null {
    const { status } = reply;
    const isGood = status >= 200 && status <= 299;
    if (this.#step !== null) noteReply(this.#step, reply);
    if (!isGood) {
      const error = chainErrors.CHAIN_STEP_STATUS({ step: service.label, status });
      return serviceErrorReply(this.#chain, status, bytesOf(reply), error);
    }
    const text = replyText(reply);
    if (text === "") return null;
    const scan = text === null ? null : scanObject(text, this.#chain.jsonLimits, this.#scanned);
    if (scan?.kind === "object") {
      mergeSlices(this.#start.members, scan);
      return null;
    }
    const error = chainErrors.CHAIN_REPLY_INVALID({ step: service.label, reason: why(scan) });
    const isJson = scan !== null && scan.kind !== "fault";
    return invalidReply(this.#chain, service, isJson, error);
  }

  /** What a failed call answers the client; a client that is gone gets nothing. */
  #fail(service: ClassicService, error: unknown): ChainOutcome {
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

/** Before the body is read. */
const NO_START: StartValue = {
  members: new JsonObjectSlices(),
  opaque: null,
  hasBody: false,
  declaredJson: false,
};

/** Asked for buffered, so a body is bytes. */
const bytesOf = ({ body }: UpstreamReply): Uint8Array =>
  body instanceof Uint8Array ? body : NO_BYTES;

function noteReply(step: StepTrace, reply: UpstreamReply): void {
  step.attempts = 1;
  step.status = reply.status;
  step.bytes = bytesOf(reply).length;
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

import type { ChainLimits } from "@catena/chain";
import type { CompiledResource } from "@catena/dsl";
import { isGatewayError } from "@catena/errors";
import {
  type CallTarget,
  type TargetCall,
  type TargetResolver,
  targetBySending,
} from "@catena/pipeline";
import type { UpstreamReply } from "@catena/upstream";
import { bytesOf, decodeBody } from "./call-body.ts";
import type { ChainResult } from "./chain-result.ts";
import { compileAll } from "./compile-all.ts";
import { LiveForwarding } from "./forwarding.ts";
import type { Operations } from "./operations.ts";
import { toRecordedBody } from "./recorded-body.ts";
import type { RecordedCall, RecordedFate, RecordedForward, Recording } from "./recording.ts";
import { runOnce, type WatchedTargets } from "./run-once.ts";
import { readHeaders, readQuery, type SentCall } from "./sent-call.ts";
import { type SettledRecording, settleRecording } from "./settle-recording.ts";
import { type ShownRun, showRun } from "./shown-run.ts";
import { findSubject } from "./subject.ts";
import type { TestRequest } from "./test-request.ts";

/** Headers of an answer that say how it came, not what it is. */
const NOT_KEPT: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "date",
  "keep-alive",
  "transfer-encoding",
]);

/** Of what calls said that much is shown, in characters. */
const SHOWN = { bodyChars: 1024 * 1024, requestChars: 8 * 1024 * 1024 };

/** Largest reply of the route's upstream that is read. */
const MAX_FORWARDED_BYTES = 16 * 1024 * 1024;

export interface RecordOptions {
  /** Which route, when there are several with a chain. */
  readonly route?: string;
  /** Id, among the targets, of the upstream that the chain sends requests on to; without it the run ends there. */
  readonly upstream?: string;
  /** The gateway's; default: what a gateway has that sets none. */
  readonly limits?: Partial<ChainLimits>;
  /** The client leaves when it is aborted. */
  readonly signal?: AbortSignal;
}

/** One run against real services. */
export interface LiveRun {
  readonly result: ChainResult;
  /** The request and its reply for people to look at, with secrets masked. */
  readonly shown: ShownRun;
  /** Writes down what happened; this runs the chain offline, which may take as long as the run took. */
  record(): Promise<SettledRecording>;
}

/** A run against real services that was written down. */
export interface RecordedRun extends SettledRecording {
  readonly result: ChainResult;
}

/**
 * Runs a chain once against real services and writes down what happened.
 *
 * @param targets where the services are, such as {@link liveTargets}.
 * @throws TESTING_CHAIN when the chain does not compile, or an upstream is not among the targets.
 *
 * @example
 * const live = liveTargets({ upstreams: { "users-v1": "http://127.0.0.1:8081" } });
 * const { recording } = await recordRun(checkout, { body }, live.targets);
 * await Bun.write("checkout.recording.json", JSON.stringify(recording, null, 2));
 */
export async function recordRun(
  config: object,
  request: TestRequest,
  targets: TargetResolver,
  options: RecordOptions = {},
): Promise<RecordedRun> {
  const { result, record } = await runLive(compileAll(config), request, targets, options);
  return { result, ...(await record()) };
}

/**
 * Runs a chain of compiled resources once against real services.
 *
 * @throws TESTING_CHAIN
 */
export async function runLive(
  resources: readonly CompiledResource[],
  request: TestRequest,
  targets: TargetResolver,
  options: RecordOptions = {},
): Promise<LiveRun> {
  const { route, upstream, limits, signal } = options;
  const subject = findSubject(resources, route);
  const recorder = new Recorder(targets, subject.operations);
  const forwarding =
    upstream === undefined
      ? null
      : new LiveForwarding(recorder.forwardTo(upstream), MAX_FORWARDED_BYTES);
  const nowMs = Date.now();
  const result = await runOnce(subject, request, recorder, {
    forwarding,
    random: Math.random,
    values: SHOWN,
    signal,
    nowMs,
    ...(limits === undefined ? {} : { limits }),
  });
  return {
    result,
    shown: showRun(result, subject),
    record: async () =>
      settleRecording(subject, {
        v: 1,
        chain: subject.id,
        now: nowMs,
        request: await toRecordedRequest(request, result),
        ...recorder.recorded(result),
      }),
  };
}

/** The request with its body as the other bodies of a recording are. */
async function toRecordedRequest(request: TestRequest, result: ChainResult): Promise<TestRequest> {
  const { body: _, text: __, ...head } = request;
  const { body, text } = toRecordedBody(
    await result.end.request.bodyBytes(Number.MAX_SAFE_INTEGER),
  );
  // Whether a text is JSON is for the content type to say, so it is kept as it is written.
  if (typeof body === "string") return { ...head, text: JSON.stringify(body) };
  return {
    ...head,
    ...(body === undefined ? {} : { body }),
    ...(text === undefined ? {} : { text }),
  };
}

interface Answer {
  readonly answer: RecordedFate;
  /** Why there is none, in words. */
  readonly fault?: string;
  readonly kept: Pick<RecordedForward, "code" | "headers" | "body" | "text" | "base64">;
}

/** Passes calls on and keeps them with their answers, in the order they were made. */
class Recorder implements WatchedTargets {
  readonly calls: SentCall[] = [];
  readonly #answers: (Answer | null)[] = [];
  readonly #inner: TargetResolver;
  readonly #operations: Operations;
  #forwarded: Answer | null = null;

  constructor(inner: TargetResolver, operations: Operations) {
    this.#inner = inner;
    this.#operations = operations;
  }

  upstream(id: string): CallTarget | null {
    return this.#watch(this.#inner.upstream(id), `upstream:${id}`);
  }

  uri(uri: string): CallTarget | null {
    return this.#watch(this.#inner.uri(uri), `uri:${uri}`);
  }

  /** The upstream that the chain sends on to, which is none of its calls. */
  forwardTo(id: string): CallTarget | null {
    const inner = this.#inner.upstream(id);
    if (inner === null) return null;
    return targetBySending((call) =>
      send(inner, call, (answer) => {
        this.#forwarded = answer;
      }),
    );
  }

  /** What was called, sent on and replied. */
  recorded(result: ChainResult): Pick<Recording, "calls" | "forwarded" | "reply"> {
    const { status, body, forwarded, end } = result;
    return {
      calls: this.#recordedCalls(),
      ...(end.forwarded === null ? {} : { forwarded: this.#recordedForward(forwarded) }),
      reply: { status, ...(body === undefined ? {} : { body }) },
    };
  }

  #recordedForward(sent: unknown): RecordedForward {
    const { answer, kept } = this.#forwarded ?? { kept: {} };
    return {
      ...(sent === undefined ? {} : { sent }),
      ...(answer === undefined ? {} : { answer }),
      ...kept,
    };
  }

  #recordedCalls(): readonly RecordedCall[] {
    return this.calls.flatMap(({ operation, method, target, body: sent }, index) => {
      const answer = this.#answers[index] ?? null;
      if (answer === null) return [];
      const call = { operation, method, target, ...(sent === undefined ? {} : { sent }) };
      return [{ ...call, answer: answer.answer, ...answer.kept }];
    });
  }

  #watch(inner: CallTarget | null, target: string): CallTarget | null {
    return inner === null ? null : targetBySending((call) => this.#send(inner, target, call));
  }

  async #send(inner: CallTarget, target: string, call: TargetCall): Promise<UpstreamReply> {
    const [path = "", search = ""] = call.target.split("?", 2);
    const matched = this.#operations.match(target, call.method, path);
    const bytes = await bytesOf(call.body);
    const sent: SentCall = {
      operation: matched?.operation.name ?? target,
      method: call.method,
      target: call.target,
      params: matched?.params ?? {},
      query: readQuery(search),
      headers: readHeaders(call.headers),
      body: decodeBody(bytes),
      answer: "unanswered",
    };
    const index = this.calls.push(sent) - 1;
    return send(inner, { ...call, body: bytes }, (answer) => {
      const { fault } = answer;
      this.calls[index] = {
        ...sent,
        answer: answer.answer,
        ...(fault === undefined ? {} : { fault }),
      };
      this.#answers[index] = answer;
    });
  }
}

async function send(
  inner: CallTarget,
  call: TargetCall,
  keep: (answer: Answer) => void,
): Promise<UpstreamReply> {
  try {
    const reply = await inner.send(call);
    const body = await bytesOf(reply.body);
    const kept = Object.entries(readHeaders(reply.headers)).filter(([name]) => !NOT_KEPT.has(name));
    keep({
      answer: reply.status,
      kept: { headers: Object.fromEntries(kept), ...toRecordedBody(body) },
    });
    return { status: reply.status, headers: reply.headers, body };
  } catch (error) {
    const fault = error instanceof Error ? error.message : String(error);
    keep({
      answer: faultIn(error),
      fault,
      kept: isGatewayError(error) ? { code: error.code } : {},
    });
    throw error;
  }
}

function faultIn(error: unknown): Exclude<RecordedFate, number> {
  if (!isGatewayError(error)) return "reset";
  if (error.code === "UPSTREAM_CANCELLED") return "cancelled";
  if (error.details["sent"] === false) return "refused";
  return error.status === 504 ? "timeout" : "reset";
}

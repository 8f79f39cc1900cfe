import { canonicalJson } from "@catena/ir";
import { isJsonObject } from "@catena/schema";
import { type ChainResult, unmet } from "./chain-result.ts";
import { differencesOf } from "./diff-json.ts";
import { testingErrors } from "./errors.ts";
import { failure, type Mock, type MockCall, replyBytes } from "./mock.ts";
import { fromRecordedBody, type RecordedBody } from "./recorded-body.ts";
import { wordCall } from "./sent-call.ts";
import type { TestRequest } from "./test-request.ts";

/**
 * A live run as JSON: the request, each call with its answer, and the reply. Values of headers that
 * carry credentials are masked; bodies are kept as they are, so it is as secret as they are.
 */
export interface Recording {
  readonly v: 1;
  /** The route's id. */
  readonly chain: string;
  /** Where its configs are, from the recording's own folder; default: in that folder. */
  readonly configs?: readonly string[];
  /** When the request came, in milliseconds since 1970. */
  readonly now?: number;
  readonly request: TestRequest;
  /** In the order they were made. */
  readonly calls: readonly RecordedCall[];
  /** Present when the chain did not answer itself. */
  readonly forwarded?: RecordedForward;
  readonly reply: { readonly status: number; readonly body?: unknown };
}

/** What became of a call. */
export type RecordedFate = number | "refused" | "timeout" | "reset" | "cancelled";

/** A call, what was sent with it, and its answer's body. */
export interface RecordedCall extends RecordedBody {
  readonly operation: string;
  readonly method: string;
  /** Encoded, with the query. */
  readonly target: string;
  /** What was sent, decoded when it was JSON. */
  readonly sent?: unknown;
  readonly answer: RecordedFate;
  /** The transport's, of a call that was not answered. */
  readonly code?: string;
  /** Of the answer, by lower-case name. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What the chain sent on to the route's upstream, and the body of that one's answer. */
export interface RecordedForward extends RecordedBody {
  readonly sent?: unknown;
  /** Absent when the run ended there. */
  readonly answer?: RecordedFate;
  readonly code?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Reads a recording back.
 *
 * @param json as `JSON.parse` gives it.
 * @throws TESTING_RECORDING
 */
export function parseRecording(json: unknown): Recording {
  const problem = problemOf(json);
  if (problem !== null) throw testingErrors.TESTING_RECORDING({ reason: problem });
  // Everything a replay looks at was looked at above.
  return json as Recording;
}

function problemOf(json: unknown): string | null {
  if (!isJsonObject(json) || !("v" in json)) return "no recording";
  const { v, calls, request, reply, chain, configs, forwarded } = json;
  if (v !== 1) return `version ${JSON.stringify(v)} is not known`;
  if (!Array.isArray(calls)) return "its calls are missing";
  if (!isJsonObject(request) || !isJsonObject(reply)) return "its request or reply is missing";
  if (typeof reply["status"] !== "number") return "its reply has no status";
  if (typeof chain !== "string") return "its chain is missing";
  if (configs !== undefined && !isTexts(configs)) return "its configs are no list of paths";
  if (forwarded !== undefined && !isJsonObject(forwarded)) return "what it sends on is no object";
  const isCall = (call: unknown) =>
    isJsonObject(call) &&
    isTexts([call["operation"], call["method"], call["target"]]) &&
    call["answer"] !== undefined;
  return calls.every(isCall) ? null : "a call has no operation, no method, no target or no answer";
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}

/** A mock for each operation of a recording, which answers each call as then. */
export function recordedMocks({ calls }: Recording): ReadonlyMap<string, Mock<unknown>> {
  const byOperation = Map.groupBy(calls, ({ operation }) => operation);
  return new Map(
    [...byOperation].map(([operation, recorded]) => [
      operation,
      (call: MockCall) => answerFrom(recorded, call),
    ]),
  );
}

function answerFrom(recorded: readonly RecordedCall[], call: MockCall) {
  const same = recorded.filter((one) => keyOf(one, one.sent) === keyOf(call, call.body));
  const found = same[Math.min(call.repeat, same.length) - 1];
  if (found === undefined) {
    throw testingErrors.TESTING_RECORDING({
      reason: `${call.operation}: ${wordCall(call)} was not called with this body`,
    });
  }
  return answerAs(found.answer, found);
}

/** How the upstream answered what the chain sent on; `null` where it did not come to that. */
export function recordedUpstream({ forwarded }: Recording): Mock<unknown> | null {
  if (forwarded?.answer === undefined) return null;
  return answerAs(forwarded.answer, forwarded);
}

/** A mock that answers, or fails, as was recorded. */
export function answerAs(fate: RecordedFate, answer: Omit<RecordedForward, "answer">) {
  return typeof fate === "number"
    ? replyBytes(fromRecordedBody(answer), { status: fate, headers: answer.headers ?? {} })
    : failure(fate, answer.code ?? "");
}

/** What tells two calls of one operation apart. */
export function keyOf(
  { method, target }: { readonly method: string; readonly target: string },
  body: unknown,
): string {
  return `${method} ${target} ${canonicalJson(body)}`;
}

/**
 * Holds a result to a recording: the same status, body and calls of each operation, and the same sent
 * on to the upstream.
 *
 * @throws TESTING_EXPECTATION
 */
export function expectAsRecorded(result: ChainResult, recording: Recording): void {
  const calls = (made: readonly { operation: string; method: string; target: string }[]) =>
    made.map(({ operation, method, target }) => `${operation}: ${method} ${target}`).toSorted();
  const { reply, forwarded } = recording;
  const differences = differencesOf(
    { ...reply, forwarded: forwarded?.sent, calls: calls(recording.calls) },
    {
      status: result.status,
      ...(result.body === undefined ? {} : { body: result.body }),
      forwarded: result.forwarded,
      calls: calls(result.calls),
    },
  );
  if (differences.length === 0) return;
  throw unmet("not as recorded:", differences, result);
}

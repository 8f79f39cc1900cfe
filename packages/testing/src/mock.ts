import { upstreamErrors } from "@catena/upstream";

const ANSWER: unique symbol = Symbol("answer");

/** A whole response of a service, made by {@link reply}. */
export interface MockReply<R> {
  readonly [ANSWER]: "reply";
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  /** `undefined`: no body. */
  readonly body: R | undefined;
  /** Sent as they are in place of `body`, and held to no schema. */
  readonly bytes?: Uint8Array;
}

/**
 * A call that gets no response, made by {@link refused}, {@link timedOut}, {@link reset} or
 * {@link unanswered}.
 */
export interface MockFailure {
  readonly [ANSWER]: "failure";
  readonly fault: "refused" | "timeout" | "reset" | "cancelled";
  /** The transport's code, where it is another than the fault's usual one. */
  readonly code?: string;
}

/** Answers for one call after another; the last is used for all further ones. */
export interface MockSequence<R> {
  readonly [ANSWER]: "sequence";
  readonly answers: readonly MockAnswer<R>[];
}

/** A call as a mock that is a function sees it. */
export interface MockCall {
  /** `users.get`. */
  readonly operation: string;
  readonly method: string;
  /** Encoded, with the query. */
  readonly target: string;
  readonly params: Readonly<Record<string, string>>;
  /** A name that comes more than once has a list. */
  readonly query: Readonly<Record<string, string | readonly string[]>>;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Decoded when it is JSON, else its text; `undefined` for none. */
  readonly body: unknown;
  /** Which call of this operation it is, from 1. */
  readonly count: number;
  /** Which of the calls that are the same as this one, from 1: a retry is the second. */
  readonly repeat: number;
}

/** A body that is answered with status 200, a whole response, or a failure. */
export type MockAnswer<R> = R | MockReply<R> | MockFailure;

/** Any body; not `unknown`, beside which the parameter of a mock that is a function has no type. */
export type AnyBody = string | number | boolean | null | object;

/** How an operation answers. */
export type Mock<R> =
  | MockAnswer<R>
  | MockSequence<R>
  | ((call: MockCall) => MockAnswer<R> | Promise<MockAnswer<R>>);

/**
 * A response with a status, headers or without a body.
 *
 * @example reply({ error: "gone" }, { status: 410 })
 */
export function reply<R>(
  body?: R,
  head: {
    readonly status?: number;
    readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  } = {},
): MockReply<R> {
  const { status = 200, headers = {} } = head;
  return { [ANSWER]: "reply", status, headers, body };
}

/** A response whose body is given as bytes. */
export function replyBytes(
  bytes: Uint8Array | null,
  head: { readonly status: number; readonly headers: Readonly<Record<string, string>> },
): MockReply<never> {
  return { [ANSWER]: "reply", ...head, body: undefined, ...(bytes === null ? {} : { bytes }) };
}

/** A connection that is refused: the service has seen nothing. */
export function refused(): MockFailure {
  return { [ANSWER]: "failure", fault: "refused" };
}

/** A service that does not answer in time, without the test waiting for it. */
export function timedOut(): MockFailure {
  return { [ANSWER]: "failure", fault: "timeout" };
}

/** A connection that breaks after the request was sent: it may have had its effect. */
export function reset(): MockFailure {
  return { [ANSWER]: "failure", fault: "reset" };
}

/**
 * A service that never answers: the call ends when the chain gives it up, for its timeout or deadline,
 * another step that failed, or a hedge that won. The test waits for that.
 */
export function unanswered(): MockFailure {
  return { [ANSWER]: "failure", fault: "cancelled" };
}

/** A failure with the transport's own code. */
export function failure(fault: MockFailure["fault"], code: string): MockFailure {
  return { [ANSWER]: "failure", fault, code };
}

/**
 * One answer after another; the last one stays.
 *
 * @example sequence(reply({}, { status: 503 }), { id: "1" }) // fails once
 */
export function sequence<R>(...answers: readonly MockAnswer<R>[]): MockSequence<R> {
  return { [ANSWER]: "sequence", answers };
}

/** What a mock answers a call with. */
export async function answerOf(
  mock: Mock<unknown>,
  call: MockCall,
): Promise<MockReply<unknown> | MockFailure> {
  const given = typeof mock === "function" ? await mock(call) : nextOf(mock, call.count);
  return isAnswer(given) && given[ANSWER] !== "sequence" ? given : reply(given);
}

/** Every answer of a mock that is known without a call. */
export function knownAnswers(mock: Mock<unknown>): readonly (MockReply<unknown> | MockFailure)[] {
  if (typeof mock === "function") return [];
  const answers = isAnswer(mock) && mock[ANSWER] === "sequence" ? mock.answers : [mock];
  return answers.map((answer) =>
    isAnswer(answer) && answer[ANSWER] !== "sequence" ? answer : reply(answer),
  );
}

export function isFailure(answer: MockReply<unknown> | MockFailure): answer is MockFailure {
  return answer[ANSWER] === "failure";
}

/** The error a transport would throw. */
export function faultOf({ fault, code }: MockFailure, origin: string): Error {
  const sent = fault !== "refused";
  const make = code === undefined || !isCallFault(code) ? USUAL[fault] : code;
  return upstreamErrors[make]({ origin, sent });
}

type CallFaultCode = Exclude<keyof typeof upstreamErrors, "UPSTREAM_BAD_HOST">;

const USUAL: Readonly<Record<MockFailure["fault"], CallFaultCode>> = {
  refused: "UPSTREAM_REFUSED",
  timeout: "UPSTREAM_READ_TIMEOUT",
  reset: "UPSTREAM_RESET",
  cancelled: "UPSTREAM_CANCELLED",
};

function isCallFault(code: string): code is CallFaultCode {
  return Object.hasOwn(upstreamErrors, code) && code !== "UPSTREAM_BAD_HOST";
}

type Answer = MockReply<unknown> | MockFailure | MockSequence<unknown>;

function isAnswer(value: unknown): value is Answer {
  return typeof value === "object" && value !== null && ANSWER in value;
}

function nextOf(mock: unknown, count: number): unknown {
  if (!isAnswer(mock) || mock[ANSWER] !== "sequence") return mock;
  return mock.answers[Math.min(count, mock.answers.length) - 1];
}

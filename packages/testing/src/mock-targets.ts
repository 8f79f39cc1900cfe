import {
  type CallTarget,
  type TargetCall,
  type TargetResolver,
  targetBySending,
} from "@catena/pipeline";
import { compileJsonCheck } from "@catena/schema";
import { type UpstreamReply, upstreamErrors } from "@catena/upstream";
import { bytesOf, decodeBody } from "./call-body.ts";
import { testingErrors } from "./errors.ts";
import {
  answerOf,
  faultOf,
  isFailure,
  type Mock,
  type MockFailure,
  type MockReply,
} from "./mock.ts";
import { toReply } from "./mock-reply.ts";
import type { KnownOperation, Operations } from "./operations.ts";
import { keyOf } from "./recording.ts";
import { readHeaders, readQuery, type SentCall, wordCall } from "./sent-call.ts";

/** Mocks by the name of their operation. */
export type Mocks = ReadonlyMap<string, Mock<unknown>>;

/** Destinations that are mocks, with what was sent to them. */
export interface MockTargets extends TargetResolver {
  /** In the order they were made. */
  readonly calls: readonly SentCall[];
  /** What is wrong with the test itself; a chain takes it for a failing service. */
  readonly faults: readonly Error[];
}

/** Answers every call of a chain by a mock; no socket is opened. */
export function mockTargets(operations: Operations, mocks: Mocks): MockTargets {
  const calls: SentCall[] = [];
  const faults: Error[] = [];
  const counts = new Map<string, number>();
  const answer = async (target: string, call: TargetCall): Promise<UpstreamReply> => {
    const [path = "", search = ""] = call.target.split("?", 2);
    const matched = operations.match(target, call.method, path);
    const operation = matched?.operation.name ?? target;
    const sent = {
      operation,
      method: call.method,
      target: call.target,
      params: matched?.params ?? {},
      query: readQuery(search),
      headers: readHeaders(call.headers),
      body: decodeBody(await bytesOf(call.body)),
    };
    const count = countUp(counts, operation);
    const repeat = countUp(counts, `${operation} ${keyOf(sent, sent.body)}`);
    const index = calls.push({ ...sent, answer: "unanswered" }) - 1;
    const settle = (answered: SentCall["answer"]) => {
      calls[index] = { ...sent, answer: answered };
    };
    const mock = mocks.get(operation);
    if (matched === null || mock === undefined) {
      throw testingErrors.TESTING_NO_MOCK({ call: wordCall(sent), operation });
    }
    const answered = await answerOf(mock, { ...sent, count, repeat });
    if (isFailure(answered)) {
      settle(answered.fault);
      throw answered.fault === "cancelled"
        ? await givenUp(call, answered, target)
        : faultOf(answered, target);
    }
    checkMock(matched.operation, answered);
    settle(answered.status);
    return toReply(answered, call.method);
  };
  const targetOf = (target: string): CallTarget =>
    targetBySending(async (call) => {
      try {
        return await answer(target, call);
      } catch (error) {
        if (error instanceof Error && isOfTest(error)) faults.push(error);
        throw error;
      }
    });
  return {
    calls,
    faults,
    upstream: (id) => targetOf(`upstream:${id}`),
    uri: (uri) => targetOf(`uri:${uri}`),
  };
}

/**
 * Holds what a mock answers to the schema of its operation, so that a test cannot pass with a
 * response the service never gives. Errors have no schema.
 *
 * @throws TESTING_MOCK_INVALID
 */
export function checkMock(
  { name, response }: KnownOperation,
  { status, body }: MockReply<unknown>,
): void {
  if (response === undefined || body === undefined || status < 200 || status > 299) return;
  const findings = compileJsonCheck(response)(body);
  if (findings.length === 0) return;
  throw testingErrors.TESTING_MOCK_INVALID({
    operation: name,
    findings: findings.map(({ path, message, expected }) =>
      [path, `${message}${expected === undefined ? "" : `, expected ${expected}`}`]
        .filter((part) => part !== "")
        .join(" "),
    ),
  });
}

/** Waits until a call is given up, and says why as a transport does. */
function givenUp(
  { cancel, timeoutMs, deadlineAt }: TargetCall,
  failure: MockFailure,
  origin: string,
): Promise<Error> {
  const leftMs = deadlineAt - performance.now();
  const { promise, resolve } = Promise.withResolvers<Error>();
  const isDeadline = leftMs <= timeoutMs;
  const late = isDeadline ? "UPSTREAM_DEADLINE" : "UPSTREAM_READ_TIMEOUT";
  // A timer that is early would leave a rest of the deadline, and be taken for another timeout.
  const waitMs = Math.ceil(Math.max(0, Math.min(leftMs, timeoutMs))) + 1;
  const timer = Number.isFinite(waitMs)
    ? setTimeout(() => resolve(upstreamErrors[late]({ origin, sent: true })), waitMs)
    : undefined;
  cancel?.onCancel(() => {
    clearTimeout(timer);
    resolve(faultOf(failure, origin));
  });
  return promise;
}

function countUp(counts: Map<string, number>, key: string): number {
  const count = (counts.get(key) ?? 0) + 1;
  counts.set(key, count);
  return count;
}

/** Whether an error is the test's own, such as one thrown by a mock, and no fault it plays. */
function isOfTest(error: Error): boolean {
  const code = "code" in error ? String(error.code) : "";
  return !code.startsWith("UPSTREAM_");
}

import { isGatewayError } from "@catena/errors";
import { ChainTest } from "./chain-test.ts";
import { testingErrors } from "./errors.ts";
import { mockForwarding } from "./forwarding.ts";
import { maskRecording } from "./mask-recording.ts";
import type { Mock, MockCall } from "./mock.ts";
import { mockTargets } from "./mock-targets.ts";
import {
  answerAs,
  expectAsRecorded,
  keyOf,
  type RecordedCall,
  type Recording,
  recordedUpstream,
} from "./recording.ts";
import { runOnce } from "./run-once.ts";
import { wordCall } from "./sent-call.ts";
import type { Subject } from "./subject.ts";

/** A recording that may be kept. */
export interface SettledRecording {
  /** Credentials are masked in it, and so is what the chain makes of them. */
  readonly recording: Recording;
  /** Why a replay of it is not the same; `null` when it is. */
  readonly problem: string | null;
}

/** Shorter ones would be found in text that has nothing to do with them. */
const SHORTEST = 4;

/** How often what the chain sends is compared again: a service may repeat what it was sent. */
const MAX_ROUNDS = 3;

/**
 * Masks a recording and makes it one that can be replayed. What a chain computes of a credential does
 * not look like it, so text alone does not find it: then the chain is run again, offline, with the
 * masks in the place of credentials, and what it sends and replies is taken from that run.
 */
export async function settleRecording(
  subject: Subject,
  live: Recording,
): Promise<SettledRecording> {
  const known = new Map<string, string>();
  for (let round = 1; ; round++) {
    const { recording: masked, masks } = maskRecording(live, known);
    const problem = await replayProblem(subject, masked);
    if (problem === null || masks === 0) return { recording: masked, problem };
    const { recording: again, derived } = await runAgain(subject, masked);
    if (round < MAX_ROUNDS && derived.size > 0) {
      for (const [text, mask] of derived) known.set(text, mask);
      continue;
    }
    const isOther =
      again.reply.status !== masked.reply.status || operationsOf(again) !== operationsOf(masked);
    return {
      recording: again,
      problem: isOther
        ? "credentials are masked in it, and with masks the chain does something else"
        : await replayProblem(subject, again),
    };
  }
}

/** Why a replay is not the same; `null` when it is. */
async function replayProblem(subject: Subject, recording: Recording): Promise<string | null> {
  try {
    const test = new ChainTest(subject, new Map(), null).replay(recording);
    expectAsRecorded(await test.run(recording.request), recording);
    return null;
  } catch (error) {
    if (!isGatewayError(error)) throw error;
    return error.message;
  }
}

/** Runs the chain on what was recorded; `derived`: texts it sent then, by those it sends now. */
async function runAgain(
  subject: Subject,
  masked: Recording,
): Promise<{ readonly recording: Recording; readonly derived: ReadonlyMap<string, string> }> {
  const answers = new LooseAnswers(masked.calls);
  const targets = mockTargets(subject.operations, answers.mocks(subject.operations.names));
  const upstream = recordedUpstream(masked);
  const result = await runOnce(subject, masked.request, targets, {
    forwarding: upstream === null ? null : mockForwarding(upstream),
    nowMs: masked.now,
  });
  const { status, body, forwarded } = result;
  const { forwarded: was, ...rest } = masked;
  const { sent: _, ...answer } = was ?? {};
  const recording = {
    ...rest,
    calls: answers.made,
    ...(result.end.forwarded === null
      ? {}
      : { forwarded: { ...(forwarded === undefined ? {} : { sent: forwarded }), ...answer } }),
    reply: { status, ...(body === undefined ? {} : { body }) },
  };
  return { recording, derived: answers.derived };
}

/** Answers a call as the same call was answered, or else as the next one of its operation was. */
class LooseAnswers {
  readonly made: RecordedCall[] = [];
  readonly derived = new Map<string, string>();
  readonly #left: RecordedCall[];

  constructor(recorded: readonly RecordedCall[]) {
    this.#left = [...recorded];
  }

  mocks(operations: readonly string[]): ReadonlyMap<string, Mock<unknown>> {
    return new Map(operations.map((name) => [name, (call: MockCall) => this.#answer(call)]));
  }

  #answer(call: MockCall) {
    const own = this.#left.filter(({ operation }) => operation === call.operation);
    const found = own.find((one) => keyOf(one, one.sent) === keyOf(call, call.body)) ?? own[0];
    if (found === undefined) {
      throw testingErrors.TESTING_RECORDING({ reason: `${wordCall(call)} was not made then` });
    }
    this.#left.splice(this.#left.indexOf(found), 1);
    const { sent, ...answer } = found;
    const { method, target, body } = call;
    comparePart(partsOf(found.target), partsOf(target), this.derived);
    comparePart(sent, body, this.derived);
    this.made.push({ ...answer, method, target, ...(body === undefined ? {} : { sent: body }) });
    return answerAs(found.answer, found);
  }
}

/** Notes each text that is another now, by what it is now. */
function comparePart(then: unknown, now: unknown, derived: Map<string, string>): void {
  if (typeof then === "string" && typeof now === "string") {
    if (then !== now && then.length >= SHORTEST) derived.set(then, now);
  } else if (typeof then === "object" && typeof now === "object" && then !== null && now !== null) {
    const members: Readonly<Record<string, unknown>> = { ...now };
    for (const [name, member] of Object.entries(then)) comparePart(member, members[name], derived);
  }
}

/** Segments and arguments of a target, decoded. */
function partsOf(target: string): readonly string[] {
  return target.split(/[/?&=]/).map((part) => {
    try {
      return decodeURIComponent(part.replaceAll("+", " "));
    } catch {
      return part;
    }
  });
}

function operationsOf({ calls }: Recording): string {
  return calls
    .map(({ operation }) => operation)
    .sort()
    .join(" ");
}

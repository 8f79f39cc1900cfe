import { describe, expect, test } from "bun:test";
import { LaterResult, type ResultReceiver } from "./later-result.ts";
import { isLater } from "./phase.ts";
import { statusReply } from "./reply.ts";

/** Notes what it is told. */
class Recorder implements ResultReceiver {
  readonly told: unknown[] = [];
  phaseEnded(result: unknown): void {
    this.told.push(["ended", result]);
  }
  failed(error: unknown): void {
    this.told.push(["failed", error]);
  }
}

const reply = statusReply(418);
const other = statusReply(200);
const error = new Error("broken");
const noError = new Error("a handler failed without an error");

const facts: readonly (readonly [string, (result: LaterResult) => void, unknown])[] = [
  ["an error", (result) => result.fail(error), ["failed", error]],
  ["no error is one all the same", (result) => result.fail(undefined), ["failed", noError]],
  ["null is no error either", (result) => result.fail(null), ["failed", noError]],
  ["an error that is falsy stays what it is", (result) => result.fail(0), ["failed", 0]],
  [
    "what fails first counts, not a later result",
    (result) => {
      result.fail(error);
      result.settle(reply);
    },
    ["failed", error],
  ],
  [
    "the first error counts",
    (result) => {
      result.fail(error);
      result.fail(new Error("later"));
    },
    ["failed", error],
  ],
  [
    "what settles first counts, not a later error",
    (result) => {
      result.settle(undefined);
      result.fail(error);
    },
    ["ended", undefined],
  ],
  [
    "the first result counts",
    (result) => {
      result.settle(reply);
      result.settle(other);
    },
    ["ended", reply],
  ],
  ["nothing goes on", (result) => result.settle(undefined), ["ended", undefined]],
  ["a reply", (result) => result.settle(reply), ["ended", reply]],
];

describe("a result that comes later", () => {
  test.each(facts)("%s, given before it is taken", (_, give, told) => {
    const result = new LaterResult();
    const recorder = new Recorder();
    give(result);
    result.take(recorder);
    expect(recorder.told).toEqual([told]);
  });

  test.each(facts)("%s, given after it is taken", (_, give, told) => {
    const result = new LaterResult();
    const recorder = new Recorder();
    result.take(recorder);
    expect(recorder.told).toEqual([]);
    give(result);
    expect(recorder.told).toEqual([told]);
  });

  test.each(facts)("%s, awaited before and after", async (_, give, told) => {
    const outcome = async (result: LaterResult): Promise<unknown> => {
      try {
        return ["ended", await result];
      } catch (thrown) {
        return ["failed", thrown];
      }
    };
    const early = new LaterResult();
    const waiting = outcome(early);
    give(early);
    expect(await waiting).toEqual(told);
    const late = new LaterResult();
    give(late);
    expect(await outcome(late)).toEqual(told);
  });

  test("is told from a result that is there", () => {
    expect(isLater(new LaterResult())).toBe(true);
    expect(isLater(reply)).toBe(false);
    expect(isLater(undefined)).toBe(false);
  });
});

import { expect, test } from "bun:test";
import { noStyle } from "../output.ts";
import type { Tried, TriedStep } from "./tried.ts";
import { drawWaterfall } from "./waterfall.ts";

const step = (rest: Partial<TriedStep>): TriedStep => ({
  step: "a",
  startMs: 0,
  durationMs: 10,
  outcome: "done",
  attempts: 1,
  status: 200,
  reason: null,
  bytes: 0,
  calls: [],
  call: null,
  ...rest,
});

function draw(steps: readonly TriedStep[], durationMs = 32): readonly string[] {
  // Nothing else of a run is drawn.
  return drawWaterfall({ steps, durationMs } as Tried, noStyle).split("\n");
}

test("each step has a bar where and as long as it ran", () => {
  expect(
    draw([
      step({ step: "user", durationMs: 8, calls: ["GET /users/1", "GET /users/2"] }),
      step({ step: "orders", startMs: 8, durationMs: 24.5, attempts: 3, status: 503 }),
      step({
        step: "gift",
        startMs: 8,
        durationMs: 0,
        outcome: "skipped",
        attempts: 0,
        status: null,
        reason: "when",
      }),
      step({
        step: "rate",
        startMs: 9,
        durationMs: 1,
        outcome: "fallback",
        status: null,
        reason: "CODE",
      }),
      step({
        step: "late",
        startMs: 32,
        durationMs: 0.001,
        outcome: "failed",
        status: 500,
        reason: "CODE",
      }),
      step({ step: "sum", startMs: 8.25, durationMs: 0.2, status: null, attempts: 0 }),
    ]),
  ).toEqual([
    "step    0                        32.0 ms    start      took",
    "user    ████████                              0.0       8.0  200  GET /users/1",
    "orders          ████████████████████████      8.0      24.5  503, 3 attempts",
    "gift                                          8.0            skipped: when",
    "rate             █                            9.0       1.0  fallback, CODE",
    "late                                   ▏     32.0       0.0  failed, 500, CODE",
    "sum             ▎                             8.3       0.2  done",
  ]);
});

test("what is too long or too many is cut", () => {
  const lines = draw(Array.from({ length: 70 }, (_, i) => step({ step: `${"n".repeat(40)}${i}` })));
  expect(lines).toHaveLength(66);
  expect(lines[1]).toStartWith(`${"n".repeat(27)}…  █`);
  expect(lines.at(-1)).toBe("… and 6 more");
});

test("a request that took no time is drawn", () => {
  expect(draw([step({ durationMs: 0 })], 0)[1]).toContain("▏");
});

import { expect, test } from "bun:test";
import { drawMermaid } from "./mermaid.ts";
import type { Tried, TriedStep } from "./tried.ts";

const step = (name: string, rest: Partial<TriedStep> = {}): TriedStep => ({
  step: name,
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

function draw(steps: readonly TriedStep[]): string {
  // Nothing else of a run is drawn.
  return drawMermaid({ chain: "a:b", status: 502, durationMs: 30.04, steps } as Tried);
}

test("each step is a bar in a diagram of Mermaid", () => {
  expect(
    draw([
      step("user"),
      step("rate", {
        startMs: 10.4,
        durationMs: 0.1,
        outcome: "fallback",
        attempts: 2,
        status: 503,
      }),
      step("pay#1", { startMs: 11, outcome: "failed", status: null }),
      step("gift", { startMs: 12, outcome: "skipped", attempts: 0, status: null }),
    ]),
  ).toBe(`gantt
  title a b: 502 in 30.0 ms
  dateFormat x
  axisFormat %S.%L s
  user 200 :done, 0, 10
  rate fallback 503 2 attempts :active, 10, 11
  pay 1 failed :crit, 11, 21
  gift skipped :milestone, 12, 12`);
});

test("of many steps the first are drawn", () => {
  const text = draw(Array.from({ length: 70 }, (_, i) => step(`s${i}`)));
  expect(text).toContain("(6 more steps)");
  expect(text.split("\n")).toHaveLength(68);
});

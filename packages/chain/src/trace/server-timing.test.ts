import { expect, test } from "bun:test";
import { ChainTrace } from "../trace.ts";
import { serverTiming } from "./server-timing.ts";

/** RFC 9110 §5.6: metric names and parameter values are tokens or quoted strings. */
const METRIC = /^[\w.-]+(?:;[a-z]+=(?:[\d.]+|"[^"\\]*"))*$/;

function traced(count: number): ChainTrace {
  const trace = new ChainTrace();
  for (let i = 0; i < count; i++) {
    const step = trace.begin(`a_rather_long_name_of_a_step_${i}`, 10 + i);
    Object.assign(step!, { endMs: 20 + i, attempts: 2, status: 200, outcome: "done" });
  }
  return trace;
}

test("each metric is one that a browser can read", () => {
  const trace = traced(2);
  Object.assign(trace.begin("s", 12)!, { endMs: 12, outcome: "skipped", reason: "when" });
  Object.assign(trace.begin("s[0]", 12)!, { endMs: 13, outcome: "done" });
  Object.assign(trace.begin("sub.inner", 12)!, { endMs: 13, outcome: "failed", reason: "CODE" });
  trace.begin("still.undo", 14);
  const text = serverTiming(trace, 10, 30.04);
  for (const metric of text.split(", ")) expect(metric).toMatch(METRIC);
  expect(text).toEndWith(
    's;start=2;skip="when", sub.inner;dur=1;start=2;outcome="failed";reason="CODE", ' +
      'still.undo;dur=16;start=4;outcome="running", total;dur=20',
  );
});

test("is bounded, and keeps the total", () => {
  const text = serverTiming(traced(1000), 0, 5);
  expect(text.length).toBeLessThan(4096);
  expect(text).toEndWith(", total;dur=5");
});

test("a trace counts what is beyond its bound", () => {
  const trace = new ChainTrace({ maxSteps: 2 });
  expect([1, 2, 3, 4].map((i) => trace.begin(`s${i}`, 0) === null)).toEqual([
    false,
    false,
    true,
    true,
  ]);
  expect([trace.steps.length, trace.dropped]).toEqual([2, 2]);
});

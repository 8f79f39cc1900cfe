import { describe, expect, test } from "bun:test";
import { type FailureKind, type HealthState, TargetState } from "./target-state.ts";

type Report = FailureKind | "ok";

/** Limits: 2 successes, 3 HTTP failures, 2 TCP failures, 4 timeouts. */
const limits = { http: 3, tcp: 2, timeout: 4 };

function after(reports: readonly Report[]): TargetState {
  const target = new TargetState();
  for (const report of reports) {
    if (report === "ok") target.succeed(2);
    else target.fail(report, limits[report]);
  }
  return target;
}

const down: Report[] = ["tcp", "tcp"];

const cases: readonly [string, readonly Report[], HealthState][] = [
  ["new", [], "healthy"],
  ["successes of a healthy target change nothing", ["ok", "ok", "ok"], "healthy"],
  ["one failure", ["http"], "mostly_healthy"],
  ["one failure short of the limit", ["http", "http"], "mostly_healthy"],
  ["HTTP failures at the limit", ["http", "http", "http"], "unhealthy"],
  ["TCP failures at the limit", ["tcp", "tcp"], "unhealthy"],
  ["timeouts at the limit", ["timeout", "timeout", "timeout", "timeout"], "unhealthy"],
  ["kinds are counted apart", ["http", "tcp", "http", "timeout", "timeout"], "mostly_healthy"],
  ["a success clears the failures", ["http", "http", "ok", "http", "http"], "mostly_healthy"],
  ["successes make it healthy again", ["http", "ok", "ok"], "healthy"],
  ["failures of an unhealthy target change nothing", [...down, "tcp", "http"], "unhealthy"],
  ["one success of an unhealthy target", [...down, "ok"], "mostly_unhealthy"],
  ["enough successes", [...down, "ok", "ok"], "healthy"],
  ["a failure between the successes", [...down, "ok", "http", "ok"], "mostly_unhealthy"],
  ["failures while recovering", [...down, "ok", "tcp", "tcp"], "unhealthy"],
];

describe("state after reports", () => {
  test.each(cases)("%s", (_, reports, expected) => {
    const target = after(reports);
    expect(target.state).toBe(expected);
    expect(target.isUp).toBe(expected === "healthy" || expected === "mostly_healthy");
  });
});

test("the counters of what took a target down stay until it is well", () => {
  expect(after(down).counters).toEqual({ success: 0, http: 0, tcp: 2, timeout: 0 });
  expect(after([...down, "ok"]).counters).toEqual({ success: 1, http: 0, tcp: 0, timeout: 0 });
});

test("a limit of 0 ignores a kind", () => {
  const target = new TargetState();
  for (let i = 0; i < 300; i++) target.fail("http", 0);
  expect(target.state).toBe("healthy");
  target.fail("tcp", 1);
  target.succeed(0);
  expect(target.state).toBe("unhealthy");
});

test.each([
  [["http"], "healthy"],
  [[...down, "ok"], "unhealthy"],
] as const)("settle decides what %p left open", (reports, expected) => {
  const target = after(reports);
  target.settle();
  expect(target.state).toBe(expected);
});

import { describe, expect, test } from "bun:test";
import { defineScenario } from "../scenario.ts";
import { Tally } from "./tally.ts";

const scenario = defineScenario("proxy", { routes: 1 });
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

describe("Tally", () => {
  test("what was not measured is null", () => {
    expect(new Tally().toRow(scenario, "catena")).toMatchObject({
      cpu_us_per_request: null,
      requests_per_s: null,
      p50_ms: null,
      p99_ms: null,
      p999_ms: null,
      rss_mb: null,
      errors: 0,
      offered_per_s: null,
    });
  });

  test("percentiles are medians over the rounds, with the rounds' spread", () => {
    const tally = new Tally();
    for (const factor of [1, 3, 2]) tally.addLatencies(upTo(1000).map((ms) => ms * factor));
    const row = tally.toRow(scenario, "catena");
    expect([row.p50_ms, row.p99_ms, row.p999_ms]).toEqual([1000, 1980, 1998]);
    expect(row.spreads.p99_ms).toEqual({ median: 1980, min: 990, max: 2970 });
  });

  test("a percentile with too few samples per round is taken over all rounds", () => {
    const tally = new Tally();
    tally.addLatencies(upTo(60));
    tally.addLatencies(upTo(60).map((ms) => ms + 60));
    const row = tally.toRow(scenario, "catena");
    expect(row.p99_ms).toBe(119);
    expect(row.p999_ms).toBeNull();
  });

  test("errors of both loops are added up by kind", () => {
    const tally = new Tally();
    tally.addErrors({ status: 1, socket: 0, timeout: 2 });
    tally.addErrors({ status: 1, socket: 3, timeout: 0 });
    const row = tally.toRow(scenario, "nginx");
    expect(row.errors).toBe(7);
    expect(row.error_kinds).toEqual({ status: 2, socket: 3, timeout: 2 });
  });

  test("memory is in megabytes", () => {
    const tally = new Tally();
    tally.residentBefore = 10_000_000;
    tally.residentAfter = 12_345_678;
    expect(tally.toRow(scenario, "hono")).toMatchObject({ rss_before_mb: 10, rss_mb: 12.3 });
  });
});

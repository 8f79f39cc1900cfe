import { describe, expect, test } from "bun:test";
import { healthyMs, RestartPolicy } from "./restart-policy.ts";

describe("RestartPolicy", () => {
  test("one that had been well is replaced at once, however often", () => {
    const policy = new RestartPolicy();
    const delays = Array.from({ length: 20 }, () => policy.delayAfter(healthyMs));
    expect(new Set(delays)).toEqual(new Set([0]));
    expect(policy.isStorm).toBe(false);
  });

  test("one after another that ends early waits longer, and five are a storm", () => {
    const policy = new RestartPolicy();
    const delays = Array.from({ length: 6 }, () => policy.delayAfter(10));
    expect(delays).toEqual([0, 100, 200, 400, 30_000, 30_000]);
    expect(policy.isStorm).toBe(true);
    expect(policy.early).toBe(6);
  });

  test("a storm is over after one that was well, or when a person says so", () => {
    const policy = new RestartPolicy();
    for (let count = 0; count < 5; count++) policy.delayAfter(0);
    expect(policy.delayAfter(healthyMs)).toBe(0);
    expect(policy.isStorm).toBe(false);
    for (let count = 0; count < 5; count++) policy.delayAfter(0);
    policy.forgive();
    expect(policy.delayAfter(0)).toBe(0);
  });
});

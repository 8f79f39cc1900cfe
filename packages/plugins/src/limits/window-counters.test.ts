import { describe, expect, test } from "bun:test";
import { FixedWindows, SlidingWindows } from "./window-counters.ts";

describe("fixed windows", () => {
  test("begin with the first request and end after their length", () => {
    const windows = new FixedWindows();
    expect(windows.count("a", 2, 1000, 500)).toEqual({
      accepted: true,
      remaining: 1,
      resetMs: 1000,
    });
    expect(windows.count("a", 2, 1000, 600)).toEqual({
      accepted: true,
      remaining: 0,
      resetMs: 900,
    });
    expect(windows.count("a", 2, 1000, 1499)).toEqual({
      accepted: false,
      remaining: 0,
      resetMs: 1,
    });
    expect(windows.count("a", 2, 1000, 1500)).toEqual({
      accepted: true,
      remaining: 1,
      resetMs: 1000,
    });
  });

  test("keys are counted apart", () => {
    const windows = new FixedWindows();
    expect(windows.count("a", 1, 1000, 0).accepted).toBe(true);
    expect(windows.count("b", 1, 1000, 0).accepted).toBe(true);
    expect(windows.count("a", 1, 1000, 0).accepted).toBe(false);
  });

  test("what is over is forgotten", () => {
    const windows = new FixedWindows();
    for (let i = 0; i < 1000; i++) windows.count(`k${i}`, 1, 1000, i);
    windows.count("new", 1, 1000, 1500);
    expect(windows.size).toBe(500);
  });

  test("endlessly many keys take a bounded place, the newest stay", () => {
    const windows = new FixedWindows();
    for (let i = 0; i < 70_000; i++) windows.count(`k${i}`, 1, 1000, 0);
    expect(windows.size).toBe(65_536);
    expect(windows.count("k69999", 1, 1000, 0).accepted).toBe(false);
    expect(windows.count("k0", 1, 1000, 0).accepted).toBe(true);
  });
});

describe("sliding windows", () => {
  test("the previous window counts by the share that is still in reach", () => {
    const windows = new SlidingWindows();
    for (let i = 0; i < 10; i++) expect(windows.count("a", 10, 1000, 900).accepted).toBe(true);
    expect(windows.count("a", 10, 1000, 999).accepted).toBe(false);
    // At 1500 half of the ten count.
    const outcomes = Array.from({ length: 6 }, () => windows.count("a", 10, 1000, 1500));
    expect(outcomes.map((outcome) => outcome.remaining)).toEqual([4, 3, 2, 1, 0, 0]);
    expect(outcomes.map((outcome) => outcome.accepted)).toEqual([
      true,
      true,
      true,
      true,
      true,
      false,
    ]);
    expect(outcomes[0]?.resetMs).toBe(500);
    expect(outcomes[5]?.resetMs).toBe(0);
    expect(windows.count("a", 10, 1000, 3500).remaining).toBe(9);
  });

  test("what is over is forgotten, and the number of keys is bounded", () => {
    const windows = new SlidingWindows();
    for (let i = 0; i < 70_000; i++) windows.count(`k${i}`, 1, 1000, 0);
    expect(windows.size).toBe(65_536);
    windows.count("new", 1, 1000, 2000);
    expect(windows.size).toBe(1);
  });
});

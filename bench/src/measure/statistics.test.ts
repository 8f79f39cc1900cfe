import { describe, expect, test } from "bun:test";
import { percentile, rotate, toSpread } from "./statistics.ts";

describe("toSpread", () => {
  const cases = [
    { name: "one value is its own spread", values: [4], expected: { median: 4, min: 4, max: 4 } },
    {
      name: "odd count: the middle value, whatever the order",
      values: [9, 1, 5],
      expected: { median: 5, min: 1, max: 9 },
    },
    {
      name: "even count: the mean of the two middle values",
      values: [10, 1, 3, 2],
      expected: { median: 2.5, min: 1, max: 10 },
    },
    {
      name: "sorts by number, not by text",
      values: [100, 20, 3],
      expected: { median: 20, min: 3, max: 100 },
    },
  ];
  test.each(cases)("$name", ({ values, expected }) => {
    expect(toSpread(values)).toEqual(expected);
  });

  test("nothing measured is null, not zero", () => {
    expect(toSpread([])).toBeNull();
  });

  test("leaves its input as it was", () => {
    const values = [3, 1, 2];
    toSpread(values);
    expect(values).toEqual([3, 1, 2]);
  });
});

describe("percentile", () => {
  const thousand = Array.from({ length: 1000 }, (_, index) => index + 1);
  const hundred = Array.from({ length: 100 }, (_, index) => index + 1);
  const cases = [
    { name: "p50 of 1..100", sorted: hundred, percent: 50, expected: 50 },
    { name: "p99 of 1..100", sorted: hundred, percent: 99, expected: 99 },
    { name: "p99.9 of 1..100 is the largest", sorted: hundred, percent: 99.9, expected: 100 },
    { name: "p99.9 of 1..1000", sorted: thousand, percent: 99.9, expected: 999 },
    { name: "p100 is the largest", sorted: hundred, percent: 100, expected: 100 },
    { name: "of one value", sorted: [7], percent: 50, expected: 7 },
    { name: "a tiny percent is the smallest", sorted: hundred, percent: 0.001, expected: 1 },
  ];
  test.each(cases)("$name", ({ sorted, percent, expected }) => {
    expect(percentile(sorted, percent)).toBe(expected);
  });

  test("of nothing is NaN", () => {
    expect(percentile([], 50)).toBeNaN();
  });
});

describe("rotate", () => {
  test("each contestant is first once in as many rounds as there are contestants", () => {
    const names = ["a", "b", "c"];
    expect([0, 1, 2, 3].map((round) => rotate(names, round)[0])).toEqual(["a", "b", "c", "a"]);
    expect(rotate(names, 4)).toEqual(["b", "c", "a"]);
  });

  test("of nobody is nobody", () => {
    expect(rotate([], 3)).toEqual([]);
  });
});

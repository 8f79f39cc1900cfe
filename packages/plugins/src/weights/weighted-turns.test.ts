import { expect, test } from "bun:test";
import { WeightedTurns } from "./weighted-turns.ts";

const turns = (weights: readonly number[], count: number, skip = 0): string => {
  const taken = new WeightedTurns(weights, skip);
  return Array.from({ length: count }, () => taken.next()).join("");
};

test.each([
  ["the only one gets all", [3], 4, "0000"],
  ["equal weights alternate", [1, 1], 4, "0101"],
  ["the heavier ones are spread", [3, 1], 8, "00100010"],
  ["weight 0 gets nothing", [0, 2, 1], 6, "121121"],
  ["weight 0 alone gets all", [0], 2, "00"],
  ["only weights 0 are equal", [0, 0], 4, "0101"],
  ["nobody has no turn", [], 2, "-1-1"],
] as const)("%s", (_, weights, count, expected) => {
  expect(turns(weights, count)).toBe(expected);
});

test("begins after the turns that are skipped", () => {
  expect(turns([1, 1, 1], 3, 1)).toBe("120");
});

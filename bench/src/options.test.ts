import { describe, expect, test } from "bun:test";
import { contestantNames } from "./contestants/contestant.ts";
import { parseOptions } from "./options.ts";
import { scenarioNames } from "./scenario.ts";

const all = {
  scenarios: [...scenarioNames],
  contestants: [...contestantNames],
  rounds: 7,
  seconds: 2,
  routes: 100_000,
  changes: 200,
};

describe("parseOptions", () => {
  test("runs everything by default", () => {
    expect(parseOptions([])).toEqual({ kind: "run", options: all });
  });

  test("keeps the fixed order of scenarios and contestants", () => {
    const args = ["proxy", "static", "--contestants", "hono,catena"];
    expect(parseOptions(args)).toEqual({
      kind: "run",
      options: { ...all, scenarios: ["static", "proxy"], contestants: ["catena", "hono"] },
    });
  });

  test("a number that was given wins over --quick", () => {
    expect(parseOptions(["--seconds", "4", "--quick"])).toEqual({
      kind: "run",
      options: { ...all, rounds: 3, seconds: 4, routes: 2000, changes: 20 },
    });
  });

  test("micro is a run of its own", () => {
    expect(parseOptions(["micro"])).toEqual({ kind: "micro" });
  });

  test.each([
    [["fast"], 'unknown argument "fast"'],
    [["--rounds"], "--rounds takes a whole number from 1"],
    [["--rounds", "0"], "--rounds takes a whole number from 1"],
    [["--seconds", "1.5"], "--seconds takes a whole number from 1"],
    [["--contestants", "catena,envoy"], 'unknown contestant "envoy"'],
    [["micro", "--quick"], 'unknown argument "micro"'],
  ])("refuses %p", (args, why) => {
    expect(parseOptions(args)).toEqual({ kind: "refused", why });
  });
});

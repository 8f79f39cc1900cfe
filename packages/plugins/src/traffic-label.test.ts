import { describe, expect, test } from "bun:test";
import { PluginBed, problemsOf } from "./plugin.testbed.ts";
import { trafficLabel } from "./traffic-label.ts";

const set = (value: string, weight?: number) => ({
  set_headers: { "X-L": value },
  ...(weight === undefined ? {} : { weight }),
});
const byX = [["arg_x", "==", "1"]];

async function labels(rules: readonly object[], target: string, times = 1): Promise<string> {
  const bed = new PluginBed([[trafficLabel, { rules }]]);
  const seen: string[] = [];
  for (let i = 0; i < times; i++)
    seen.push((await bed.ask({ target })).upstream?.headers["x-l"] ?? "-");
  return seen.join("");
}

describe("a request is marked", () => {
  const cases: [
    name: string,
    rules: readonly object[],
    target: string,
    times: number,
    seen: string,
  ][] = [
    ["by a rule without conditions", [{ actions: [set("a")] }], "/", 1, "a"],
    [
      "by the first that matches",
      [{ match: byX, actions: [set("a")] }, { actions: [set("b")] }],
      "/?x=1",
      1,
      "a",
    ],
    [
      "by the next where it does not",
      [{ match: byX, actions: [set("a")] }, { actions: [set("b")] }],
      "/",
      1,
      "b",
    ],
    ["by none", [{ match: byX, actions: [set("a")] }], "/", 1, "-"],
    [
      "by one of two conditions",
      [{ match: ["OR", ["arg_y", "==", "1"], ["arg_x", "==", "1"]], actions: [set("a")] }],
      "/?x=1",
      1,
      "a",
    ],
    ["by shares", [{ actions: [set("a", 2), set("b"), { weight: 1 }] }], "/", 8, "ab-aab-a"],
    ["with variables", [{ actions: [set("$arg_x")] }], "/?x=v", 1, "v"],
    [
      "by the rule behind one that does nothing",
      [{ actions: [{ weight: 1 }] }, { actions: [set("b")] }],
      "/",
      1,
      "b",
    ],
  ];
  test.each(cases)("%s", async (_, rules, target, times, seen) => {
    expect(await labels(rules, target, times)).toBe(seen);
  });
});

test.each([
  [{ rules: [] }, null],
  [{ rules: [{ actions: [{ set_headers: {} }] }] }, null],
  [{ rules: [{ actions: [{ nope: 1 }] }] }, "not supported action: nope"],
  [
    { rules: [{ match: [["a", "nope", 1]], actions: [set("a")] }] },
    "failed to validate the 'match' expression: ",
  ],
  [
    { rules: [{ actions: [{ set_headers: { a: [] } }] }] },
    "failed to validate the 'set_headers' action: ",
  ],
])("%j is refused", (conf, message) => {
  const [problem] = problemsOf(trafficLabel, conf);
  expect(problem).toBeDefined();
  if (message !== null) expect(problem?.message).toStartWith(message);
});

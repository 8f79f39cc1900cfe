import { describe, expect, test } from "bun:test";
import { limitCount } from "./limit-count.ts";
import { type Ask, PluginBed, problemsOf } from "./plugin.testbed.ts";
import { workflow } from "./workflow.ts";

const byX = [["arg_x", "==", "1"]];
const refuse = (code: number) => [["return", { code }]];
const limit = (count: number) => [
  ["limit-count", { count, time_window: 60, rejected_code: 429, key: "remote_addr" }],
];

async function statuses(
  rules: readonly object[],
  asks: readonly Ask[],
  own?: object,
): Promise<string> {
  const bed = new PluginBed([
    [workflow, { rules }],
    ...(own === undefined ? [] : [[limitCount, own as Record<string, unknown>] as const]),
  ]);
  const seen: number[] = [];
  for (const ask of asks) seen.push((await bed.ask(ask)).status);
  return seen.join(" ");
}

const plain: Ask = { target: "/a" };
const marked: Ask = { target: "/a?x=1" };

describe("the first rule that matches", () => {
  const cases: [name: string, rules: readonly object[], asks: readonly Ask[], seen: string][] = [
    ["answers", [{ case: byX, actions: refuse(403) }], [marked, plain], "403 200"],
    ["needs no condition", [{ actions: refuse(404) }], [plain], "404"],
    [
      "comes before the others",
      [{ case: byX, actions: refuse(403) }, { actions: refuse(404) }],
      [marked, plain],
      "403 404",
    ],
    ["limits", [{ case: byX, actions: limit(1) }], [marked, marked, plain], "200 429 200"],
    [
      "counts apart from another",
      [{ case: byX, actions: limit(1) }, { actions: limit(1) }],
      [marked, plain, marked, plain],
      "200 200 429 429",
    ],
    ["does its first action alone", [{ actions: [...refuse(403), ...limit(1)] }], [plain], "403"],
    ["may do nothing", [{ actions: [] }, { actions: refuse(403) }], [plain], "200"],
    [
      "may look at the body",
      [{ case: [["post_arg.a", "==", "1"]], actions: refuse(403) }],
      [{ method: "POST", headers: { "content-type": "application/json" }, body: '{"a":"1"}' }],
      "403",
    ],
  ];
  test.each(cases)("%s", async (_, rules, asks, seen) => {
    expect(await statuses(rules, asks)).toBe(seen);
  });

  test("takes the place of the route's own limit", async () => {
    const own = { count: 1, time_window: 60, rejected_code: 503, key: "remote_addr" };
    const rules = [{ case: byX, actions: limit(2) }];
    expect(await statuses(rules, [plain, plain, marked, marked, marked], own)).toBe(
      "200 503 200 200 429",
    );
  });

  test("holds places of limit-conn until the end", async () => {
    const actions = [
      ["limit-conn", { conn: 1, burst: 0, default_conn_delay: 0.1, key: "remote_addr" }],
    ];
    expect(await statuses([{ actions }], [plain, plain, plain])).toBe("200 200 200");
  });
});

test("the answer says who gave it", async () => {
  const { body } = await new PluginBed([[workflow, { rules: [{ actions: refuse(403) }] }]]).ask();
  expect(body).toBe('{"error_msg":"rejected by workflow"}\n');
});

test.each([
  [{}, null],
  [{ rules: [{ case: [], actions: refuse(403) }] }, null],
  [{ rules: [{ actions: [["fake", {}]] }] }, "unsupported action: fake"],
  [
    { rules: [{ actions: [["return", {}]] }] },
    "failed to validate the 'return' action: property \"code\" is required",
  ],
  [
    { rules: [{ actions: [["return", { code: 100 }]] }] },
    "failed to validate the 'return' action: status 100 can't be sent",
  ],
  [
    { rules: [{ actions: [["limit-count", { count: 1 }]] }] },
    "failed to validate the 'limit-count' action: ",
  ],
  [
    { rules: [{ case: [["a", "nope", 1]], actions: refuse(403) }] },
    "failed to validate the 'case' expression: ",
  ],
])("%j is refused", (conf, message) => {
  const [problem] = problemsOf(workflow, conf);
  expect(problem).toBeDefined();
  if (message !== null) expect(problem?.message).toStartWith(message);
});

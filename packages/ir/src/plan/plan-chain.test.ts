import { describe, expect, test } from "bun:test";
import { planChain, type StoredStep } from "../index.ts";

const call = (method: "GET" | "QUERY" | "POST" | "DELETE", body?: object) => ({
  upstream_id: "u",
  method,
  path: "/",
  ...(body === undefined ? {} : { body: { ...body } }),
});
const get = call("GET");
const post = call("POST");
const ref = (...path: [string, ...string[]]) => ({ $ref: path });

const plan = (steps: readonly StoredStep[], end: object = { reply: {} }) =>
  planChain({ v: 1, steps, ...end }).value;

/** `b: a (reference), c (order)` for each step. */
function waits(steps: readonly StoredStep[]): readonly string[] {
  return (plan(steps)?.steps ?? []).map(
    ({ name, waitsFor }) =>
      `${name}:${waitsFor.map((wait) => ` ${wait.name} (${wait.reason})`).join(",")}`,
  );
}

describe("what a step waits for", () => {
  test.each<[string, readonly StoredStep[], readonly string[]]>([
    [
      "reads that use nothing, for nothing",
      [
        { name: "a", call: get },
        { name: "b", call: call("QUERY") },
      ],
      ["a:", "b:"],
    ],
    [
      "a use, wherever it stands",
      [
        { name: "a", value: 1 },
        { name: "b", call: { ...get, path: "/{x}", params: { x: ref("a") } } },
        { name: "c", call: { ...get, query: { q: ref("a") }, headers: { h: ref("b") } } },
        { name: "d", value: 1, when: ref("a") },
        { name: "e", call: get, on_error: { fallback: ref("a") } },
        { name: "f", call: get, cache: { ttl: 1, key: [ref("a")] }, coalesce: { key: [ref("b")] } },
        {
          name: "g",
          call: get,
          on_status: { 404: { fallback: ref("a") }, 500: { exit: { body: ref("b") } } },
        },
        { name: "h", call: get, idempotency_key: ref("a") },
        {
          name: "i",
          each: {
            in: ref("a"),
            do: { value: [ref("item"), ref("b")] },
            on_error: { fallback: ref("c") },
          },
        },
        {
          name: "j",
          choose: {
            branches: [{ when: ref("a"), value: ref("b") }],
            otherwise: { value: ref("c") },
          },
        },
        { name: "k", value: { deep: [{ $op: "not", args: [ref("a")] }, { $literal: ref("b") }] } },
      ],
      [
        "a:",
        "b: a (reference)",
        "c: a (reference), b (reference)",
        "d: a (reference)",
        "e: a (reference)",
        "f: a (reference), b (reference)",
        "g: a (reference), b (reference)",
        "h: a (reference)",
        "i: a (reference), b (reference), c (reference)",
        "j: a (reference), b (reference), c (reference)",
        "k: a (reference)",
      ],
    ],
    [
      "a write, for all before it",
      [
        { name: "a", call: get },
        { name: "b", call: post },
        { name: "c", call: get },
        { name: "d", call: call("DELETE") },
      ],
      ["a:", "b: a (order)", "c:", "d: a (order), b (order), c (order)"],
    ],
    [
      "a write that is parallel, for what it uses alone",
      [
        { name: "a", call: post },
        { name: "b", value: 1 },
        { name: "c", call: call("POST", { x: ref("b") }), parallel: true },
      ],
      ["a:", "b:", "c: b (reference)"],
    ],
    [
      "a write inside each or choose, and another chain",
      [
        { name: "a", call: get },
        { name: "b", each: { in: [], do: { call: post } } },
        { name: "c", choose: { branches: [{ when: true, call: get }], otherwise: { call: post } } },
        { name: "d", sub: { chain: "x" } },
        { name: "e", each: { in: [], do: { call: get } } },
      ],
      ["a:", "b: a (order)", "c: a (order), b (order)", "d: a (order), b (order), c (order)", "e:"],
    ],
    [
      "after",
      [
        { name: "a", call: get },
        { name: "b", call: get },
        { name: "c", call: get, after: ["b"] },
      ],
      ["a:", "b:", "c: b (after)"],
    ],
    [
      "an exit and those after it",
      [
        { name: "a", call: get },
        { name: "b", exit: {}, when: ref("a") },
        { name: "c", call: get },
      ],
      ["a:", "b: a (reference)", "c: b (exit)"],
    ],
    [
      "not for what its undo uses",
      [
        { name: "a", call: get },
        { name: "b", call: get, undo: { call: call("POST", { x: ref("a") }) } },
      ],
      ["a:", "b:"],
    ],
  ])("%s", (_name, steps, expected) => {
    expect(waits(steps)).toEqual([...expected]);
  });
});

describe("the plan of a chain", () => {
  test("lists what can start together, wave after wave", () => {
    const made = plan([
      { name: "user", call: get },
      { name: "orders", call: get },
      { name: "stock", each: { in: ref("orders"), do: { call: get } } },
      { name: "charge", call: call("POST", { u: ref("user") }) },
      { name: "late", call: get },
    ]);
    expect(made?.waves).toEqual([["user", "orders", "late"], ["stock"], ["charge"]]);
    expect(made?.steps.map(({ kind, isSafe, wave, index }) => [kind, isSafe, wave, index])).toEqual(
      [
        ["call", true, 0, 0],
        ["call", true, 0, 1],
        ["each", true, 1, 2],
        ["call", false, 2, 3],
        ["call", true, 0, 4],
      ],
    );
  });

  const two: readonly StoredStep[] = [
    { name: "a", call: get },
    { name: "b", call: get },
  ];
  test.each<[string, object, readonly string[]]>([
    ["a reply", { reply: { body: ref("b"), headers: { h: ref("a", "x") } } }, ["a", "b"]],
    ["a reply of nothing", { reply: {} }, []],
    ["a forward with a body", { forward: { body: ref("b") } }, ["b"]],
    ["a forward that merges", { forward: {} }, ["a", "b"]],
    ["a stream", { stream: "b" }, ["b"]],
  ])("says which steps %s uses", (_name, end, uses) => {
    expect(plan(two, end)?.endUses).toEqual(uses);
  });

  test("a chain with findings has none", () => {
    const { value, issues } = planChain({
      v: 1,
      steps: [{ name: "a", value: ref("b") }],
      reply: {},
    });
    expect(value).toBeUndefined();
    expect(issues).toHaveLength(1);
  });
});

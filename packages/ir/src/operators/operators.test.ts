import { describe, expect, test } from "bun:test";
import { isGatewayError } from "@catena/errors";
import { type OperatorEnv, operators } from "../index.ts";

const env: OperatorEnv = {
  now: () => 1_769_851_800_000,
  uuid: () => "0b0e7b4c-3a34-4e3e-8f5a-0f7f3a1c9d11",
  response: (step) =>
    step === "user"
      ? {
          status: 201,
          header: (name) => (name === "etag" ? "v1" : null),
          headers: (name) => (name === "set-cookie" ? ["a=1", "b=2"] : []),
        }
      : null,
  jsonata: (expression, input) => `${expression} of ${JSON.stringify(input)}`,
};

const evaluate = (name: string, args: readonly unknown[]): unknown =>
  operators.get(name)?.evaluate(args, env);

const proto = JSON.parse('{"__proto__": {"x": 1}, "a": 2}');

const rows: readonly (readonly [name: string, args: readonly unknown[], result: unknown])[] = [
  ["add", [1, 2, 3.5], 6.5],
  ["sub", [1, 2], -1],
  ["mul", [2, 3, 4], 24],
  ["div", [1, 4], 0.25],
  ["mod", [-7, 3], -1],
  ["min", [3, 1, 2], 1],
  ["max", [3, 1, 2], 3],
  ["round", [2.5], 3],
  ["round", [-2.5], -3],
  ["round", [1.005, 2], 1.01],
  ["round", [1e300, 2], 1e300],
  ["concat", [[1], undefined, null, [2, 3]], [1, 2, 3]],
  ["length", [[1, 2]], 2],
  ["length", [{ a: 1 }], 1],
  ["length", ["a😀é"], 3],
  ["first", [[]], undefined],
  ["first", [[1, 2]], 1],
  ["last", [[1, 2]], 2],
  [
    "eq",
    [
      { a: 1, b: [2] },
      { b: [2], a: 1 },
    ],
    true,
  ],
  ["eq", [1, "1"], false],
  ["eq", [undefined, undefined], true],
  ["eq", [undefined, null], false],
  [
    "eq",
    [
      [1, 2],
      [2, 1],
    ],
    false,
  ],
  ["eq", [proto, JSON.parse('{"a": 2, "__proto__": {"x": 1}}')], true],
  ["ne", [1, 2], true],
  ["gt", [2, 1], true],
  ["gt", ["b", "a"], true],
  ["gt", ["2", 1], false],
  ["ge", [1, 1], true],
  ["ge", [undefined, 1], false],
  ["lt", [1, 2], true],
  ["lt", [null, 2], false],
  ["le", [2, 2], true],
  ["le", [true, true], false],
  ["and", [true, true], true],
  ["and", [true, "true"], false],
  ["or", [false, true], true],
  ["or", [1, "true"], false],
  ["not", [undefined], true],
  ["not", [true], false],
  ["exists", [0], true],
  ["exists", [null], false],
  ["in", [{ a: 1 }, [1, { a: 1 }]], true],
  ["in", [1, "1"], false],
  ["has", [[1, 2], 2], true],
  ["has", [{ a: undefined }, "a"], true],
  ["has", [{}, "toString"], false],
  ["has", ["abc", "bc"], true],
  ["has", [5, "5"], false],
  ["if", [true, 1, 2], 1],
  ["if", ["true", 1, 2], 2],
  ["coalesce", [undefined, null, 0, 1], 0],
  ["coalesce", [undefined], undefined],
  ["matches", ["abc", "^a.c$"], true],
  ["matches", [undefined, "a"], false],
  ["get", [{ a: [{ b: 1 }] }, "a", 0, "b"], 1],
  ["get", [{ a: 1 }, "toString"], undefined],
  ["get", [undefined, "a"], undefined],
  ["pick", [{ a: 1, b: 2 }, ["b", "c"]], { b: 2 }],
  ["omit", [{ a: 1, b: 2 }, ["b"]], { a: 1 }],
  ["merge", ["shallow", { a: { x: 1 } }, undefined, { a: { y: 2 } }], { a: { y: 2 } }],
  [
    "merge",
    ["deep", { a: { x: 1, z: [1] } }, { a: { y: 2, z: [2] } }],
    { a: { x: 1, y: 2, z: [2] } },
  ],
  ["merge", ["error-on-collision", { a: 1 }, { b: 2 }], { a: 1, b: 2 }],
  ["keys", [{ b: 1, a: 2 }], ["b", "a"]],
  ["object", ["a", 1, "b", undefined], { a: 1 }],
  ["number", [" 1.5e3 "], 1500],
  ["number", ["0x10"], undefined],
  ["number", ["1e999"], undefined],
  ["number", [7], 7],
  ["string", [1.5], "1.5"],
  ["string", [false], "false"],
  ["json", [{ a: [1, null] }], '{"a":[1,null]}'],
  ["json", [undefined], undefined],
  ["now", [], 1_769_851_800_000],
  ["uuid", [], "0b0e7b4c-3a34-4e3e-8f5a-0f7f3a1c9d11"],
  ["addSeconds", [1000, 1.5], 2500],
  ["formatDate", [1_769_851_800_000, "iso"], "2026-01-31T09:30:00.000Z"],
  ["formatDate", [1_769_851_800_000, "date"], "2026-01-31"],
  ["formatDate", [1_769_851_800_000, "http"], "Sat, 31 Jan 2026 09:30:00 GMT"],
  ["formatDate", [1_769_851_800_999, "seconds"], "1769851800"],
  ["parseDate", ["2026-01-31T10:30:00+01:00"], 1_769_851_800_000],
  ["parseDate", ["2026-01-31"], 1_769_817_600_000],
  ["parseDate", ["Sat, 31 Jan 2026 09:30:00 GMT"], 1_769_851_800_000],
  ["parseDate", ["2026-01-31T10:30:00"], undefined],
  ["parseDate", ["2026-13-31"], undefined],
  ["status", ["user"], 201],
  ["status", ["skipped"], undefined],
  ["header", ["user", "ETag"], "v1"],
  ["header", ["user", "x"], undefined],
  ["header", ["skipped", "x"], undefined],
  ["headers", ["user", "Set-Cookie"], ["a=1", "b=2"]],
  ["headers", ["skipped", "x"], undefined],
  ["jsonata", ["$sum(x)", [1]], "$sum(x) of [1]"],
  ["tpl", ["a", 1, true], "a1true"],
  ["lower", ["ÄB"], "äb"],
  ["upper", ["äb"], "ÄB"],
  ["trim", [" a "], "a"],
  ["split", ["a,b,", ","], ["a", "b", ""]],
  ["join", [["a", null, 1, true], "-"], "a--1-true"],
  ["substring", ["a😀bc", 1, 3], "😀b"],
  ["substring", ["abc", -2], "bc"],
  ["replace", ["aXbX", "X", "-"], "a-b-"],
  ["replace", ["aXb", "X", "$&"], "a$&b"],
  ["startsWith", ["abc", "ab"], true],
  ["startsWith", [undefined, "ab"], false],
  ["endsWith", ["abc", "bc"], true],
];

describe("each operator computes what it says", () => {
  test.each(rows)("%s %j", (name, args, result) => {
    expect(evaluate(name, args)).toEqual(result);
  });

  test("none is without a row", () => {
    const covered = new Set(rows.map(([name]) => name));
    expect([...operators.keys()].filter((name) => !covered.has(name))).toEqual([]);
  });
});

describe("absent in, absent out", () => {
  test.each([
    ["add", [1, undefined]],
    ["sub", [null, 1]],
    ["round", [undefined]],
    ["length", [undefined]],
    ["first", [undefined]],
    ["last", [null]],
    ["pick", [undefined, ["a"]]],
    ["omit", [null, ["a"]]],
    ["keys", [undefined]],
    ["string", [undefined]],
    ["addSeconds", [1, undefined]],
    ["formatDate", [undefined, "iso"]],
    ["parseDate", [undefined]],
    ["tpl", ["a", undefined]],
    ["lower", [undefined]],
    ["split", ["a", undefined]],
    ["join", [undefined, ","]],
    ["substring", [undefined, 1]],
    ["replace", ["a", undefined, "b"]],
  ])("%s %j", (name, args) => {
    expect(evaluate(name, args)).toBeUndefined();
  });
});

describe("what cannot be computed is an error of the value, and shows none", () => {
  test.each([
    ["add", ["secret", 1], "VALUE_ARGUMENT", '"add" needs a number, got a string'],
    ["div", [1, 0], "VALUE_ARGUMENT", '"div" has no finite result'],
    ["mod", [1, 0], "VALUE_ARGUMENT", '"mod" has no finite result'],
    ["round", [1, 16], "VALUE_ARGUMENT", '"round" takes 0 to 15 places'],
    ["concat", [{ a: 1 }], "VALUE_ARGUMENT", '"concat" needs an array, got an object'],
    ["first", ["secret"], "VALUE_ARGUMENT", '"first" needs an array, got a string'],
    [
      "length",
      [5],
      "VALUE_ARGUMENT",
      '"length" needs an array, an object or a string, got a number',
    ],
    ["pick", [[1], ["a"]], "VALUE_ARGUMENT", '"pick" needs an object, got an array'],
    [
      "merge",
      ["error-on-collision", { a: 1 }, { a: 1 }],
      "VALUE_COLLISION",
      '"merge" got the member "a" from two values',
    ],
    [
      "string",
      [{}],
      "VALUE_ARGUMENT",
      '"string" needs a string, a number or a boolean, got an object',
    ],
    [
      "tpl",
      [["secret"]],
      "VALUE_ARGUMENT",
      '"tpl" needs a string, a number or a boolean, got an array',
    ],
    ["lower", [1], "VALUE_ARGUMENT", '"lower" needs a string, got a number'],
    ["formatDate", [1e20, "iso"], "VALUE_ARGUMENT", '"formatDate" got no time'],
    ["replace", ["a", "", "b"], "VALUE_ARGUMENT", '"replace" needs a text to search for'],
    [
      "replace",
      ["a".repeat(5000), "a", "b".repeat(5000)],
      "VALUE_TOO_LARGE",
      "larger than 8388608",
    ],
    [
      "join",
      [["a".repeat(5_000_000), "b".repeat(5_000_000)], ""],
      "VALUE_TOO_LARGE",
      "larger than 8388608",
    ],
    [
      "concat",
      [Array.from({ length: 60_000 }, () => 1), Array.from({ length: 60_000 }, () => 1)],
      "VALUE_TOO_LARGE",
      "larger than 100000",
    ],
  ])("%s", (name, args, code, message) => {
    let caught: unknown;
    try {
      evaluate(name, args);
    } catch (error) {
      caught = error;
    }
    expect(isGatewayError(caught, code)).toBe(true);
    expect(String(caught)).toContain(message);
    expect(String(caught)).not.toContain("secret");
  });
});

describe("members named __proto__ are members", () => {
  test.each([
    ["pick", [proto, ["__proto__"]], '{"__proto__":{"x":1}}'],
    ["omit", [proto, ["a"]], '{"__proto__":{"x":1}}'],
    ["merge", ["shallow", {}, proto], '{"__proto__":{"x":1},"a":2}'],
    ["merge", ["deep", { a: 1 }, proto], '{"a":2,"__proto__":{"x":1}}'],
    ["object", ["__proto__", 1], '{"__proto__":1}'],
  ])("%s", (name, args, text) => {
    expect(JSON.stringify(evaluate(name, args))).toBe(text);
    expect(Reflect.get({}, "x")).toBeUndefined();
  });
});

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { canonicalJson, fromLiteral, toLiteral } from "./index.ts";

const json = () =>
  fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(null, true, 0, "", "x"),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(
        fc.oneof(fc.constantFrom("$ref", "$op", "$literal", "__proto__", "a"), fc.string()),
        tie("value"),
        { maxKeys: 3 },
      ),
    ),
  })).value;

describe("literals", () => {
  test("any JSON is written as a value that means exactly it", () => {
    fc.assert(
      fc.property(json(), (value) => {
        const taken = fromLiteral(toLiteral(value));
        expect(taken.isConstant).toBe(true);
        expect(taken.isConstant && canonicalJson(taken.json)).toBe(canonicalJson(value));
      }),
    );
  });

  test.each([
    ["a reference", { $ref: ["a"] }],
    ["an operation inside a list", [1, { $op: "now", args: [] }]],
    ["a reference inside an object", { a: { $ref: ["a"] } }],
  ] as const)("%s is no constant", (_name, value) => {
    expect(fromLiteral(value).isConstant).toBe(false);
  });

  test("a member named __proto__ stays a member", () => {
    const value = JSON.parse('{"__proto__": {"a": 1}}');
    expect(JSON.stringify(toLiteral(value))).toBe('{"__proto__":{"a":1}}');
    expect(Reflect.get({}, "a")).toBeUndefined();
  });
});

describe("canonical JSON", () => {
  test.each([
    [{ b: 1, a: [{ d: null, c: "x" }] }, '{"a":[{"c":"x","d":null}],"b":1}'],
    [{ a: undefined, b: 1 }, '{"b":1}'],
    [[undefined, 1], "[null,1]"],
    [undefined, "null"],
    [{ é: 1, z: 2, A: 3 }, '{"A":3,"z":2,"é":1}'],
  ])("of %j", (value, text) => {
    expect(canonicalJson(value)).toBe(text);
  });

  test("is the same for the same members in any order", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (members) => {
        const reversed = Object.fromEntries(Object.entries(members).toReversed());
        expect(canonicalJson(reversed)).toBe(canonicalJson(members));
        expect(JSON.parse(canonicalJson(members))).toEqual(JSON.parse(JSON.stringify(members)));
      }),
    );
  });
});

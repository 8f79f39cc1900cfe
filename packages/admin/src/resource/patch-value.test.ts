import { describe, expect, test } from "bun:test";
import type { JsonObject } from "@catena/schema";
import { mergePatch, patchAt } from "./patch-value.ts";

describe("a merge", () => {
  const cases: readonly (readonly [string, JsonObject, unknown, JsonObject])[] = [
    ["replaces scalars", { a: 1, b: 2 }, { b: 3 }, { a: 1, b: 3 }],
    ["adds members", { a: 1 }, { b: 2 }, { a: 1, b: 2 }],
    ["removes with null", { a: 1, b: 2 }, { b: null }, { a: 1 }],
    ["removes nothing with null where nothing is", { a: 1 }, { b: null }, { a: 1 }],
    ["goes into objects", { a: { b: 1, c: 2 } }, { a: { c: null, d: 3 } }, { a: { b: 1, d: 3 } }],
    ["puts an object in place of a scalar", { a: 1 }, { a: { b: 1 } }, { a: { b: 1 } }],
    ["puts a scalar in place of an object", { a: { b: 1 } }, { a: 1 }, { a: 1 }],
    ["replaces lists", { a: [1, 2, 3] }, { a: [4] }, { a: [4] }],
    ["puts a list in place of an object", { a: { b: 1 } }, { a: [1] }, { a: [1] }],
    ["puts an object in place of a list", { a: [1] }, { a: { b: 1 } }, { a: { b: 1 } }],
    ["puts an empty object in place of an object", { a: { b: 1 } }, { a: {} }, { a: {} }],
    // APISIX cannot tell an empty object from an empty list, and replaces lists.
    [
      "puts an object in place of an empty one, nulls and all",
      { a: {} },
      { a: { b: null } },
      { a: { b: null } },
    ],
    ["keeps nulls inside what is new", { a: 1 }, { c: { d: null } }, { a: 1, c: { d: null } }],
    ["is nothing without members", { a: 1 }, {}, { a: 1 }],
    ["is nothing with a list", { a: 1 }, [], { a: 1 }],
  ];
  test.each(cases)("%s", (_, document, patch, expected) => {
    const before = structuredClone(document);
    expect(mergePatch(document, patch)).toEqual(expected);
    expect(document).toEqual(before);
  });

  test("takes __proto__ for a name", () => {
    const patch: unknown = JSON.parse('{"__proto__": {"polluted": 1}, "a": {"__proto__": 2}}');
    const merged = mergePatch({ a: { b: 1 } }, patch);
    expect(JSON.stringify(merged)).toBe('{"a":{"b":1,"__proto__":2},"__proto__":{"polluted":1}}');
    expect(Object.getPrototypeOf(merged)).toBe(Object.prototype);
  });
});

describe("an assignment", () => {
  const cases: readonly (readonly [string, JsonObject, readonly string[], unknown, JsonObject])[] =
    [
      ["sets a member", { a: 1 }, ["a"], 2, { a: 2 }],
      ["sets a new member", {}, ["a"], [], { a: [] }],
      ["sets a member further in", { a: { b: 1, c: 2 } }, ["a", "b"], 3, { a: { b: 3, c: 2 } }],
      ["makes objects on the way", { a: 1 }, ["b", "c", "d"], 2, { a: 1, b: { c: { d: 2 } } }],
      ["replaces an object whole", { a: { b: 1 } }, ["a"], { c: 2 }, { a: { c: 2 } }],
      ["sets null like any value", { a: { b: 1 } }, ["a", "b"], null, { a: { b: null } }],
      ["takes an empty list for an empty object", { a: [] }, ["a", "b"], 1, { a: { b: 1 } }],
      [
        "takes __proto__ for a name",
        {},
        ["__proto__", "x"],
        1,
        JSON.parse('{"__proto__":{"x":1}}'),
      ],
    ];
  test.each(cases)("%s", (_, document, path, value, expected) => {
    const before = structuredClone(document);
    const patched = patchAt(document, path, value);
    expect(JSON.stringify(patched)).toBe(JSON.stringify(expected));
    expect(document).toEqual(before);
  });

  const refused: readonly (readonly [string, JsonObject, readonly string[], string])[] = [
    ["a scalar on the way", { a: 1 }, ["a", "b"], "invalid sub-path: /a"],
    ["a list on the way", { a: { b: [1] } }, ["a", "b", "0"], "invalid sub-path: /a/b"],
    ["null on the way", { a: null }, ["a", "b"], "invalid sub-path: /a"],
    ["a path without end", {}, Array<string>(65).fill("a"), "invalid sub-path: /a/a/a"],
  ];
  test.each(refused)("%s is refused", (_, document, path, message) => {
    expect(() => patchAt(document, path, 1)).toThrow(message);
  });
});

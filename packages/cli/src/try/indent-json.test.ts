import { expect, test } from "bun:test";
import { indentJson } from "./indent-json.ts";

test.each<[string, string]>([
  ["a scalar", "1"],
  ["an empty object", "{}"],
  ["an empty list", "[]"],
  ["nesting", JSON.stringify({ a: [1, { b: null }], c: {}, d: [[]], e: "x" }, null, 2)],
  ["texts with marks of JSON", JSON.stringify({ '{"a":[': 'x,y: "}"\\' }, null, 2)],
])("%s is laid out as JSON.stringify does", (_name, text) => {
  const compact = JSON.stringify(JSON.parse(text));
  expect(indentJson(compact)).toBe(text);
  expect(indentJson(text)).toBe(text);
});

test("numbers stay as they are written", () => {
  expect(indentJson('{"a":12345678901234567890,"b":1.00}')).toBe(
    '{\n  "a": 12345678901234567890,\n  "b": 1.00\n}',
  );
});

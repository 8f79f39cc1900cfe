import { describe, expect, test } from "bun:test";
import { operators, type StoredValue } from "@catena/ir";
import { inferValue } from "./infer-value.ts";
import { known, typed } from "./known.ts";

const user = {
  type: "object",
  properties: {
    id: { type: "string" },
    age: { type: "integer" },
    tags: { type: "array", items: { type: "string" } },
    pair: {
      type: "array",
      items: [{ type: "string" }, { type: "number" }],
      additionalItems: false,
    },
    address: {
      anyOf: [
        { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
        { type: "null" },
      ],
    },
  },
  required: ["id", "tags", "pair", "address"],
};
const scope = {
  input: known({ type: "object", properties: { ip: { type: "string" } }, required: ["ip"] }),
  steps: new Map([
    ["user", known(user)],
    ["maybe", known(user, true)],
    [
      "other",
      known({
        type: "object",
        properties: { id: { type: "integer" }, more: {} },
        required: ["id"],
      }),
    ],
  ]),
  item: typed("string"),
};
const ref = (...path: [string, ...(string | number)[]]): StoredValue => ({ $ref: path });
const op = ($op: string, ...args: StoredValue[]): StoredValue => ({ $op, args });
const text = { type: "string" };
const number = { type: "number" };
const texts = { type: "array", items: text };

const cases: readonly (readonly [
  name: string,
  value: StoredValue,
  schema: object,
  mayBeMissing: boolean,
])[] = [
  ["a member", ref("user", "id"), text, false],
  ["an optional member", ref("user", "age"), { type: "integer" }, true],
  ["a member of what may be missing", ref("maybe", "id"), text, true],
  ["an item", ref("user", "tags", 0), text, true],
  ["an item of a tuple", ref("user", "pair", 1), number, false],
  ["a member of one of several", ref("user", "address", "city"), text, true],
  ["a member nobody described", ref("user", "x"), {}, true],
  ["a step nobody knows", ref("none"), {}, false],
  ["the item of an each", ref("item"), text, false],
  ["its index", ref("index"), { type: "integer" }, false],
  ["the request", ref("input", "ip"), text, false],
  ["null", null, { type: "null" }, false],
  [
    "a list",
    [1, ref("user", "age")],
    {
      type: "array",
      prefixItems: [number, { anyOf: [{ type: "integer" }, { type: "null" }] }],
      items: false,
      minItems: 2,
    },
    false,
  ],
  ["an empty list", [], { type: "array", items: {} }, false],
  [
    "an object",
    { a: ref("user", "id"), b: ref("user", "age") },
    { type: "object", properties: { a: text, b: { type: "integer" } }, required: ["a"] },
    false,
  ],
  [
    "a literal",
    { $literal: { $a: [1, "x"] } },
    {
      type: "object",
      properties: { $a: { type: "array", items: { anyOf: [number, text] } } },
      required: ["$a"],
    },
    false,
  ],
  [
    "coalesce",
    op("coalesce", ref("user", "age"), "none"),
    { anyOf: [{ type: "integer" }, text] },
    false,
  ],
  [
    "coalesce of the missing",
    op("coalesce", ref("maybe", "id"), ref("user", "age")),
    { anyOf: [text, { type: "integer" }] },
    true,
  ],
  [
    "coalesce of what may be null",
    op("coalesce", ref("user", "address"), {}),
    {
      anyOf: [
        { type: "object", properties: { city: text }, required: ["city"] },
        { type: "object", properties: {} },
      ],
    },
    false,
  ],
  ["if", op("if", true, 1, ref("user", "id")), { anyOf: [number, text] }, false],
  ["first", op("first", ref("user", "tags")), text, true],
  ["last", op("last", ref("user", "x")), {}, true],
  ["concat", op("concat", ref("user", "tags"), ref("user", "tags")), texts, false],
  ["get", op("get", op("first", [ref("user")]), "id"), {}, true],
  [
    "pick",
    op("pick", ref("user"), ["id", "age"]),
    { type: "object", properties: { id: text, age: { type: "integer" } }, required: ["id"] },
    false,
  ],
  [
    "omit",
    op("omit", ref("maybe"), ["tags", "pair", "address"]),
    { type: "object", properties: { id: text, age: { type: "integer" } }, required: ["id"] },
    true,
  ],
  ["pick of anything", op("pick", ref("none"), ["id"]), { type: "object" }, false],
  [
    "merge",
    op("merge", "shallow", op("pick", ref("user"), ["id"]), ref("other")),
    { type: "object", properties: { id: { type: "integer" }, more: {} }, required: ["id"] },
    false,
  ],
  [
    "merge with what may be missing",
    op(
      "merge",
      "shallow",
      op("pick", ref("other"), ["id"]),
      op("pick", ref("maybe"), ["id", "tags"]),
    ),
    {
      type: "object",
      properties: { id: { anyOf: [{ type: "integer" }, text] }, tags: texts },
      required: ["id"],
    },
    false,
  ],
  ["merge deep", op("merge", "deep", ref("user"), ref("other")), { type: "object" }, false],
  [
    "object",
    op("object", "$a", 1, "b", ref("user", "age")),
    { type: "object", properties: { $a: number, b: { type: "integer" } }, required: ["$a"] },
    false,
  ],
  [
    "object of computed names",
    op("object", ref("user", "id"), 1, "b", "x"),
    { type: "object", additionalProperties: { anyOf: [text, number] } },
    false,
  ],
  ["keys", op("keys", ref("user")), texts, false],
  ["split", op("split", ref("user", "id"), ","), texts, false],
  ["status", op("status", ref("user")), { type: "integer" }, true],
  ["header", op("header", ref("user"), "etag"), text, true],
  ["headers", op("headers", ref("user"), "etag"), texts, true],
  ["number", op("number", "1"), number, true],
  ["parseDate", op("parseDate", "x"), number, true],
  ["add", op("add", ref("user", "age"), 1), number, true],
  ["lower", op("lower", ref("user", "id")), text, false],
  ["eq", op("eq", ref("user", "age"), 1), { type: "boolean" }, false],
  ["now", op("now"), number, false],
  ["json", op("json", ref("maybe")), text, false],
  ["jsonata", op("jsonata", "1"), {}, true],
];

describe("what a value will be", () => {
  test.each(cases)("%s", (_name, value, schema, mayBeMissing) => {
    expect(inferValue(value, scope)).toEqual({ schema, mayBeMissing } as never);
  });

  test("every operator is inferred without a fault", () => {
    for (const operator of operators.values()) {
      expect(inferValue(op(operator.name, ref("user"), ref("user")), scope)).toHaveProperty(
        "schema",
      );
    }
  });
});

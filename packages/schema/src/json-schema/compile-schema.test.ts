import { describe, expect, test } from "bun:test";
import { type TSchema, Type } from "@sinclair/typebox";
import fc from "fast-check";
import { compileMatcher } from "./compile-matcher.ts";
import { compileSchema } from "./compile-schema.ts";
import { explainSchema } from "./explain-schema.ts";
import { ROOT } from "./finding.ts";

const options = { secretReferences: false };
const tree = Type.Recursive((self) =>
  Type.Object({ v: Type.Integer(), next: Type.Optional(Type.Array(self)) }),
);

const schemas: [name: string, schema: TSchema][] = [
  [
    "closed object",
    Type.Object(
      { a: Type.String(), b: Type.Optional(Type.Integer()) },
      { additionalProperties: false },
    ),
  ],
  [
    "rest schema",
    Type.Object(
      { a: Type.Optional(Type.String()) },
      { additionalProperties: Type.Integer({ minimum: 1 }) },
    ),
  ],
  [
    "record",
    Type.Record(Type.String({ pattern: "^a" }), Type.Boolean(), { additionalProperties: false }),
  ],
  [
    "array",
    Type.Array(Type.Union([Type.Integer(), Type.Null()]), {
      minItems: 1,
      maxItems: 3,
      uniqueItems: true,
    }),
  ],
  ["tuple", Type.Tuple([Type.String(), Type.Integer()])],
  [
    "intersection",
    Type.Intersect([Type.Object({ a: Type.Integer() }), Type.Object({ b: Type.Integer() })]),
  ],
  ["recursion", tree],
  ["enum beside a type", Type.Object({ a: Type.String({ enum: ["a", "b"] }) })],
  [
    "enum in a union in an array",
    Type.Array(Type.Union([Type.String({ enum: ["a"] }), Type.Integer()])),
  ],
  [
    "combination beside members",
    Type.Object(
      { a: Type.Optional(Type.Integer()), b: Type.Optional(Type.Integer()) },
      { oneOf: [{ required: ["a"] }, { required: ["b"] }] },
    ),
  ],
  [
    "dependencies",
    Type.Object({ a: Type.Optional(Type.Integer()) }, { dependencies: { a: ["b"] } }),
  ],
  [
    "condition",
    Type.Object(
      {},
      // biome-ignore lint/suspicious/noThenProperty: the name is JSON Schema's (draft 7, 6.6.2).
      { if: { required: ["a"] }, then: { required: ["b"] }, else: { not: { required: ["b"] } } },
    ),
  ],
  [
    "numbers",
    Type.Object({ a: Type.Number({ exclusiveMinimum: 0, maximum: 2, multipleOf: 0.5 }) }),
  ],
  ["constants", Type.Union([Type.Literal("a"), Type.Literal(1), Type.Literal(true)])],
];

const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom<unknown>("a", "b", "ab", "", 0, 1, 0.5, 2, 2.5, -1, true, false, null),
    fc.array(tie("any"), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom("a", "b", "v", "next", "ax"), tie("any"), { maxKeys: 4 }),
  ),
})).any;

describe.each(schemas)("%s", (_, schema) => {
  test("generated code, matcher and explanation agree", () => {
    const checker = compileSchema(schema);
    const matcher = compileMatcher(schema, options);
    fc.assert(
      fc.property(value, (one) => {
        const verdict = matcher(one);
        expect(checker.accepts(one)).toBe(verdict);
        expect(explainSchema(schema, one, ROOT, options).length === 0).toBe(verdict);
        expect(checker.explain(one).length === 0).toBe(verdict);
      }),
      { numRuns: 500, seed: 3 },
    );
  });
});

test("recursive schemas are followed", () => {
  const checker = compileSchema(tree);
  expect(checker.accepts({ v: 1, next: [{ v: 2, next: [] }] })).toBe(true);
  expect(checker.explain({ v: 1, next: [{ v: 2, next: [{ v: "x" }] }] })[0]?.path).toBe(
    "/next/0/next/0/v",
  );
});

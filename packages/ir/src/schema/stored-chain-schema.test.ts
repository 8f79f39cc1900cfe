import { expect, test } from "bun:test";
import Ajv from "ajv";
import fc from "fast-check";
import { chainJsonSchema, checkChain } from "../index.ts";

const ajv = new Ajv({ strict: false, unicodeRegExp: false });
const validate = ajv.compile(chainJsonSchema());

/** A chain with most of what can be said. */
const chain = {
  v: 1,
  id: "all",
  input: { body: { type: "object" } },
  output: {},
  deadline: 9,
  limits: { json_depth: 4 },
  on_client_gone: "safe",
  steps: [
    {
      name: "a",
      call: {
        op: "s.o",
        upstream_id: "u",
        method: "GET",
        path: "/{x}",
        params: { x: 1 },
        query: { q: ["a"] },
        headers: { h: { $ref: ["input", "ip"] } },
        response: {},
      },
      timeout: 5,
      retry: { attempts: 2, on: [503, "network"], backoff: { base: 1 } },
      on_status: {
        "404": "skip",
        "409": { fallback: null },
        "410": { pass: true },
        "411": { exit: { status: 411 } },
      },
      validate: "warn",
      idempotency_key: { $op: "uuid", args: [] },
      cache: { ttl: 1.5, key: [] },
      coalesce: true,
      hedge: { after: 3 },
      breaker: { failures: 1, window: 2, cooldown: 3 },
      on_error: { fallback: { $literal: { $x: 1 } } },
      undo: { call: { uri: "http://a", method: "POST", path: "/" } },
    },
    {
      name: "b",
      each: { in: { $ref: ["a"] }, do: { value: { $ref: ["item"] } }, on_error: "skip" },
      after: ["a"],
    },
    {
      name: "c",
      choose: { branches: [{ when: true, sub: { chain: "d" } }], otherwise: { value: 1 } },
    },
    { name: "d", exit: { body: 1 }, when: false },
  ],
  reply: { body: { $op: "eq", args: [1, { $ref: ["b", 0] }] } },
};

test("the published schema is a valid schema that takes a valid chain", () => {
  expect(checkChain(chain).issues).toEqual([]);
  validate(chain);
  expect(validate.errors ?? []).toEqual([]);
});

/** Every place in a document: the holder and the key. */
function places(value: unknown): readonly (readonly [holder: object, key: string])[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) => [
    [value, key] as const,
    ...places(member),
  ]);
}

test("no document that the rules take is refused by the published schema", () => {
  const count = places(chain).length;
  let taken = 0;
  fc.assert(
    fc.property(
      fc.nat(count - 1),
      fc.oneof(fc.constant(undefined), fc.jsonValue()),
      (at, other) => {
        const damaged = structuredClone(chain);
        const [holder, key] = places(damaged)[at] ?? [{}, ""];
        if (other === undefined) Reflect.deleteProperty(holder, key);
        else Reflect.set(holder, key, other);
        // Through JSON, so that holes and undefined are as they would arrive.
        const document: unknown = JSON.parse(JSON.stringify(damaged));
        const isTaken = checkChain(document).issues.length === 0;
        if (isTaken) taken++;
        expect({ document, valid: !isTaken || validate(document) }).toEqual({
          document,
          valid: true,
        });
      },
    ),
    { numRuns: 3000 },
  );
  expect(taken).toBeGreaterThan(100);
});

test("what the published schema refuses is found, with a place", () => {
  const refused = [
    { ...chain, v: 2 },
    { ...chain, more: 1 },
    { ...chain, steps: [] },
    { ...chain, deadline: 0 },
    { ...chain, steps: [{ name: "a", value: { $ref: [] } }] },
    { ...chain, steps: [{ name: "a", call: { method: "GET" } }] },
  ];
  for (const document of refused) {
    expect(validate(document)).toBe(false);
    expect(checkChain(document).issues.length).toBeGreaterThan(0);
  }
});

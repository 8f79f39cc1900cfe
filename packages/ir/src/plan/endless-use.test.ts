import { describe, expect, test } from "bun:test";
import type { StoredChain, StoredStep } from "../stored-chain.ts";
import { findEndlessUse } from "./endless-use.ts";

const use = (chain: string, rest: object = {}): StoredStep => ({
  name: "s",
  sub: { chain },
  ...rest,
});
const chain = (...steps: readonly StoredStep[]): StoredChain => ({ v: 1, steps, reply: {} });
const call = { uri: "http://a", method: "GET", path: "/" } as const;
const exit404 = { 404: { exit: { status: 404 } } } as const;

function endless(chains: Readonly<Record<string, StoredChain>>): string | null {
  const first = chains["a"] ?? chain();
  const found = findEndlessUse("a", first, (name) => chains[name] ?? null);
  return found === null ? null : `${found.path} ${found.names.join(" ")}`;
}

describe("a chain whose running could never end", () => {
  test("uses itself", () => {
    expect(endless({ a: chain({ name: "x", value: 1 }, use("a")) })).toBe("/steps/1/sub/chain a a");
  });

  test("uses one that uses it, whatever else they use", () => {
    const chains = {
      a: chain(use("c"), use("b")),
      b: chain(use("c"), use("a")),
      c: chain(use("none")),
    };
    expect(endless(chains)).toBe("/steps/1/sub/chain a b a");
  });

  test("uses one that uses itself", () => {
    expect(endless({ a: chain(use("b")), b: chain(use("b")) })).toBe("/steps/0/sub/chain a b b");
  });
});

describe("a chain that uses itself has a way out", () => {
  const rows: readonly [says: string, steps: readonly StoredStep[]][] = [
    ["a condition", [use("a", { when: { $ref: ["input", "body", "more"] } })]],
    ["an exit before", [{ name: "x", exit: {}, when: false }, use("a")]],
    ["a status that answers the client", [{ name: "x", call, on_status: exit404 }, use("a")]],
    ["a list that may be empty", [{ name: "x", each: { in: [], do: { sub: { chain: "a" } } } }]],
    ["a branch", [{ name: "x", choose: { branches: [{ when: true, sub: { chain: "a" } }] } }]],
  ];
  test.each(rows)("%s", (_says, steps) => {
    expect(endless({ a: chain(...steps) })).toBeNull();
  });

  test("chains that many use are gone over once", () => {
    const chains: Record<string, StoredChain> = { a: chain(use("n0")) };
    for (let i = 0; i < 60; i++) chains[`n${i}`] = chain(use(`n${i + 1}`), use(`n${i + 1}`));
    expect(endless(chains)).toBeNull();
  });
});

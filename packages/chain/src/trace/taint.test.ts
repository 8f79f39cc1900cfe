import { describe, expect, test } from "bun:test";
import type { StoredChain, StoredStep, StoredValue } from "@catena/ir";
import { SecretReplies, Taint } from "./taint.ts";

const ref = (...path: (string | number)[]) =>
  ({ $ref: path }) as { $ref: [string, ...(string | number)[]] };
const op = (name: string, ...args: StoredValue[]) => ({ $op: name, args });
const call = { uri: "http://a", method: "GET", path: "/x" } as const;
const secret = ref("input", "headers", "authorization");

const chains = new Map<string, StoredChain>();
function chain(steps: readonly StoredStep[], reply: StoredValue = 1): StoredChain {
  return { v: 1, steps, reply: { body: reply } };
}
chains.set("plain", chain([{ name: "x", value: 1 }], ref("x")));
chains.set("telling", chain([{ name: "x", value: secret }], { a: ref("x") }));
chains.set("itself", chain([{ name: "x", sub: { chain: "itself" } }], ref("x")));
chains.set("a", chain([{ name: "x", sub: { chain: "plain" } }], ref("x")));

function taint(...steps: readonly StoredStep[]): Taint {
  return Taint.ofChain({ steps }, new SecretReplies((id) => chains.get(id) ?? null));
}

describe("a value is derived from a secret", () => {
  const rows: readonly [says: string, value: StoredValue, isSecret: boolean][] = [
    ["a literal", { a: [1, "token"] }, false],
    ["a literal with $ keys", { $literal: { $ref: ["input", "cookies"] } }, false],
    ["a cookie", ref("input", "cookies", "lang"), true],
    ["all headers", ref("input", "headers"), true],
    ["a header that may say who asks", ref("input", "headers", "x-anything"), true],
    ["one that does not", ref("input", "headers", "Accept-Language"), false],
    ["an argument named like a secret", ref("input", "query", "api_key"), true],
    ["another argument", ref("input", "query", "page"), false],
    ["a member of the body named like one", ref("input", "body", "user", "password"), true],
    ["an authorization", ref("input", "body", "Authorization"), true],
    ["an author is not an authorization", ref("input", "body", "author"), false],
    ["nor is an authority", ref("input", "body", "authority_id"), false],
    ["the body as a whole, whose members are masked by name", ref("input", "body"), false],
    ["an operation on one", op("length", op("upper", secret)), true],
    ["a part named like one", op("get", ref("input", "body"), "token"), true],
    ["a header of a response named like one", op("header", ref("s"), "Set-Cookie"), true],
    ["an object with one", { a: 1, b: [secret] }, true],
  ];
  test.each(rows)("%s", (_says, value, isSecret) => {
    expect(taint({ name: "s", call }).isSecret(value)).toBe(isSecret);
  });
});

describe("a step is when what it does is", () => {
  const rows: readonly [says: string, step: Omit<StoredStep, "name">, isSecret: boolean][] = [
    ["a value", { value: op("tpl", secret) }, true],
    ["a call with one in a header", { call: { ...call, headers: { a: secret } } }, false],
    ["in its query", { call: { ...call, query: { a: secret } } }, true],
    ["in its path", { call: { ...call, path: "/{a}", params: { a: secret } } }, true],
    ["in its body", { call: { ...call, method: "POST", body: { a: secret } } }, true],
    ["as the host", { call: { ...call, allowed_hosts: ["b"], host: secret } }, true],
    ["a fallback", { call, on_error: { fallback: secret } }, true],
    ["a fallback of a status", { call, on_status: { 404: { fallback: secret } } }, true],
    ["an each over them", { each: { in: [secret], do: { value: ref("item") } } }, true],
    ["an each over others", { each: { in: [1], do: { value: ref("item") } } }, false],
    [
      "a fallback of an item",
      { each: { in: [1], do: { call }, on_error: { fallback: secret } } },
      true,
    ],
    ["a branch", { choose: { branches: [{ when: true, value: secret }] } }, true],
    [
      "which branch is taken",
      { choose: { branches: [{ when: op("exists", secret), value: 1 }] } },
      true,
    ],
    [
      "no branch",
      { choose: { branches: [{ when: true, value: 1 }], otherwise: { value: secret } } },
      true,
    ],
    ["a chain given one", { sub: { chain: "plain", body: secret } }, true],
    ["a chain that replies with one", { sub: { chain: "telling" } }, true],
    ["a chain that does not", { sub: { chain: "plain" } }, false],
    ["one that uses that", { sub: { chain: "a" } }, false],
    ["a chain that uses itself", { sub: { chain: "itself" } }, true],
    ["a chain that is not there", { sub: { chain: "none" } }, true],
  ];
  test.each(rows)("%s", (_says, step, isSecret) => {
    const found = taint({ name: "s", ...step }, { name: "next", value: ref("s", "a") });
    expect(found.isSecret(ref("next"))).toBe(isSecret);
  });
});

test("a call's mask tells its parts apart", () => {
  const mask = taint().callMask({
    ...call,
    method: "POST",
    path: "/x/{a}/{b}",
    params: { a: 1, b: secret },
    query: { a: secret, b: 1 },
    headers: { "X-A": secret, b: "1" },
    body: { a: 1, b: { c: secret, d: 1 }, e: [secret] },
  });
  expect(mask).toEqual({
    path: "/x/{a}/{b}",
    query: new Set(["a"]),
    headers: new Set(["x-a"]),
    body: new Map<string, unknown>([
      ["b", new Map([["c", true]])],
      ["e", true],
    ]) as never,
    reply: true,
  });
  expect(taint().callMask(call)).toMatchObject({ path: null, body: false, reply: false });
});

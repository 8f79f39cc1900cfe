import { describe, expect, test } from "bun:test";
import { createResolver, type Lookup, parseIpAddress } from "./resolver.ts";

/** A resolver over a counted, switchable lookup and a clock that the test moves. */
function fixture(answers: Record<string, Awaited<ReturnType<Lookup>>>, options = {}) {
  const asked: string[] = [];
  let failure: string | null = null;
  const clock = { now: 0, random: 0 };
  const resolver = createResolver({
    lookup: async (name) => {
      asked.push(name);
      const found = answers[name];
      const code = failure ?? "ENOTFOUND";
      if (found === undefined || failure !== null) throw Object.assign(new Error("x"), { code });
      return found;
    },
    now: () => clock.now,
    random: () => clock.random,
    ...options,
  });
  return {
    asked,
    clock,
    resolver,
    fail: (code: string) => {
      failure = code;
    },
  };
}

describe("resolve", () => {
  const hosts = {
    customer_service: "127.0.0.1:9001",
    "Api.Test": "10.0.0.7",
    v6: "[::1]:81",
    bare6: "fd00::1",
  };

  test.each([
    ["10.1.2.3", 80, { address: "10.1.2.3", port: 80 }],
    ["::1", 80, { address: "::1", port: 80 }],
    ["[::1]", 8080, { address: "::1", port: 8080 }],
    ["customer_service", 80, { address: "127.0.0.1", port: 9001 }],
    ["CUSTOMER_SERVICE", 80, { address: "127.0.0.1", port: 9001 }],
    ["api.test.", 443, { address: "10.0.0.7", port: 443 }],
    ["v6", 80, { address: "::1", port: 81 }],
    ["bare6", 80, { address: "fd00::1", port: 80 }],
  ])("answers %s without a promise", (host, port, expected) => {
    const { resolver, asked } = fixture({}, { hosts });
    expect(resolver.resolve(host, port)).toEqual(expected);
    expect(resolver.fixed(host, port)).toEqual(expected);
    expect(asked).toEqual([]);
  });

  test("asks once for a name, then answers from the cache until the TTL is over", async () => {
    const { resolver, asked, clock } = fixture({ "a.test": ["10.0.0.1"] }, { ttlMs: 100 });
    const first = resolver.resolve("a.test", 80);
    expect(first).toBeInstanceOf(Promise);
    expect(await first).toEqual({ address: "10.0.0.1", port: 80 });
    clock.now = 99;
    expect(resolver.resolve("A.Test.", 81)).toEqual({ address: "10.0.0.1", port: 81 });
    clock.now = 100;
    expect(await resolver.resolve("a.test", 80)).toEqual({ address: "10.0.0.1", port: 80 });
    expect(asked).toEqual(["a.test", "a.test"]);
  });

  test("shares one lookup among the calls that wait for it", async () => {
    const { resolver, asked } = fixture({ "a.test": ["10.0.0.1"] });
    await Promise.all([1, 2, 3].map((port) => resolver.resolve("a.test", port)));
    expect(asked).toEqual(["a.test"]);
  });

  test("picks among several records by chance, IPv4 before IPv6", async () => {
    const { resolver, clock } = fixture({ "a.test": ["fd00::1", "10.0.0.1", "10.0.0.2"] });
    expect(await resolver.resolve("a.test", 80)).toEqual({ address: "10.0.0.1", port: 80 });
    clock.random = 0.99;
    expect(resolver.resolve("a.test", 80)).toEqual({ address: "10.0.0.2", port: 80 });
  });

  test("uses IPv6 when there is nothing else", async () => {
    const { resolver } = fixture({ "a.test": ["fd00::1"] });
    expect(await resolver.resolve("a.test", 80)).toEqual({ address: "fd00::1", port: 80 });
  });

  test("remembers a failure shortly", async () => {
    const answers: Record<string, readonly string[]> = {};
    const { resolver, asked, clock } = fixture(answers, { negativeTtlMs: 10 });
    const failure = { code: "UPSTREAM_UNRESOLVED", details: { sent: false, reason: "ENOTFOUND" } };
    await expect(Promise.resolve(resolver.resolve("b.test", 80))).rejects.toMatchObject(failure);
    expect(() => resolver.resolve("b.test", 80)).toThrow("does not resolve");
    expect(asked).toEqual(["b.test"]);
    answers["b.test"] = ["10.0.0.9"];
    clock.now = 11;
    expect(await resolver.resolve("b.test", 80)).toEqual({ address: "10.0.0.9", port: 80 });
  });

  test("fails a lookup that does not end", async () => {
    const resolver = createResolver({
      lookup: () => Promise.withResolvers<readonly string[]>().promise,
      lookupTimeoutMs: 5,
    });
    await expect(Promise.resolve(resolver.resolve("slow.test", 80))).rejects.toThrow("timeout");
  });

  test("forgets the oldest name when it knows too many", async () => {
    const names = { "a.test": ["10.0.0.1"], "b.test": ["10.0.0.2"], "c.test": ["10.0.0.3"] };
    const { resolver, asked } = fixture(names, { maxNames: 2 });
    for (const name of Object.keys(names)) await resolver.resolve(name, 80);
    expect(resolver.resolve("c.test", 80)).toEqual({ address: "10.0.0.3", port: 80 });
    await resolver.resolve("a.test", 80);
    expect(asked).toEqual(["a.test", "b.test", "c.test", "a.test"]);
  });

  test("takes the time an answer is good for from the answer", async () => {
    const { resolver, asked, clock } = fixture({ "a.test": { addresses: ["10.0.0.1"], ttlMs: 7 } });
    await resolver.resolve("a.test", 80);
    clock.now = 7;
    expect(resolver.resolve("a.test", 80)).toBeInstanceOf(Promise);
    expect(asked.length).toBe(2);
  });

  test("renews a name in use before its time is over", async () => {
    const answers = { "a.test": ["10.0.0.1"] };
    const { resolver, asked, clock } = fixture(answers, { ttlMs: 100 });
    await resolver.resolve("a.test", 80);
    answers["a.test"] = ["10.0.0.2"];
    clock.now = 80;
    expect(resolver.resolve("a.test", 80)).toEqual({ address: "10.0.0.1", port: 80 });
    await Bun.sleep(0);
    expect(resolver.resolve("a.test", 80)).toEqual({ address: "10.0.0.2", port: 80 });
    expect(asked.length).toBe(2);
  });

  test("keeps the last answer while nobody answers, for a while", async () => {
    const answers: Record<string, readonly string[]> = { "a.test": ["10.0.0.1"] };
    const { resolver, clock, fail } = fixture(answers, { ttlMs: 100, staleMs: 1_000 });
    await resolver.resolve("a.test", 80);
    fail("EAI_AGAIN");
    clock.now = 100;
    expect(await resolver.resolve("a.test", 80)).toEqual({ address: "10.0.0.1", port: 80 });
    clock.now = 1_099;
    expect(resolver.resolve("a.test", 80)).toEqual({ address: "10.0.0.1", port: 80 });
    await Bun.sleep(0);
    clock.now = 1_100;
    const late = Promise.resolve(resolver.resolve("a.test", 80));
    await expect(late).rejects.toMatchObject({ code: "UPSTREAM_UNRESOLVED" });
  });

  test("drops the last answer when the name is gone", async () => {
    const { resolver, clock, fail } = fixture({ "a.test": ["10.0.0.1"] }, { ttlMs: 100 });
    await resolver.resolve("a.test", 80);
    fail("ENOTFOUND");
    clock.now = 100;
    const gone = Promise.resolve(resolver.resolve("a.test", 80));
    await expect(gone).rejects.toMatchObject({ details: { reason: "ENOTFOUND" } });
  });

  test.each([
    ["10.0.0.1", ["10.0.0.1"]],
    ["[::1]", ["::1"]],
    ["table.test", ["10.9.9.9"]],
    ["a.test", ["10.0.0.1", "10.0.0.2"]],
  ])("lists the addresses of %s", async (host, expected) => {
    const answers = { "a.test": ["10.0.0.1", "fd00::1", "10.0.0.2"] };
    const { resolver } = fixture(answers, { hosts: { "table.test": "10.9.9.9:81" } });
    expect(await resolver.addresses(host)).toEqual(expected);
    expect(resolver.addresses(host)).toEqual(expected);
  });

  test("asks the system for localhost", async () => {
    const found = await createResolver().resolve("localhost", 80);
    expect(["127.0.0.1", "::1"]).toContain(found.address);
  });
});

test.each(["a.test", "10.0.0.1:0", "10.0.0.1:65536", "::1:80:", "[10.0.0.1]", "[::1", ""])(
  "refuses the hosts entry %p",
  (found) => {
    expect(() => createResolver({ hosts: { x: found } })).toThrow("expected an IP address");
  },
);

test.each([
  ["10.0.0.1", { address: "10.0.0.1", port: null }],
  ["10.0.0.1:80", { address: "10.0.0.1", port: 80 }],
  ["[::1]:80", { address: "::1", port: 80 }],
  ["[::1]", { address: "::1", port: null }],
  ["1.2.3", null],
])("parseIpAddress(%p)", (text, expected) => {
  expect(parseIpAddress(text)).toEqual(expected);
});

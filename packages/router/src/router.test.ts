import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { createRouter, normalizeHost, type RouterMode } from "./index.ts";
import {
  describeRouter,
  naiveMatch,
  type TestRequest,
  type TestRoute,
} from "./router.conformance.ts";

describeRouter("table router", (mode) => createRouter<string, TestRequest>(mode));

test.each([
  ["A.com", "a.com"],
  ["a.com:8080", "a.com"],
  ["a.com.", "a.com"],
  ["API.Example.com.:8080", "api.example.com"],
  ["[::1]:80", "[::1]"],
  ["[FE80::1]", "[fe80::1]"],
  ["", ""],
])("host %s is matched as %s", (header, host) => expect(normalizeHost(header)).toBe(host));

const segment = fc.constantFrom("a", "b", "ab", "", "*", ":id", "*rest", "a*", "a*b", ":x", "x.y");
const uri = fc
  .array(segment, { minLength: 1, maxLength: 4 })
  .map((segments) => `/${segments.join("/")}`);
const path = fc
  .array(fc.constantFrom("a", "b", "ab", "", "abb", ":id", "x.y", "xzy", "7"), {
    minLength: 1,
    maxLength: 5,
  })
  .map((segments) => `/${segments.join("/")}`);
const routeHost = fc.constantFrom(
  "a.com",
  "b.a.com",
  "*.a.com",
  "*a.com",
  "*.com",
  "*",
  "c.org",
  "a.com:8080",
);
const method = fc.constantFrom("GET", "POST", "PUT");

const route = fc.record({
  uris: fc.uniqueArray(uri, { minLength: 1, maxLength: 3 }),
  hosts: fc.uniqueArray(routeHost, { maxLength: 2 }),
  methods: fc.uniqueArray(method, { maxLength: 2 }),
  priority: fc.constantFrom(0, 0, 0, 1, 5),
  accepts: fc.constantFrom(
    () => true,
    ({ flags }: TestRequest) => flags.includes("f"),
    ({ flags }: TestRequest) => !flags.includes("g"),
  ),
});
const request = fc.record({
  host: fc.constantFrom("a.com", "b.a.com", "x.b.a.com", "ba.com", "c.org", "d.com", ""),
  port: fc.constantFrom("", ":8080"),
  path,
  method,
  flags: fc.subarray(["f", "g"]),
});
const modes: RouterMode[] = ["radixtree_host_uri", "radixtree_uri", "radixtree_uri_with_parameter"];

describe("agrees with looking at every route", () => {
  test.each(modes)("%s, through adds, removals and replacements", (mode) =>
    fc.assert(
      fc.property(
        fc.array(route, { minLength: 1, maxLength: 12 }),
        fc.array(fc.tuple(fc.nat(11), fc.option(route)), { maxLength: 8 }),
        fc.array(request, { minLength: 1, maxLength: 12 }),
        (first, changes, requests) => {
          const router = createRouter<string, TestRequest>(mode);
          const kept = new Map<string, TestRoute>();
          for (const [index, fields] of first.entries()) {
            const added = { ...fields, id: `r${index}` };
            kept.set(added.id, added);
            router.add({ ...added, payload: added.id });
          }
          for (const [index, fields] of changes) {
            const id = `r${index}`;
            if (fields === null) {
              kept.delete(id);
              router.remove(id);
            } else {
              kept.set(id, { ...fields, id });
              router.replace(id, [{ ...fields, id, payload: id }]);
            }
          }
          expect(router.size).toBe(kept.size);
          for (const one of requests) {
            const { host, path: at, method: verb } = one;
            const rawHost = host + one.port;
            const found = router.match(host, at, verb, one, rawHost);
            const trials = router.explain(host, at, verb, one, rawHost);
            expect(found?.payload ?? null).toBe(
              naiveMatch(mode, [...kept.values()], { ...one, rawHost }),
            );
            const winner = trials.find((trial) => trial.refusal === null);
            expect(winner?.match).toEqual(found ?? undefined);
          }
        },
      ),
      { numRuns: 2000, seed: 20261124 },
    ),
  );
});

test("a pattern of many stars is compared in bounded time", () => {
  const router = createRouter<string>();
  router.add({ id: "stars", uris: [`/${"*/a/".repeat(12)}end`], payload: "stars" });
  // Counting the comparisons would tie the test to the implementation; without a bound this does
  // not end at all.
  expect(router.match("a.com", `/${"a/".repeat(400)}x`, "GET", null)).toBeNull();
});

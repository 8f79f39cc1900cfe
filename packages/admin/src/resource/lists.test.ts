import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type AdminBed, startAdmin } from "../testbed/admin-bed.ts";
import { type StoreBed, startSqlite } from "../testbed/store-beds.ts";

const nodes = { "127.0.0.1:80": 1 };
let bed: StoreBed;
let admin: AdminBed;

beforeAll(async () => {
  bed = await startSqlite();
  admin = startAdmin(bed.store);
  // Created in another order than that of their keys.
  for (const [id, value] of [
    ["c", { uri: "/c/*", name: "third", labels: { env: "a", v: "1" }, upstream: { nodes } }],
    ["a", { uris: ["/a", "/b/*"], name: "first.one", labels: { env: "b" }, upstream: { nodes } }],
    ["b", { uri: "/b", upstream_id: "u1", service_id: "s1" }],
    ["d", { uri: "/d", name: "nil", upstream_id: 1, labels: {} }],
  ] as const) {
    await bed.store.transact({
      comparisons: [],
      operations: [{ kind: "put", key: `/apisix/routes/${id}`, value: JSON.stringify(value) }],
    });
  }
  const service = JSON.stringify({ name: "a".repeat(200) });
  await bed.store.transact({
    comparisons: [],
    operations: [{ kind: "put", key: "/apisix/services/s", value: service }],
  });
});
afterAll(async () => {
  await admin?.stop();
  await bed?.stop();
});

async function list(query: string): Promise<{ readonly total: number; readonly ids: string }> {
  const { body } = await admin.call("GET", `/routes${query}`);
  const { total, list: items } = Object(body) as { total: number; list: { key: string }[] };
  return { total, ids: items.map(({ key }) => key.slice("/apisix/routes/".length)).join("") };
}

const cases: readonly (readonly [query: string, total: number, ids: string])[] = [
  ["", 4, "abcd"],
  ["?page=1&page_size=10", 4, "cabd"],
  ["?page=2&page_size=10", 4, ""],
  ["?page=0&page_size=10", 4, "cabd"],
  ["?page=-5&page_size=10", 4, "cabd"],
  ["?page=x&page_size=10", 4, "abcd"],
  ["?page=1", 4, "abcd"],
  ["?page_size=10", 4, "abcd"],
  ["?page_size=5", 4, "abcd"],
  ["?name=first", 1, "a"],
  ["?name=ir", 2, "ac"],
  ["?name=^t.*d$", 1, "c"],
  ["?name=first.one", 1, "a"],
  ["?name=nothing", 0, ""],
  ["?label=env", 2, "ac"],
  ["?label=v", 1, "c"],
  ["?label=env:a", 0, ""],
  ["?label=constructor", 0, ""],
  ["?uri=/b", 2, "ab"],
  ["?uri=^/b$", 1, "b"],
  ["?uri=%2F[cd]", 2, "cd"],
  ["?filter=service_id%3Ds1", 1, "b"],
  ["?filter=upstream_id%3Du1", 1, "b"],
  ["?filter=upstream_id%3D1", 0, ""],
  ["?filter=service_id%3Ds1%26upstream_id%3Dnone", 0, ""],
  ["?filter=service_id%3Dnone%26service_id%3Ds1", 1, "b"],
  ["?filter=name%3Dfirst", 4, "abcd"],
  ["?filter=", 4, "abcd"],
  ["?name=i&label=env&page=1&page_size=10", 2, "ca"],
];

test.each(cases)("routes%s: %d, %s", async (query, total, ids) => {
  expect(await list(query)).toEqual({ total, ids });
});

describe("patterns", () => {
  test("that backtrack for ever on other engines are done at once", async () => {
    const reply = await admin.call(
      "GET",
      `/services?name=${encodeURIComponent("^(a+)+$b|(a|a)*c")}`,
    );
    expect(reply.body).toEqual({ total: 0, list: [] });
  });
});

test("filters of routes do not touch other kinds", async () => {
  const reply = await admin.call("GET", "/services?filter=service_id%3Dnone");
  expect(Object(reply.body).total).toBe(1);
});

test("a list without anything is a list", async () => {
  for (const kind of ["upstreams", "ssls", "consumers", "secrets", "protos", "stream_routes"]) {
    const { status, body } = await admin.call("GET", `/${kind}`);
    expect({ kind, status, body }).toEqual({ kind, status: 200, body: { total: 0, list: [] } });
  }
});

import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { isGatewayError } from "@catena/errors";
import { type ConfigStore, openStore } from "@catena/store";
import { startEtcd } from "@catena/testkit";
import { type AdminBed, startAdmin } from "./testbed/admin-bed.ts";
import { startSqlite } from "./testbed/store-beds.ts";

setDefaultTimeout(120_000);
const route = { uri: "/a", upstream: { nodes: { "127.0.0.1:80": 1 } } };
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function listen(store: ConfigStore): { readonly admin: AdminBed; readonly faults: unknown[] } {
  const faults: unknown[] = [];
  const admin = startAdmin(store, { onFault: (error) => faults.push(error) });
  cleanups.push(() => admin.stop());
  return { admin, faults };
}

const calls: readonly (readonly [string, string, object?])[] = [
  ["GET", "/routes"],
  ["GET", "/routes/1"],
  ["PUT", "/routes/1", route],
  ["POST", "/routes", route],
  ["PATCH", "/routes/1", { desc: "x" }],
  ["DELETE", "/routes/1"],
  ["DELETE", "/upstreams/1"],
];

describe("an etcd that is not there", () => {
  test("is told with 503, and an operator hears of it", async () => {
    const etcd = await startEtcd();
    cleanups.push(() => etcd.stop());
    const store = openStore(etcd.url);
    cleanups.push(() => store.close());
    const { admin, faults } = listen(store);
    expect((await admin.call("PUT", "/routes/1", route)).status).toBe(201);
    await etcd.kill();
    for (const [method, path, body] of calls) {
      const reply = await admin.call(method, path, body);
      expect({ method, path, status: reply.status }).toEqual({ method, path, status: 503 });
      expect(Object(reply.body).error_msg).toMatch(
        /^store etcd:\/\/127\.0\.0\.1:\d+ does not answer: /,
      );
    }
    expect(faults).toHaveLength(calls.length);
    expect(faults.every((error) => isGatewayError(error, "STORE_UNAVAILABLE"))).toBe(true);
    // What needs no store is answered, and what is wrong is told before the store is asked.
    expect((await admin.call("GET", "/schema/route")).status).toBe(200);
    expect((await admin.call("PUT", "/routes/1", { uri: 5 })).status).toBe(400);

    await etcd.restart();
    const deadline = Date.now() + 60_000;
    while ((await admin.call("GET", "/routes/1")).status !== 200) {
      expect(Date.now()).toBeLessThan(deadline);
      await Bun.sleep(50);
    }
    expect((await admin.call("PATCH", "/routes/1", { desc: "back" })).status).toBe(200);
  });

  test("whose password is in its URL keeps it to itself", async () => {
    const etcd = await startEtcd();
    const { endpoint } = etcd;
    await etcd.stop();
    const store = openStore(`etcd://root:hunter2secret@${endpoint}`);
    cleanups.push(() => store.close());
    const { admin } = listen(store);
    const reply = await admin.call("GET", "/routes");
    expect(reply.status).toBe(503);
    expect(JSON.stringify(reply.body)).not.toContain("hunter2secret");
  });
});

test("a store that was closed is a fault that is not explained to clients", async () => {
  const bed = await startSqlite();
  cleanups.push(() => bed.stop());
  const { admin, faults } = listen(bed.store);
  await bed.store.close();
  const reply = await admin.call("GET", "/routes");
  expect({ status: reply.status, body: reply.body }).toEqual({
    status: 500,
    body: { error_msg: "internal error" },
  });
  expect(faults.some((error) => isGatewayError(error, "STORE_CLOSED"))).toBe(true);
});

test("an error nobody expected says nothing but that", async () => {
  const bed = await startSqlite();
  cleanups.push(() => bed.stop());
  const broken: ConfigStore = {
    ...bed.store,
    url: "broken",
    get: () => Promise.reject(new TypeError("secret detail")),
  };
  const { admin, faults } = listen(broken);
  const reply = await admin.call("GET", "/routes/1");
  expect({ status: reply.status, body: reply.body }).toEqual({
    status: 500,
    body: { error_msg: "internal error" },
  });
  expect(faults).toEqual([new TypeError("secret detail")]);
});

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type AdminBed, startAdmin, storedValue } from "../testbed/admin-bed.ts";
import { type StoreBed, storeBeds } from "../testbed/store-beds.ts";

setDefaultTimeout(60_000);
const nodes = { "127.0.0.1:80": 1 };
const route = { uri: "/a", upstream: { nodes } };

describe.each(storeBeds)("writes on %s", (_, start) => {
  let bed: StoreBed;
  let admin: AdminBed;
  let seconds = 1_700_000_000;

  beforeAll(async () => {
    bed = await start();
    admin = startAdmin(bed.store, { now: () => seconds * 1000 });
  });
  afterAll(async () => {
    await admin?.stop();
    await bed?.stop();
  });

  test("store what was sent, its id and its times, and nothing else", async () => {
    const sent = {
      uri: "/exact",
      methods: [],
      labels: {},
      upstream: { nodes: [], type: "roundrobin" },
      plugins: { "limit-count": { count: 1, time_window: 60 } },
      priority: 1.0,
    };
    const reply = await admin.call("PUT", "/routes/exact", sent);
    const expected = { ...sent, id: "exact", create_time: seconds, update_time: seconds };
    expect(storedValue(reply)).toEqual(expected);
    expect(JSON.parse((await bed.store.get("/apisix/routes/exact"))?.value ?? "")).toEqual(
      expected,
    );
  });

  test("give a group of limits one configuration, however it is written", async () => {
    const counts = (limit: object) => ({ ...route, plugins: { "limit-count": limit } });
    const group = { count: 1, time_window: 60, group: "g" };
    const refused =
      "failed to check the configuration of plugin limit-count err: group conf mismatched";
    const cases: [path: string, document: object, status: number, error?: string][] = [
      ["/routes/g1", counts(group), 201],
      ["/routes/g1", counts({ ...group, count: 2 }), 200],
      ["/routes/g2", counts(group), 400, refused],
      ["/services/g2", { plugins: { "limit-count": group } }, 400, refused],
      ["/routes/g2", counts({ time_window: 60, rejected_code: 503, count: 2, group: "g" }), 201],
      ["/routes/g2", counts({ ...group, count: 2, _meta: { priority: 1 } }), 200],
      ["/routes/g2", counts({ ...group, group: "h" }), 200],
      ["/routes/g1", counts(group), 200],
    ];
    for (const [path, document, status, error] of cases) {
      const reply = await admin.call("PUT", path, document);
      expect([path, reply.status]).toEqual([path, status]);
      if (error !== undefined) expect(reply.body).toEqual({ error_msg: error });
    }
  });

  test("keep the create_time of what they replace, and renew the update_time", async () => {
    seconds = 1_700_000_000;
    await admin.call("PUT", "/routes/times", route);
    seconds += 5;
    const replaced = await admin.call("PUT", "/routes/times", { ...route, desc: "two" });
    expect(replaced.status).toBe(200);
    const times = { create_time: 1_700_000_000, update_time: 1_700_000_005 };
    expect(storedValue(replaced)).toMatchObject(times);
    seconds += 5;
    const patched = await admin.call("PATCH", "/routes/times", { desc: "three" });
    expect(storedValue(patched)).toMatchObject({ ...times, update_time: 1_700_000_010 });
    const given = await admin.call("PATCH", "/routes/times", { create_time: 1, update_time: 2 });
    expect(storedValue(given)).toMatchObject({ create_time: 1, update_time: 2 });
  });

  test("do not store times with the metadata of plugins, nor ids with consumers", async () => {
    const metadata = await admin.call("PUT", "/plugin_metadata/cors", {});
    expect(storedValue(metadata)).toEqual({ id: "cors" });
    const consumer = await admin.call("PUT", "/consumers", { username: "plain" });
    expect(Object.keys(storedValue(consumer)).sort()).toEqual([
      "create_time",
      "update_time",
      "username",
    ]);
  });

  test("keep an id from the body as it was written", async () => {
    expect(storedValue(await admin.call("PUT", "/routes", { ...route, id: 42 }))["id"]).toBe(42);
    expect(storedValue(await admin.call("PUT", "/routes/42", { ...route, id: 42 }))["id"]).toBe(
      "42",
    );
  });

  test("give every POST an id of its own, also at the same moment", async () => {
    const replies = await Promise.all(
      Array.from({ length: 20 }, () => admin.call("POST", "/routes", route)),
    );
    const ids = new Set(replies.map((reply) => storedValue(reply)["id"]));
    expect(replies.every(({ status }) => status === 201)).toBe(true);
    expect(ids.size).toBe(20);
    for (const id of ids) expect(id).toMatch(/^\d{20}$/);
  });

  test("of one key at the same moment all succeed, and one of them created it", async () => {
    const replies = await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        admin.call("PUT", "/routes/race", { ...route, desc: `writer ${n}` }),
      ),
    );
    expect(replies.map(({ status }) => status).sort()).toEqual([
      200, 200, 200, 200, 200, 200, 200, 201,
    ]);
    const last = storedValue(await admin.call("GET", "/routes/race"));
    expect(replies.map((reply) => storedValue(reply)["desc"])).toContain(last["desc"]);
  });

  test("by PATCH of one key at the same moment lose nothing: each is in, or was told that it is not", async () => {
    await admin.call("PUT", "/routes/patched", route);
    const replies = await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        admin.call("PATCH", "/routes/patched", { labels: { [`writer-${n}`]: "in" } }),
      ),
    );
    const labels = Object(storedValue(await admin.call("GET", "/routes/patched"))["labels"]);
    for (const [n, { status, body }] of replies.entries()) {
      if (status === 200) expect(labels).toHaveProperty(`writer-${n}`, "in");
      else {
        expect({ status, body }).toEqual({
          status: 503,
          body: { error_msg: "value changed before overwritten" },
        });
        expect(labels).not.toHaveProperty(`writer-${n}`);
      }
    }
    expect(replies.some(({ status }) => status === 200)).toBe(true);
  });

  test("never leave a route behind that points at a deleted upstream", async () => {
    for (let round = 0; round < 10; round++) {
      await admin.call("PUT", "/upstreams/target", { nodes });
      const [put, remove] = await Promise.all([
        admin.call("PUT", "/routes/pointing", { uri: "/a", upstream_id: "target" }),
        admin.call("DELETE", "/upstreams/target?force=true"),
      ]);
      expect(remove?.status).toBe(200);
      // Written before the delete, or refused after it; never written after it.
      const route = await bed.store.get("/apisix/routes/pointing");
      expect(put?.status).toBe(route === null ? 400 : 201);
      await admin.call("DELETE", "/routes/pointing");
    }
  });

  test("over what is no JSON replace it, and reading it says what is wrong", async () => {
    const key = "/apisix/routes/broken";
    await bed.store.transact({ comparisons: [], operations: [{ kind: "put", key, value: "{" }] });
    for (const method of ["GET", "PATCH"]) {
      const reply = await admin.call(method, "/routes/broken", method === "GET" ? undefined : {});
      expect({ status: reply.status, body: reply.body }).toEqual({
        status: 500,
        body: { error_msg: "what is stored at /apisix/routes/broken is not a JSON object" },
      });
    }
    expect((await admin.call("GET", "/routes")).status).toBe(200);
    expect((await admin.call("PUT", "/routes/broken", route)).status).toBe(200);
  });

  test("cannot patch a resource beyond what could be sent at once", async () => {
    await admin.call("PUT", "/routes/grown", route);
    const plugins = (letter: string) => ({ echo: { body: letter.repeat(1_000_000) } });
    const first = await admin.call("PATCH", "/routes/grown", { plugins: plugins("a") });
    expect(first.status).toBe(200);
    const more = { plugins: { "response-rewrite": { body: "b".repeat(1_000_000) } } };
    const second = await admin.call("PATCH", "/routes/grown", more);
    expect(second.status).toBe(400);
    expect(Object(second.body).error_msg).toContain("over the limit of 1572864");
    const deep: unknown = JSON.parse(`${'{"a":'.repeat(40)}1${"}".repeat(40)}`);
    const path = `/routes/grown/plugins/cors${"/a".repeat(30)}`;
    const nested = await admin.call("PATCH", path, deep);
    expect(nested.status).toBe(400);
    expect(Object(nested.body).error_msg).toContain("nested deeper than 64 levels");
  });

  test("with a ttl disappear by themselves, and stay when written again without", async () => {
    await admin.call("PUT", "/routes/brief?ttl=1", route);
    await admin.call("PUT", "/routes/kept?ttl=1", route);
    await admin.call("PUT", "/routes/kept", route);
    const posted = await admin.call("POST", "/routes?ttl=1", route);
    const deadline = Date.now() + 30_000;
    const isGone = async (id: unknown) =>
      (await admin.call("GET", `/routes/${String(id)}`)).status === 404;
    while (!((await isGone("brief")) && (await isGone(storedValue(posted)["id"])))) {
      expect(Date.now()).toBeLessThan(deadline);
      await Bun.sleep(50);
    }
    expect(await isGone("kept")).toBe(false);
  });

  test("to a consumer's end take its credentials along", async () => {
    await admin.call("PUT", "/consumers", { username: "owner" });
    await admin.call("PUT", "/consumers", { username: "owner2" });
    await admin.call("PUT", "/consumers/owner2/credentials/c", { plugins: {} });
    await bed.store.transact({
      comparisons: [],
      operations: Array.from({ length: 100 }, (_, n) => ({
        kind: "put",
        key: `/apisix/consumers/owner/credentials/c${n}`,
        value: "{}",
      })),
    });
    for (let n = 100; n < 130; n++) {
      await admin.call("PUT", `/consumers/owner/credentials/c${n}`, { plugins: {} });
    }
    expect((await bed.store.list("/apisix/consumers/owner/")).entries.length).toBe(130);
    expect((await admin.call("DELETE", "/consumers/owner")).status).toBe(200);
    expect((await bed.store.list("/apisix/consumers/owner/")).entries).toEqual([]);
    expect((await admin.call("GET", "/consumers/owner2/credentials/c")).status).toBe(200);
  });

  test("leave alone what APISIX keeps beside resources", async () => {
    const foreign = [
      ["/apisix/routes/", "init_dir"],
      ["/apisix/plugins", '[{"name":"cors"}]'],
      ["/apisix/data_plane/server_info/x", "{}"],
    ] as const;
    await bed.store.transact({
      comparisons: [],
      operations: foreign.map(([key, value]) => ({ kind: "put", key, value })),
    });
    const { body } = await admin.call("GET", "/routes");
    expect(JSON.stringify(body)).not.toContain("init_dir");
    await admin.call("PUT", "/plugins/reload");
    for (const [key, value] of foreign) expect((await bed.store.get(key))?.value).toBe(value);
  });
});

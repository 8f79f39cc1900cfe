import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import fixture from "./fixtures/apisix-transcript.json" with { type: "json" };
import { type AdminBed, adminKey, startAdmin, viewerKey } from "./testbed/admin-bed.ts";
import { type StoreBed, storeBeds } from "./testbed/store-beds.ts";

setDefaultTimeout(60_000);
const upstream = { nodes: { "127.0.0.1:80": 1 } };
const route = (id: string, more: object = {}) => ({ id, uri: `/${id}`, upstream, ...more });

describe.each(storeBeds)("standalone on %s", (_, start) => {
  let bed: StoreBed;
  let admin: AdminBed;

  beforeAll(async () => {
    bed = await start();
    admin = startAdmin(bed.store, { standalone: true, now: () => 1_700_000_000_000 });
  });
  afterAll(async () => {
    await admin?.stop();
    await bed?.stop();
  });
  beforeEach(async () => {
    const { entries } = await bed.store.list("/apisix/");
    for (let start = 0; start < entries.length; start += 100) {
      await bed.store.transact({
        comparisons: [],
        operations: entries.slice(start, start + 100).map(({ key }) => ({ kind: "delete", key })),
      });
    }
  });

  const put = (config: object | string, digest: string, more: Record<string, string> = {}) =>
    admin.call("PUT", "/configs", config, { "X-API-KEY": adminKey, "X-Digest": digest, ...more });
  const resourceKeys = async () =>
    (await bed.store.list("/apisix/")).entries
      .map(({ key }) => key.slice("/apisix/".length))
      .filter((key) => key !== "standalone_state");

  test("before the first configuration every version is 0", async () => {
    const { status, body, headers } = await admin.call("GET", "/configs");
    expect(status).toBe(200);
    expect(Object(body)).toMatchObject({ routes_conf_version: 0, plugins_conf_version: 0 });
    expect(Object.values(Object(body)).every((value) => value === 0)).toBe(true);
    expect(headers.has("x-last-modified")).toBe(false);
    expect(headers.has("x-api-version")).toBe(false);
  });

  test("a configuration is taken, stored as resources, and given back", async () => {
    const config = {
      routes: [route("a", { modifiedIndex: 7 }), route("b")],
      consumers: [
        { username: "jack", modifiedIndex: 8 },
        { id: "jack/credentials/c", plugins: { "key-auth": { key: "k" } }, modifiedIndex: 9 },
      ],
      secrets: [{ id: "vault/1", uri: "a", prefix: "b", token: "c" }],
      plugin_metadata: [{ id: "http-logger", log_format: { a: "$b" } }],
      routes_conf_version: 1_700_000_000_123,
    };
    const reply = await put(config, "d1");
    expect({ status: reply.status, body: reply.body }).toEqual({ status: 202, body: "" });
    expect(reply.headers.get("x-digest")).toBe("d1");
    expect(reply.headers.get("x-last-modified")).toBe("1700000000");
    expect(await resourceKeys()).toEqual([
      "consumers/jack",
      "consumers/jack/credentials/c",
      "plugin_metadata/http-logger",
      "routes/a",
      "routes/b",
      "secrets/vault/1",
    ]);
    // What serves these must find nothing in them that APISIX would refuse.
    const stored = await bed.store.get("/apisix/routes/a");
    expect(JSON.parse(stored?.value ?? "")).toEqual(route("a"));
    const credential = await bed.store.get("/apisix/consumers/jack/credentials/c");
    expect(JSON.parse(credential?.value ?? "")).toEqual({
      id: "c",
      plugins: { "key-auth": { key: "k" } },
    });

    const read = await admin.call("GET", "/configs");
    expect(read.headers.get("x-digest")).toBe("d1");
    expect(read.body).toMatchObject({
      ...config,
      consumers_conf_version: 1,
      "X-Digest": "d1",
      "X-Last-Modified": 1_700_000_000,
    });
    const head = await admin.call("HEAD", "/configs");
    expect(head.status).toBe(200);
    expect(head.headers.get("x-digest")).toBe("d1");
  });

  test("the same digest changes nothing, whatever comes with it", async () => {
    await put({ routes: [route("a")] }, "d1");
    const reply = await put({ routes: [] }, "d1");
    expect(reply.status).toBe(204);
    expect(await resourceKeys()).toEqual(["routes/a"]);
  });

  test("lists that are not sent are emptied, and those of the present version kept", async () => {
    await put({ routes: [route("a")], services: [{ id: "s" }], routes_conf_version: 5 }, "d1");
    await put({ routes: [route("other")], routes_conf_version: 5 }, "d2");
    expect(await resourceKeys()).toEqual(["routes/a"]);
    const { body } = await admin.call("GET", "/configs");
    expect(body).toMatchObject({ routes_conf_version: 5, services_conf_version: 2 });
    expect(body).not.toHaveProperty("services");
  });

  test("what did not change is not written again", async () => {
    await put({ routes: [route("a"), route("b")] }, "d1");
    const before = await bed.store.get("/apisix/routes/a");
    await put({ routes: [route("a"), route("b", { desc: "new" })] }, "d2");
    expect(await bed.store.get("/apisix/routes/a")).toEqual(before);
    expect((await bed.store.get("/apisix/routes/b"))?.value).toContain("new");
  });

  const refused: readonly (readonly [string, object, string])[] = [
    [
      "a version that is none",
      { routes_conf_version: "1" },
      "routes_conf_version must be a number",
    ],
    [
      "an older version",
      { routes_conf_version: 4 },
      "routes_conf_version must be greater than or equal to (5)",
    ],
    [
      "an item that is bad",
      { routes: [route("a"), { id: "b", uri: 5 }] },
      'invalid routes at index 1, err: invalid configuration: property "uri" validation failed: wrong type: expected string, got number',
    ],
    [
      "an item that is none",
      { routes: [null] },
      "invalid routes at index 0, err: invalid configuration: wrong type: expected object, got userdata",
    ],
    ["an id twice", { routes: [route("a"), route("a")] }, "found duplicate id a in routes"],
    [
      "a username twice",
      { consumers: [{ username: "a" }, { username: "a" }] },
      "found duplicate username a in consumers",
    ],
    [
      "a name that a nameless item has",
      { services: [{}, { id: "arr_1" }] },
      "found duplicate id arr_1 in services",
    ],
    [
      "a plugin nobody knows",
      { plugins: [{ name: "nope" }] },
      "invalid plugins at index 0, err: unknown plugin [nope]",
    ],
  ];
  test.each(refused)("%s is refused, and nothing is changed", async (_name, config, error_msg) => {
    await put({ routes: [route("kept")], routes_conf_version: 5 }, "d1");
    const before = (await bed.store.list("/apisix/")).entries;
    const reply = await put(config, "d2");
    expect({ status: reply.status, body: reply.body }).toEqual({
      status: 400,
      body: { error_msg },
    });
    expect((await bed.store.list("/apisix/")).entries).toEqual([...before]);
  });

  test("a digest, a body and a key of an admin are needed", async () => {
    const withoutDigest = await admin.call("PUT", "/configs", {});
    expect(withoutDigest.body).toEqual({ error_msg: "missing digest header" });
    const empty = await put("", "d1");
    expect(empty.body).toEqual({ error_msg: "invalid request body: empty request body" });
    const viewer = { "X-API-KEY": viewerKey, "X-Digest": "d1" };
    expect((await admin.call("PUT", "/configs", {}, viewer)).status).toBe(401);
    expect((await admin.call("HEAD", "/configs", undefined, viewer)).status).toBe(200);
    expect((await admin.call("HEAD", "/configs", undefined, {})).status).toBe(401);
  });

  test("there are no endpoints of single resources", async () => {
    for (const path of ["/routes", "/schema/route", "/plugins/list"]) {
      const reply = await admin.call("GET", path);
      expect({ status: reply.status, body: reply.body }).toEqual({
        status: 404,
        body: { error_msg: "not found" },
      });
    }
    expect((await admin.call("POST", "/configs/validate", {})).status).toBe(200);
  });

  test("may be spoken to in YAML", async () => {
    const type = { "Content-Type": "application/yaml" };
    const text = `routes:\n  - id: a\n    uri: "/a"\n    upstream:\n      nodes: {"127.0.0.1:80": 1}\n`;
    expect((await put(text, "d1", type)).status).toBe(202);
    const read = await admin.call("GET", "/configs", undefined, {
      "X-API-KEY": adminKey,
      Accept: "application/yaml",
    });
    expect(read.headers.get("content-type")).toBe("application/yaml");
    const config = Bun.YAML.parse(String(read.body));
    expect(config).toMatchObject({ routes: [route("a")], routes_conf_version: 1 });
  });

  test("more resources than one transaction of etcd takes are taken all the same", async () => {
    const many = Array.from({ length: 1_000 }, (_value, n) =>
      route(`r${n}`, { desc: "x".repeat(200) }),
    );
    expect((await put({ routes: many, services: [{ id: "s" }] }, "d1")).status).toBe(202);
    expect(await resourceKeys()).toHaveLength(1_001);
    expect((await put({ routes: many.slice(500) }, "d2")).status).toBe(202);
    expect(await resourceKeys()).toHaveLength(500);
    expect((await admin.call("HEAD", "/configs")).headers.get("x-digest")).toBe("d2");
  });

  test("of two configurations at the same moment one is stored after the other, whole", async () => {
    const replies = await Promise.all(
      ["x", "y", "z"].map((name) =>
        put({ routes: [route(name)], services: [{ id: name }] }, `digest-${name}`),
      ),
    );
    expect(replies.map(({ status }) => status)).toEqual([202, 202, 202]);
    const winner = (await admin.call("HEAD", "/configs")).headers.get("x-digest")?.slice(-1);
    expect(await resourceKeys()).toEqual([`routes/${winner}`, `services/${winner}`]);
  });

  test("private keys are given back to admins, who need them to send them back", async () => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const key = String(privateKey.export({ type: "pkcs8", format: "pem" }));
    const { cert } = fixture.stored["/apisix/ssls/1"];
    expect((await put({ ssls: [{ id: "1", cert, key, snis: ["a"] }] }, "d1")).status).toBe(202);
    const asAdmin = await admin.call("GET", "/configs");
    expect(JSON.stringify(asAdmin.body)).toContain("PRIVATE KEY");
    const asViewer = await admin.call("GET", "/configs", undefined, { "X-API-KEY": viewerKey });
    expect(JSON.stringify(asViewer.body)).not.toContain("PRIVATE KEY");
    expect(JSON.stringify(asViewer.body)).toContain("CERTIFICATE");
  });
});

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createLog, defaultSettings, displayUrl, startGateway } from "@catena/gateway";
import { openStore } from "@catena/store";
import { freePort } from "@catena/testkit";
import { Validator } from "@seriousme/openapi-schema-validator";
import { call, ref } from "./bed/chain-bed.ts";
import { type GatewayBed, startGatewayBed } from "./bed/gateway-bed.ts";
import { type Service, startService } from "./bed/service.ts";
import { type StoreBed, storeKinds } from "./bed/stores.ts";

const chain = {
  v: 1,
  input: {
    query: { type: "object", properties: { lang: { type: "string" } } },
  },
  steps: [
    {
      name: "user",
      call: {
        ...call("GET", "/users/{id}"),
        params: { id: ref("input", "params", "id") },
        response: { type: "object", properties: { id: { type: "string" } }, required: ["id"] },
      },
    },
  ],
  reply: { body: { user: ref("user", "id") } },
};

/** What a page answered, after a validator found it to be OpenAPI 3.1. */
async function validDocument(url: string) {
  const response = await fetch(url);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("application/json");
  const document = JSON.parse(await response.text());
  const validator = new Validator();
  expect(await validator.validate(structuredClone(document))).toEqual({ valid: true });
  expect(validator.version).toBe("3.1");
  return document;
}

describe.each(storeKinds)("the OpenAPI document of a gateway, with $name", ({ start }) => {
  let storeBed: StoreBed;
  let bed: GatewayBed;
  let service: Service;

  beforeAll(async () => {
    storeBed = await start();
    bed = await startGatewayBed({
      storeUrl: storeBed.url,
      settings: { router: "radixtree_uri_with_parameter" },
    });
    service = startService(({ target }) => Response.json({ id: "7", target }));
    await bed.put({
      "upstreams/svc": { nodes: { [service.node]: 1 } },
      "routes/user": { uri: "/users/:id", methods: ["GET"], plugins: { "proxy-chain": chain } },
      "routes/any": { uri: "/any/*", upstream_id: "svc" },
    });
  });

  afterAll(async () => {
    await bed.stop();
    await storeBed.stop();
    await service.stop();
  });

  test("is on the Control API, tells what a chain takes and replies, and where it is served", async () => {
    const document = await validDocument(`${bed.controlUrl}/openapi.json`);
    expect(document.servers).toEqual([{ url: bed.url }]);
    expect(Object.keys(document.paths)).toEqual(["/any/{path}", "/users/{id}"]);
    expect(document.paths["/users/{id}"].get).toMatchObject({
      operationId: "user",
      parameters: [
        { name: "id", in: "path", required: true },
        { name: "lang", in: "query", required: false },
      ],
    });
    const { responses } = document.paths["/users/{id}"].get;
    const { schema } = responses[200].content["application/json"];
    // What is described is what is answered.
    const answer = await (await fetch(`${bed.url}/users/7?lang=de`)).json();
    expect(answer).toEqual({ user: "7" });
    expect(Object.keys(schema.properties)).toEqual(["user"]);
  });

  test("follows the configuration", async () => {
    await bed.put({ "routes/later": { uri: "/later", methods: ["POST"], upstream_id: "svc" } });
    const { paths } = await validDocument(`${bed.controlUrl}/openapi.json`);
    expect(Object.keys(paths["/later"])).toEqual(["post"]);
    await bed.put({ "routes/later": null });
    const after = await validDocument(`${bed.controlUrl}/openapi.json`);
    expect(after.paths).not.toHaveProperty("/later");
  });

  test("is not on the data plane, unless a route publishes it", async () => {
    const page = `${bed.url}/openapi.json`;
    expect((await fetch(page)).status).toBe(404);
    await bed.put({ "routes/docs": { uri: "/openapi.json", plugins: { "public-api": {} } } });
    const document = await validDocument(page);
    expect(document.servers).toEqual([{ url: "/" }]);
    expect(document.paths["/openapi.json"].get.responses).toHaveProperty("200");
    const head = await fetch(page, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    expect((await fetch(page, { method: "POST" })).status).toBe(404);
    await bed.put({ "routes/docs": null });
    expect((await fetch(page)).status).toBe(404);
  });

  test("can be published elsewhere, and for those who are known alone", async () => {
    await bed.put({
      "consumers/jack": { username: "jack", plugins: { "key-auth": { key: "auth-one" } } },
      "routes/docs": {
        uri: "/internal/api",
        plugins: { "public-api": { uri: "/openapi.json" }, "key-auth": {} },
      },
    });
    const page = `${bed.url}/internal/api`;
    expect((await fetch(page)).status).toBe(401);
    const answer = await fetch(page, { headers: { apikey: "auth-one" } });
    expect(answer.status).toBe(200);
    const { paths, components } = JSON.parse(await answer.text());
    expect(paths["/internal/api"].get.security).toEqual([{ "key-auth-apikey": [] }]);
    expect(components.securitySchemes).toHaveProperty("key-auth-apikey");
    await bed.put({ "routes/docs": null, "consumers/jack": null });
  });

  test("leaves a path of that name to the route that has it", async () => {
    await bed.put({ "routes/own": { uri: "/openapi.json", upstream_id: "svc" } });
    expect(await (await fetch(`${bed.url}/openapi.json`)).json()).toMatchObject({
      target: "/openapi.json",
    });
    await bed.put({ "routes/own": null });
  });

  test("tells no secret", async () => {
    await bed.put({
      "routes/secret": {
        uri: "/secret",
        methods: ["GET"],
        plugins: {
          "proxy-rewrite": { headers: { set: { "X-Token": "hush-hush" } } },
          "proxy-chain": {
            v: 1,
            steps: [{ name: "a", call: { ...call("GET", "/x"), headers: { token: "hush-hush" } } }],
            reply: { body: { a: "hush-hush", b: ref("a") } },
          },
        },
      },
    });
    const document = await validDocument(`${bed.controlUrl}/openapi.json`);
    expect(document.paths).toHaveProperty("/secret");
    expect(JSON.stringify(document)).not.toContain("hush");
    expect(JSON.stringify(document)).not.toContain(service.node);
    await bed.put({ "routes/secret": null });
  });
});

test("a gateway that has read nothing yet has no document, rather than an empty one", async () => {
  const store = openStore(`etcd://127.0.0.1:${await freePort()}`);
  const settings = { ...defaultSettings, listen: "127.0.0.1:0", controlListen: "127.0.0.1:0" };
  const gateway = startGateway({
    settings: { ...settings, drainSeconds: 0 },
    store,
    log: createLog(() => undefined),
  });
  const response = await fetch(`${displayUrl(gateway.controlListen)}/openapi.json`);
  expect(response.status).toBe(503);
  expect(await response.json()).toEqual({
    error_msg: expect.stringContaining("no configuration yet"),
  });
  await gateway.stop();
  await store.close();
});

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type GatewayBed, startGatewayBed, until } from "./bed/gateway-bed.ts";
import { type Service, startService } from "./bed/service.ts";
import { type StoreBed, storeKinds } from "./bed/stores.ts";

for (const kind of storeKinds) {
  describe(`the Control API, with ${kind.name}`, () => {
    let storeBed: StoreBed;
    let bed: GatewayBed;
    let healthy: Service;
    let failing: Service;
    let isFailing = true;

    beforeAll(async () => {
      storeBed = await kind.start();
      bed = await startGatewayBed({ storeUrl: storeBed.url });
      healthy = startService(() => new Response("ok"));
      failing = startService(() => new Response("", { status: isFailing ? 500 : 200 }));
      await bed.put({
        "routes/1": { id: "1", uri: "/checked", upstream_id: "u" },
        "services/s": { id: "s", upstream_id: "u" },
        "upstreams/u": {
          id: "u",
          type: "roundrobin",
          nodes: { [healthy.node]: 1, [failing.node]: 1 },
          checks: {
            active: {
              type: "http",
              http_path: "/health",
              healthy: { interval: 1, successes: 1 },
              unhealthy: { interval: 1, http_failures: 1 },
            },
          },
        },
        "upstreams/plain": { id: "plain", type: "roundrobin", nodes: { [healthy.node]: 1 } },
        "plugin_metadata/http-logger": { log_format: { host: "$host" } },
      });
    });

    afterAll(async () => {
      await bed.stop();
      await storeBed.stop();
      await healthy.stop();
      await failing.stop();
    });

    const get = async (path: string, accept = "*/*") => {
      const response = await fetch(bed.controlUrl + path, { headers: { accept } });
      const text = await response.text();
      const isJson = response.headers.get("content-type")?.includes("json") === true;
      return { status: response.status, body: isJson ? JSON.parse(text) : text };
    };

    test("lists what is loaded, as stored", async () => {
      const route = expect.objectContaining({
        key: "/apisix/routes/1",
        value: { id: "1", uri: "/checked", upstream_id: "u" },
        createdIndex: expect.any(Number),
        modifiedIndex: expect.any(Number),
      });
      expect(await get("/v1/routes")).toEqual({ status: 200, body: [route] });
      expect(await get("/v1/route/1")).toEqual({ status: 200, body: route });
      expect((await get("/v1/upstreams")).body).toHaveLength(2);
      expect((await get("/v1/service/s")).body.value).toEqual({ id: "s", upstream_id: "u" });
      expect((await get("/v1/plugin_metadatas")).body).toEqual([{ log_format: { host: "$host" } }]);
      expect((await get("/v1/plugin_metadata/http-logger")).status).toBe(200);
    });

    test("GET /v1/schema tells the schemas of resources and plugins", async () => {
      const { status, body } = await get("/v1/schema");
      expect({ status, members: Object.keys(body).sort() }).toEqual({
        status: 200,
        members: ["main", "plugins", "stream_plugins"],
      });
      expect(Object.keys(body.main).sort()).toEqual([
        "consumer",
        "consumer_group",
        "global_rule",
        "plugin_config",
        "plugins",
        "proto",
        "route",
        "service",
        "ssl",
        "stream_route",
        "upstream",
        "upstream_hash_header_schema",
        "upstream_hash_vars_schema",
      ]);
      expect(body.main.route).toMatchObject({ type: "object", properties: { uri: {}, vars: {} } });
      expect(body.plugins["key-auth"]).toMatchObject({
        version: 0.1,
        priority: 2500,
        type: "auth",
        schema: { type: "object", properties: { _meta: { properties: { disable: {} } } } },
        consumer_schema: { properties: { key: {} }, encrypt_fields: ["key"] },
      });
      expect(body.plugins.cors).toMatchObject({ priority: 4000, metadata_schema: {} });
      expect(body.plugins.echo).not.toHaveProperty("consumer_schema");
    });

    test("several owners are told apart in the health of nodes, by their keys in the store", async () => {
      const upstream = {
        nodes: { [healthy.node]: 1 },
        checks: { active: { type: "tcp", healthy: { interval: 1 }, unhealthy: { interval: 1 } } },
      };
      await bed.put({
        "routes/own": { id: "own", uri: "/own", upstream },
        "services/own": { id: "own", upstream },
        "routes/by-service": { id: "by-service", uri: "/by-service", service_id: "own" },
      });
      expect((await fetch(`${bed.url}/own`)).status).toBe(200);
      expect((await fetch(`${bed.url}/by-service`)).status).toBe(200);
      for (const name of ["routes/own", "services/own"]) {
        const path = `/v1/healthcheck/${name}`;
        await until(async () => (await get(path)).body.nodes.length === 1);
        expect((await get(path)).body).toEqual({
          name: `/apisix/${name}`,
          type: "tcp",
          nodes: [
            {
              ip: "127.0.0.1",
              port: Number(healthy.node.split(":")[1]),
              hostname: "127.0.0.1",
              status: "healthy",
              counter: {
                success: expect.any(Number),
                http_failure: 0,
                tcp_failure: 0,
                timeout_failure: 0,
              },
            },
          ],
        });
        const page = await get(path, "text/html");
        expect(page.body).toContain(`/apisix/${name}`);
      }
      await bed.put({ "routes/own": null, "routes/by-service": null, "services/own": null });
      expect((await get("/v1/healthcheck/routes/own")).status).toBe(404);
    });

    test.each([
      ["/v1/route/x", 404, "route[x] not found"],
      ["/v1/service/x", 404, "service[x] not found"],
      ["/v1/upstream/x", 404, "upstream[x] not found"],
      ["/v1/plugin_metadata/x", 404, "plugin metadata[x] not found"],
      ["/v1/healthcheck/foo/1", 400, "invalid src type foo"],
      ["/v1/healthcheck/routes", 404, "missing src id for src type routes"],
      ["/v1/healthcheck/routes/x", 404, "routes[x] not found"],
      ["/v1/healthcheck/routes/1", 404, "no checker for routes[1]"],
      ["/v1/healthcheck/upstreams/plain", 404, "no checker for upstreams[plain]"],
      ["/v1/healthcheck/stream_routes/1", 404, "stream_routes[1] not found"],
      ["/v1/healthcheck/consumers/1", 400, "invalid src type consumers"],
      ["/v1/nothing", 404, "not found"],
    ])("%s is answered as APISIX words it", async (path, status, message) => {
      expect(await get(path)).toEqual({ status, body: { error_msg: message } });
    });

    test("shows the health of nodes once an upstream was used, and takes failing ones out", async () => {
      expect((await get("/v1/healthcheck")).body).toEqual([
        { name: "/apisix/upstreams/u", type: "http", nodes: [] },
      ]);
      await (await fetch(`${bed.url}/checked`)).text();
      const statuses = async () =>
        Object.fromEntries(
          (
            (await get("/v1/healthcheck/upstreams/u")).body.nodes as {
              port: number;
              status: string;
            }[]
          ).map(({ port, status }) => [`127.0.0.1:${port}`, status]),
        );
      await until(async () => (await statuses())[failing.node] === "unhealthy");
      expect((await statuses())[healthy.node]).toBe("healthy");
      for (let i = 0; i < 6; i++) expect((await fetch(`${bed.url}/checked`)).status).toBe(200);
      const page = await get("/v1/healthcheck", "text/html");
      expect(page.body).toContain("<h1>Upstream health</h1>");
      expect(page.body).toContain(failing.node);
      isFailing = false;
      await until(async () => (await statuses())[failing.node] === "healthy");
    }, 60_000);

    test("PUT /v1/plugins/reload is done at once", async () => {
      const response = await fetch(`${bed.controlUrl}/v1/plugins/reload`, { method: "PUT" });
      expect({ status: response.status, body: await response.text() }).toEqual({
        status: 200,
        body: "done",
      });
    });

    test("POST /v1/gc is answered with nothing", async () => {
      const response = await fetch(`${bed.controlUrl}/v1/gc`, { method: "POST" });
      expect({ status: response.status, body: await response.text() }).toEqual({
        status: 200,
        body: "",
      });
    });
  });
}

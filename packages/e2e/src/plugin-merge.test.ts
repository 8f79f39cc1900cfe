import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type GatewayBed, startGatewayBed } from "./bed/gateway-bed.ts";
import { type Service, startEcho } from "./bed/service.ts";
import { type StoreBed, storeKinds } from "./bed/stores.ts";

const limitConn = { conn: 1, burst: 0, default_conn_delay: 0.001, key: "remote_addr" };

for (const kind of storeKinds) {
  describe(`plugins of several resources, configured in ${kind.name}`, () => {
    let storeBed: StoreBed;
    let bed: GatewayBed;
    let echo: Service;
    let upstream: Readonly<Record<string, unknown>>;

    beforeAll(async () => {
      storeBed = await kind.start();
      bed = await startGatewayBed({ storeUrl: storeBed.url });
      echo = startEcho();
      upstream = { type: "roundrobin", nodes: { [echo.node]: 1 } };
    });

    afterAll(async () => {
      await bed.stop();
      await storeBed.stop();
      await echo.stop();
    });

    const get = async (path: string, headers: Readonly<Record<string, string>> = {}) => {
      const response = await fetch(bed.url + path, { headers });
      return { status: response.status, headers: response.headers, body: await response.text() };
    };
    const says = (value: string) => ({
      "response-rewrite": { headers: { set: { "x-by": value } } },
    });

    test("consumer over group over route over plugin config over service", async () => {
      await bed.put({
        "services/s": { plugins: says("service"), upstream },
        "plugin_configs/p": { id: "p", plugins: says("plugin config") },
        "consumer_groups/g": { id: "g", plugins: says("group") },
        "consumers/plain": { username: "plain", plugins: { "key-auth": { key: "k-plain" } } },
        "consumers/member": {
          username: "member",
          group_id: "g",
          plugins: { "key-auth": { key: "k-member" } },
        },
        "consumers/own": {
          username: "own",
          group_id: "g",
          plugins: { "key-auth": { key: "k-own" }, ...says("consumer") },
        },
        "routes/service": { uri: "/service", service_id: "s" },
        "routes/config": { uri: "/config", service_id: "s", plugin_config_id: "p" },
        "routes/route": {
          uri: "/route",
          service_id: "s",
          plugin_config_id: "p",
          plugins: { ...says("route"), "key-auth": {} },
        },
      });
      const by = async (path: string, key?: string) =>
        (await get(path, key === undefined ? {} : { apikey: key })).headers.get("x-by");
      expect(await by("/service")).toBe("service");
      expect(await by("/config")).toBe("plugin config");
      expect(await by("/route", "k-plain")).toBe("route");
      expect(await by("/route", "k-member")).toBe("group");
      expect(await by("/route", "k-own")).toBe("consumer");
      await bed.put({ "consumer_groups/g": { id: "g", plugins: says("changed group") } });
      expect(await by("/route", "k-member")).toBe("changed group");
      await bed.put({ "consumer_groups/g": null });
      expect((await get("/route", { apikey: "k-member" })).status).toBe(503);
    });

    test("a plugin that only the consumer has rewrites the request too", async () => {
      await bed.put({
        "consumers/c": {
          username: "c",
          plugins: {
            "key-auth": { key: "k-c" },
            "proxy-rewrite": { headers: { set: { "x-tier": "gold" } } },
          },
        },
        "routes/r": { uri: "/rewritten", plugins: { "key-auth": {} }, upstream },
      });
      const { body } = await get("/rewritten", { apikey: "k-c" });
      expect(JSON.parse(body).headers["x-tier"]).toBe("gold");
    });

    test("global rules run for every request, those without a route included", async () => {
      await bed.put({
        "routes/r": { uri: "/ruled", upstream },
        "global_rules/1": { id: "1", plugins: says("global") },
      });
      expect((await get("/ruled")).headers.get("x-by")).toBe("global");
      expect(await get("/nowhere")).toMatchObject({ status: 404 });
      expect((await get("/nowhere")).headers.get("x-by")).toBe("global");
      await bed.put({ "global_rules/2": { id: "2", plugins: says("second") } });
      expect((await get("/ruled")).headers.get("x-by")).toBeNull();
      await bed.put({ "global_rules/1": null, "global_rules/2": null });
      expect((await get("/nowhere")).headers.get("x-by")).toBeNull();
    });

    test("_meta.filter decides for whom a plugin runs, _meta.error_response what it says", async () => {
      await bed.put({
        "routes/filtered": {
          uri: "/filtered",
          plugins: {
            "response-rewrite": {
              headers: { set: { "x-by": "filtered" } },
              _meta: { filter: [["arg_on", "==", "1"]] },
            },
            "key-auth": { _meta: { error_response: { message: "who are you?" } } },
          },
          upstream,
        },
      });
      const refused = await get("/filtered");
      expect(refused).toMatchObject({ status: 401, body: '{"message":"who are you?"}\n' });
      expect((await get("/filtered?on=1", { apikey: "k-c" })).headers.get("x-by")).toBe("filtered");
      expect((await get("/filtered?on=0", { apikey: "k-c" })).headers.get("x-by")).toBeNull();
    });

    test("a plugin this build lacks keeps its route from being served, unless it only watches", async () => {
      await bed.put({
        "routes/unknown": { uri: "/unknown", plugins: { "authz-keycloak": {} }, upstream },
        "routes/watched": { uri: "/watched", plugins: { zipkin: {} }, upstream },
      });
      expect((await get("/unknown")).status).toBe(503);
      expect(bed.logged).toContainEqual(
        expect.objectContaining({ message: "a plugin can't run", plugin: "authz-keycloak" }),
      );
      expect((await get("/watched")).status).toBe(200);
      await bed.put({ "routes/unknown": null, "routes/watched": null });
    });

    test("/status says what can't be served and why, until that is mended", async () => {
      const unserved = () => bed.gateway.status().unserved;
      const plan = (id: string, plugins: unknown) => ({ uri: `/${id}`, plugins, upstream });
      await bed.put({
        "services/unserved": { plugins: { "authz-keycloak": {} } },
        "routes/by-service": { uri: "/by-service", service_id: "unserved", upstream },
        "routes/off": plan("off", { "authz-keycloak": { _meta: { disable: true } } }),
        "routes/watched": plan("watched", { zipkin: {} }),
        "consumers/foreign": { username: "foreign", plugins: { "ldap-auth": {} } },
        "routes/kafka": { uri: "/kafka", upstream: { ...upstream, scheme: "kafka" } },
      });
      const unknown = {
        resource: "services/unserved",
        reason:
          "authz-keycloak: this build has no such plugin; remove it, or set unknownPlugins to skip",
      };
      expect(unserved()).toEqual([unknown]);
      expect((await get("/by-service")).status).toBe(503);
      expect((await get("/off")).status).toBe(200);
      expect((await get("/kafka")).status).toBe(503);
      expect(unserved()).toEqual([
        unknown,
        { resource: "routes/kafka", reason: expect.stringContaining("over kafka are not served") },
      ]);
      await bed.put({
        "services/unserved": { plugins: {} },
        "routes/kafka": { uri: "/kafka", upstream },
      });
      expect(unserved()).toEqual([]);
      expect((await get("/by-service")).status).toBe(200);
      expect((await get("/kafka")).status).toBe(200);
    });

    test("a place that a limit of the route holds is given back, whatever the consumer brings", async () => {
      await bed.put({
        "consumers/noted": {
          username: "noted",
          plugins: { "key-auth": { key: "k-noted" }, "ldap-auth": {}, ...says("noted") },
        },
        "routes/noted": {
          uri: "/noted",
          plugins: { "key-auth": {}, "limit-conn": limitConn },
          upstream,
        },
      });
      for (let i = 0; i < 3; i++) {
        const reply = await get("/noted", { apikey: "k-noted" });
        expect([reply.status, reply.headers.get("x-by")]).toEqual([200, "noted"]);
      }
      // A key that changes and a plugin that is taken away count from the next request on.
      await bed.put({
        "consumers/noted": { username: "noted", plugins: { "key-auth": { key: "k-new" } } },
      });
      expect((await get("/noted", { apikey: "k-noted" })).status).toBe(401);
      expect((await get("/noted", { apikey: "k-new" })).headers.get("x-by")).toBeNull();
    });

    test("a filter is asked again once it is known who asks", async () => {
      const filter = [["consumer_name", "==", "asked"]];
      await bed.put({
        "consumers/asked": {
          username: "asked",
          plugins: { "key-auth": { key: "k-asked" }, ...says("asked") },
        },
        "routes/asked": {
          uri: "/asked",
          plugins: {
            "key-auth": {},
            "request-id": { header_name: "x-filtered", _meta: { filter: [["uri", "==", "/no"]] } },
            echo: { after_body: "!", headers: { "x-echo": "1" }, _meta: { filter } },
          },
          upstream,
        },
      });
      const reply = await get("/asked", { apikey: "k-asked" });
      expect(reply.headers.get("x-echo")).toBe("1");
      expect(reply.headers.get("x-filtered")).toBeNull();
    });

    test("a service's limit counts for all of its routes, a route's for itself", async () => {
      const limit = { "limit-count": { count: 2, time_window: 3600, rejected_code: 429 } };
      await bed.put({
        "services/limited": { plugins: limit, upstream },
        "routes/l1": { uri: "/l1", service_id: "limited" },
        "routes/l2": { uri: "/l2", service_id: "limited" },
        "routes/l3": { uri: "/l3", service_id: "limited", plugins: limit },
      });
      const statuses = [];
      for (const path of ["/l1", "/l2", "/l1", "/l3"]) statuses.push((await get(path)).status);
      expect(statuses).toEqual([200, 200, 429, 200]);
    });

    test("plugins are told the names of route and service", async () => {
      const names = "$route_id|$route_name|$service_id|$service_name";
      const plugins = { "proxy-rewrite": { headers: { set: { "x-names": names } } } };
      await bed.put({
        "services/shop": { name: "the shop", plugins, upstream },
        "routes/of-service": { uri: "/of-service", name: "a route", service_id: "shop" },
        "routes/alone": { uri: "/alone", plugins, upstream },
        "routes/kept-out": {
          uri: "/kept-out",
          service_id: "shop",
          plugins: { "consumer-restriction": { type: "service_id", blacklist: ["shop"] } },
        },
      });
      const seen = async (path: string) => JSON.parse((await get(path)).body).headers["x-names"];
      expect(await seen("/of-service")).toBe("of-service|a route|shop|the shop");
      expect(await seen("/alone")).toBe("alone|||");
      expect((await get("/kept-out")).status).toBe(403);
    });

    test("a global rule follows the upstream that it calls", async () => {
      const [first, second] = [startEcho(), startEcho()];
      const nodes = (one: Service) => ({ id: "asked", nodes: { [one.node]: 1 } });
      await bed.put({
        "upstreams/asked": nodes(first),
        "global_rules/calls": {
          id: "calls",
          plugins: {
            "proxy-chain": { services: [{ uri: "http://asked/", upstream_id: "asked" }] },
          },
        },
        "routes/plain": { uri: "/plain", upstream },
      });
      expect((await get("/plain")).status).toBe(200);
      await bed.put({ "upstreams/asked": nodes(second) });
      expect((await get("/plain")).status).toBe(200);
      expect([first.seen.length, second.seen.length]).toEqual([1, 1]);
      await bed.put({ "global_rules/calls": null });
      await Promise.all([first.stop(), second.stop()]);
    });

    test("vars and addresses decide whether a route takes a request", async () => {
      await bed.put({
        "routes/gold": {
          uri: "/who",
          priority: 2,
          vars: [
            ["http_x_tier", "==", "gold"],
            ["OR", ["arg_n", ">", 5], ["arg_name", "~~", "^a+$"]],
          ],
          upstream,
          plugins: says("gold"),
        },
        "routes/elsewhere": {
          uri: "/who",
          priority: 1,
          remote_addrs: ["10.0.0.0/8", "fd00::/8"],
          upstream,
          plugins: says("elsewhere"),
        },
        "routes/here": { uri: "/who", remote_addr: "127.0.0.0/8", upstream, plugins: says("here") },
      });
      const by = async (query: string, tier: string) =>
        (await get(`/who${query}`, { "x-tier": tier })).headers.get("x-by");
      expect(await by("?n=6", "gold")).toBe("gold");
      expect(await by("?n=5", "gold")).toBe("here");
      expect(await by("?name=aaa", "gold")).toBe("gold");
      expect(await by("?n=6", "silver")).toBe("here");
    });

    test("a balancer by consumer header, and a vars expression that can't be read", async () => {
      const nodes = [startEcho(), startEcho(), startEcho()];
      await bed.put({
        "routes/hashed": {
          uri: "/hashed",
          upstream: {
            type: "chash",
            hash_on: "header",
            key: "x-user",
            nodes: Object.fromEntries(nodes.map((node) => [node.node, 1])),
          },
        },
      });
      for (const user of ["a", "b", "c", "d", "e", "f"]) {
        const seen = new Set<number>();
        for (let i = 0; i < 4; i++) {
          const before = nodes.map((node) => node.seen.length);
          await get("/hashed", { "x-user": user });
          seen.add(nodes.findIndex((node, at) => node.seen.length > (before[at] ?? 0)));
        }
        expect(seen.size).toBe(1);
      }
      expect(nodes.filter((node) => node.seen.length > 0).length).toBeGreaterThan(1);
      await bed.put({
        "routes/bad": { uri: "/bad", vars: [["arg_x", "??", "1"]], upstream },
      });
      expect((await get("/bad")).status).toBe(404);
      expect(bed.gateway.status().rejected).toContainEqual(
        expect.objectContaining({ key: "/apisix/routes/bad" }),
      );
      await Promise.all(nodes.map((node) => node.stop()));
    });
  });
}

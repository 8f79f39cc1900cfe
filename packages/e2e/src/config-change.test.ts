import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type GatewayBed, startGatewayBed } from "./bed/gateway-bed.ts";
import { type Service, startEcho, startService } from "./bed/service.ts";
import { type StoreBed, storeKinds } from "./bed/stores.ts";

for (const kind of storeKinds) {
  describe(`a configuration change through ${kind.name}`, () => {
    let storeBed: StoreBed;
    let bed: GatewayBed;
    let services: Service;
    let upstream: Service;

    beforeAll(async () => {
      storeBed = await kind.start();
      bed = await startGatewayBed({ storeUrl: storeBed.url });
      services = startService(({ target }) => Response.json({ [target.slice(1)]: target }));
      upstream = startEcho();
    });

    afterAll(async () => {
      await bed.stop();
      await storeBed.stop();
      await services.stop();
      await upstream.stop();
    });

    /** A chain whose three steps and upstream path all carry a version. */
    const version = (n: number) => ({
      "routes/order": {
        uri: "/order",
        plugins: {
          "proxy-chain": {
            services: ["a", "b", "c"].map((name) => ({ uri: `${services.url}/${name}-v${n}` })),
          },
        },
        upstream_id: "order",
      },
      "upstreams/order": {
        type: "roundrobin",
        pass_host: "rewrite",
        upstream_host: `v${n}.test`,
        nodes: { [upstream.node]: 1 },
      },
    });

    test("1,000 requests across 20 changes: none mixes two versions, none fails", async () => {
      await bed.put(version(0));
      const total = 1_000;
      let sent = 0;
      let changes = 0;
      let isOver = false;
      const seen = new Set<string>();
      const worker = async (): Promise<void> => {
        while ((sent < total || changes < 20) && !isOver) {
          sent += 1;
          const response = await fetch(`${bed.url}/order`, { method: "POST", body: "{}" });
          expect(response.status).toBe(200);
          const { body, headers } = (await response.json()) as {
            body: string;
            headers: Record<string, string>;
          };
          const versions = new Set(
            [...Object.keys(JSON.parse(body)), headers["host"] ?? ""].map(
              (text) => /v\d+/.exec(text)?.[0],
            ),
          );
          expect([...versions]).toHaveLength(1);
          seen.add([...versions][0] ?? "");
        }
      };
      const changer = async (): Promise<void> => {
        for (let n = 1; n <= 20; n++) {
          const due = (total / 25) * n;
          while (sent < due && !isOver) await Bun.sleep(0);
          await bed.put(version(n));
          // Each version serves for a while, however slow the store is beside the requests.
          while (!seen.has(`v${n}`) && !isOver) await Bun.sleep(0);
          changes += 1;
        }
      };
      try {
        await Promise.all([...Array.from({ length: 16 }, worker), changer()]);
      } finally {
        isOver = true;
      }
      expect(changes).toBe(20);
      expect(seen.size).toBe(21);
    });

    test("a request in flight ends with the configuration it began with", async () => {
      const gate = Promise.withResolvers<void>();
      const slow = startService(async ({ target }) => {
        if (target === "/slow") await gate.promise;
        return Response.json({ [target]: 1 });
      });
      await bed.put({
        "routes/order": {
          uri: "/order",
          plugins: {
            "proxy-chain": {
              services: [{ uri: `${slow.url}/slow` }, { uri: `${slow.url}/old` }],
            },
          },
          upstream: { type: "roundrobin", nodes: { [upstream.node]: 1 } },
        },
      });
      const pending = fetch(`${bed.url}/order`, { method: "POST", body: "{}" });
      while (slow.seen.length === 0) await Bun.sleep(1);
      await bed.put({ "routes/order": null });
      expect((await fetch(`${bed.url}/order`)).status).toBe(404);
      gate.resolve();
      const response = await pending;
      expect(response.status).toBe(200);
      expect(((await response.json()) as { body: string }).body).toBe('{"/slow":1,"/old":1}');
      await slow.stop();
    });

    test("an item that is not JSON is refused by itself; the rest serves", async () => {
      await bed.put({
        "routes/good": {
          uri: "/good",
          upstream: { type: "roundrobin", nodes: { [upstream.node]: 1 } },
        },
      });
      await bed.putRaw("routes/bad", '{"uri": "/bad",}');
      const status = bed.gateway.status();
      expect(status.rejected).toEqual([
        expect.objectContaining({ key: "/apisix/routes/bad", serving_previous: false }),
      ]);
      expect(status.rejected[0]?.reason).toContain("line 1, column 15");
      expect(bed.logged).toContainEqual(
        expect.objectContaining({ level: "error", key: "/apisix/routes/bad" }),
      );
      expect((await fetch(`${bed.url}/good`)).status).toBe(200);
      await bed.put({ "routes/bad": null });
      expect(bed.gateway.status().rejected).toEqual([]);
    });

    test("a bad version of a route leaves its previous version serving", async () => {
      const upstreamOf = { type: "roundrobin", nodes: { [upstream.node]: 1 } };
      await bed.put({ "routes/good": { uri: "/good", upstream: upstreamOf } });
      await bed.put({ "routes/good": { uri: "/good", upstream: { type: "roundrobin" } } });
      expect(bed.gateway.status().rejected).toEqual([
        expect.objectContaining({ key: "/apisix/routes/good", serving_previous: true }),
      ]);
      expect((await fetch(`${bed.url}/good`)).status).toBe(200);
      await bed.put({ "routes/good": null });
      expect((await fetch(`${bed.url}/good`)).status).toBe(404);
      expect(bed.gateway.status().rejected).toEqual([]);
    });

    test("what a Lua function or script decides is refused, not ignored", async () => {
      await bed.put({
        "routes/lua": {
          uri: "/lua",
          filter_func: "function(vars) return vars.arg_x == '1' end",
          upstream: { type: "roundrobin", nodes: { [upstream.node]: 1 } },
        },
      });
      expect(bed.gateway.status().rejected[0]?.reason).toContain("Lua code cannot run here");
      expect((await fetch(`${bed.url}/lua`)).status).toBe(404);
      await bed.put({ "routes/lua": null });
    });
  });
}

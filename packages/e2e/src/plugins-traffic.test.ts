import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type GatewayBed, startGatewayBed, until } from "./bed/gateway-bed.ts";
import { type Service, startService } from "./bed/service.ts";
import { type StoreBed, startSqlite } from "./bed/stores.ts";

let storeBed: StoreBed;
let bed: GatewayBed;
let own: Service;
let other: Service;

beforeAll(async () => {
  storeBed = await startSqlite();
  own = startService(() => new Response("own"));
  other = startService(() => new Response("other"));
  bed = await startGatewayBed({
    storeUrl: storeBed.url,
    settings: { resolver: { hosts: { "other.test": "127.0.0.1" }, ttlSeconds: 30 } },
  });
});

afterAll(async () => {
  await bed.stop();
  await storeBed.stop();
  await own.stop();
  await other.stop();
});

const serve = (plugins: Readonly<Record<string, unknown>>, extra = {}): Promise<void> =>
  bed.put({ "routes/r": { uri: "/*", plugins, upstream: { nodes: { [own.node]: 1 } }, ...extra } });

const get = async (path = "/"): Promise<string> => {
  const response = await fetch(`${bed.url}${path}`);
  return response.ok ? await response.text() : String(response.status);
};

describe("traffic-split", () => {
  const split = (weighted_upstreams: readonly object[], match?: readonly object[]) =>
    serve({ "traffic-split": { rules: [{ ...(match && { match }), weighted_upstreams }] } });

  test("shares requests between the route's upstream, a stored one and one of its own", async () => {
    await bed.put({ "upstreams/1": { nodes: { [other.node]: 1 } } });
    await split([{ upstream_id: 1 }, { upstream: { nodes: { [other.node]: 1 } } }, { weight: 2 }]);
    const answers: string[] = [];
    for (let i = 0; i < 8; i++) answers.push(await get());
    expect(answers.filter((answer) => answer === "other")).toHaveLength(4);
    expect(answers.filter((answer) => answer === "own")).toHaveLength(4);
  });

  test("follows what is stored: upstreams that come, change and go", async () => {
    await bed.put({ "upstreams/1": null });
    await split([{ upstream_id: "1" }]);
    expect(await get()).toBe("500");
    await bed.put({ "upstreams/1": { nodes: { [other.node]: 1 } } });
    expect(await get()).toBe("other");
    await bed.put({ "upstreams/1": { nodes: { [own.node]: 1 } } });
    expect(await get()).toBe("own");
    await bed.put({ "upstreams/1": { scheme: "kafka", nodes: { [own.node]: 1 } } });
    expect(await get()).toBe("503");
  });

  test("chooses by what the request says", async () => {
    await split(
      [{ upstream: { nodes: { [other.node]: 1 } } }],
      [{ vars: [["arg_beta", "==", "1"]] }, { vars: [["http_x_beta", "==", "1"]] }],
    );
    expect([await get("/?beta=1"), await get("/?beta=2")]).toEqual(["other", "own"]);
  });

  test("names nodes by DNS, passes on the Host that its upstream asks for, and tries again", async () => {
    const [, port] = other.node.split(":");
    const dead = startService(() => new Response("dead"));
    await dead.stop();
    await split([
      {
        upstream: {
          nodes: [
            { host: "127.0.0.1", port: Number(dead.node.split(":")[1]), weight: 1, priority: 1 },
            { host: "other.test", port: Number(port), weight: 1 },
          ],
          pass_host: "node",
        },
      },
    ]);
    expect(await get()).toBe("other");
    expect(other.seen.at(-1)?.headers["host"]).toBe(`other.test:${port}`);
  });

  test("checks the nodes of an upstream of its own", async () => {
    let isWell = false;
    const checked = startService(() => new Response("checked", { status: isWell ? 200 : 500 }));
    const active = {
      http_path: "/health",
      healthy: { interval: 1, successes: 1 },
      unhealthy: { interval: 1, http_failures: 1 },
    };
    await split([
      {
        upstream: {
          nodes: [
            { host: "127.0.0.1", port: Number(checked.node.split(":")[1]), weight: 1, priority: 1 },
            { host: "127.0.0.1", port: Number(other.node.split(":")[1]), weight: 1 },
          ],
          checks: { active },
        },
      },
    ]);
    await until(async () => (await get()) === "other");
    isWell = true;
    await until(async () => (await get()) === "checked");
    await serve({});
    const before = checked.seen.length;
    expect(await get()).toBe("own");
    await checked.stop();
    expect(checked.seen.length - before).toBeLessThan(3);
  });

  test("is also what a consumer brings along", async () => {
    await serve({ "key-auth": {} });
    const rules = [{ weighted_upstreams: [{ upstream: { nodes: { [other.node]: 1 } } }] }];
    await bed.put({
      "consumers/a": {
        username: "a",
        plugins: { "key-auth": { key: "ka" }, "traffic-split": { rules } },
      },
      "consumers/b": { username: "b", plugins: { "key-auth": { key: "kb" } } },
    });
    expect([await get("/?apikey=ka"), await get("/?apikey=kb")]).toEqual(["other", "own"]);
  });

  test("sends WebSockets where it sends the rest", async () => {
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: (request, self) => (self.upgrade(request) ? undefined : new Response("no")),
      websocket: { message: (socket, message) => void socket.send(`other: ${message}`) },
    });
    const rules = [
      { weighted_upstreams: [{ upstream: { nodes: { [`127.0.0.1:${server.port}`]: 1 } } }] },
    ];
    await serve({ "traffic-split": { rules } }, { enable_websocket: true });
    const socket = new WebSocket(bed.url.replace("http", "ws"));
    const answer = Promise.withResolvers<unknown>();
    socket.addEventListener("open", () => socket.send("hi"));
    socket.addEventListener("message", ({ data }) => answer.resolve(data));
    socket.addEventListener("error", () => answer.reject(new Error("the socket failed")));
    expect(await answer.promise).toBe("other: hi");
    const closed = Promise.withResolvers<void>();
    socket.addEventListener("close", () => closed.resolve());
    socket.close();
    await closed.promise;
    await server.stop(true);
  });

  test("tells clients the statuses of failed tries, as for the route's own upstream", async () => {
    const gone = startService(() => new Response());
    await gone.stop();
    await split([{ upstream: { nodes: { [gone.node]: 1 } } }]);
    const reply = await fetch(bed.url);
    expect([reply.status, reply.headers.get("x-apisix-upstream-status")]).toEqual([502, "502"]);
  });
});

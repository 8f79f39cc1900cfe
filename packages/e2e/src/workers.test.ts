import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GatewayStatus } from "@catena/gateway";
import { startEtcd } from "@catena/testkit";
import { type CatenaProcess, runCatena, startCatena } from "./bed/catena-process.ts";
import { until } from "./bed/gateway-bed.ts";
import { startLoad } from "./bed/load.ts";
import { type Service, startService } from "./bed/service.ts";
import { storeKinds } from "./bed/stores.ts";
import { shop } from "./bed/tls-certificates.ts";
import { ask as askOverTls } from "./bed/tls-client.ts";

const adminKey = "a-key-of-the-workers-test";
const limitMs = 60_000;

let folder: string;
let service: Service;
let gate: PromiseWithResolvers<void>;
let catena: CatenaProcess | null = null;

beforeAll(() => {
  service = startService(async ({ target }) => {
    if (target === "/slow") await gate.promise;
    return new Response("done");
  });
});
afterAll(() => service.stop());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "catena-workers-"));
  gate = Promise.withResolvers();
  service.seen.length = 0;
});
afterEach(async () => {
  gate.resolve();
  // A gateway that a failed test left running; ended twice it gives up what is in flight.
  if (catena !== null && isAlive(catena.pid)) {
    void catena.stop();
    await catena.stop();
  }
  catena = null;
  rmSync(folder, { recursive: true, force: true });
});

const settings = {
  CATENA_WORKERS: "2",
  CATENA_ADMIN_KEY: adminKey,
  CATENA_DRAIN_SECONDS: "0.3",
  CATENA_TLS_LISTEN: "127.0.0.1:0",
};

/** A gateway of two workers with one route to the service, which both have applied. */
async function start(environment: Readonly<Record<string, string>> = {}): Promise<CatenaProcess> {
  catena = await startCatena(["start"], folder, { ...settings, ...environment });
  await put(catena, "routes/all", { uri: "/*", upstream: { nodes: { [service.node]: 1 } } });
  return catena;
}

/** Writes a resource and waits until every worker has applied it. */
async function put(gateway: CatenaProcess, path: string, value: object): Promise<void> {
  const before = await statusOf(gateway);
  const response = await fetch(`${gateway.adminUrl}/apisix/admin/${path}`, {
    method: "PUT",
    headers: { "x-api-key": adminKey },
    body: JSON.stringify(value),
  });
  expect(response.ok).toBe(true);
  await statusWhere(gateway, ({ workers }) =>
    workers.every(
      ({ revision, state }) =>
        state === "serving" && revision !== null && revision > (before.store.revision ?? 0),
    ),
  );
}

async function statusOf({ controlUrl }: CatenaProcess): Promise<GatewayStatus> {
  return (await (await fetch(`${controlUrl}/status`)).json()) as GatewayStatus;
}

async function statusWhere(
  gateway: CatenaProcess,
  holds: (status: GatewayStatus) => boolean,
): Promise<GatewayStatus> {
  let last = await statusOf(gateway);
  await until(
    async () => {
      last = await statusOf(gateway);
      return holds(last);
    },
    () => `a status that ${holds}: ${JSON.stringify(last)} ${gateway.printed()}`,
  );
  return last;
}

const pidsOf = ({ workers }: GatewayStatus): readonly (number | null)[] =>
  workers.map(({ pid }) => pid);

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const noneOf = (pids: readonly (number | null)[]) =>
  until(
    () => pids.every((pid) => pid !== null && !isAlive(pid)),
    () => `processes ${pids.join(", ")} to end`,
  );

/** A request on a connection of its own. */
const ask = (gateway: CatenaProcess, path: string) =>
  fetch(gateway.url + path, { headers: { connection: "close" } });

describe.each(storeKinds)("two workers on $name", (kind) => {
  test(
    "serve one port, and both apply what is deployed",
    async () => {
      const store = await kind.start();
      const gateway = await start({ CATENA_STORE: store.url });
      const pending = Array.from({ length: 24 }, () => ask(gateway, "/slow"));
      const busy = await statusWhere(gateway, (status) => status.requests_in_flight === 24);
      expect(busy.workers).toHaveLength(2);
      for (const worker of busy.workers) expect(worker.requests_in_flight).toBeGreaterThan(0);
      gate.resolve();
      for (const response of await Promise.all(pending)) expect(response.status).toBe(200);
      await put(gateway, "routes/all", { uri: "/new", upstream: { nodes: { [service.node]: 1 } } });
      for (let count = 0; count < 24; count++) {
        expect((await ask(gateway, "/new")).status).toBe(200);
        expect((await ask(gateway, "/old")).status).toBe(404);
      }
      expect(await statusOf(gateway)).toMatchObject({
        status: "ok",
        resources: { routes: 1 },
        workers: [
          { state: "serving", lag: 0, restarts: 0 },
          { state: "serving", lag: 0, restarts: 0 },
        ],
      });
      expect(await gateway.stop()).toBe(0);
      await store.stop();
    },
    limitMs,
  );
});

test(
  "a worker that has read nothing takes no place beside one that serves",
  async () => {
    const etcd = await startEtcd();
    const gateway = await start({ CATENA_STORE: etcd.url });
    await etcd.kill();
    await statusWhere(gateway, ({ store }) => !store.connected);
    const { workers } = await statusOf(gateway);
    process.kill(workers[0]?.pid ?? 0, "SIGKILL");
    const isAnother = (pid: number | null) => pid !== null && pid !== workers[0]?.pid;
    await statusWhere(gateway, ({ workers: [first] }) => isAnother(first?.pid ?? null));
    for (let count = 0; count < 24; count++) {
      expect((await ask(gateway, "/x")).status).toBe(200);
    }
    const waiting = await statusOf(gateway);
    expect(waiting.workers).toMatchObject([{ state: "starting" }, { state: "serving" }]);
    expect((await fetch(`${gateway.controlUrl}/status/ready`)).status).toBe(200);
    await etcd.restart();
    await statusWhere(gateway, ({ status }) => status === "ok");
    expect(await gateway.stop()).toBe(0);
    await etcd.stop();
  },
  limitMs,
);

describe("limit-count", () => {
  test.each(["fixed", "sliding"])(
    "with %s windows counts what all workers let in, and goes on when they are replaced",
    async (window_type) => {
      const gateway = await start();
      const limit = {
        count: 30,
        time_window: 86_400,
        key_type: "constant",
        key: "all",
        window_type,
      };
      await put(gateway, "routes/limited", {
        uri: "/limited",
        plugins: { "limit-count": { ...limit, rejected_code: 429 } },
        upstream: { nodes: { [service.node]: 1 } },
      });
      const statuses = async (requests: number): Promise<readonly number[]> => {
        const responses = Array.from({ length: requests }, () => ask(gateway, "/limited"));
        return (await Promise.all(responses)).map(({ status }) => status);
      };
      const first = await statuses(20);
      expect(first.filter((status) => status === 200)).toHaveLength(20);
      process.kill(gateway.pid, "SIGHUP");
      await until(() => gateway.printed().includes('"message":"reloaded"'));
      const second = await statuses(40);
      expect(second.filter((status) => status === 200)).toHaveLength(10);
      expect(second.filter((status) => status === 429)).toHaveLength(30);
      expect(await gateway.stop()).toBe(0);
    },
    limitMs,
  );
});

describe("the Control API of two workers", () => {
  test(
    "lists what is loaded, and the traces of both",
    async () => {
      const gateway = await start({ CATENA_TRACES_KEEP: "100" });
      await put(gateway, "upstreams/svc", { nodes: { [service.node]: 1 } });
      await put(gateway, "routes/chain", {
        uri: "/chain",
        plugins: {
          "proxy-chain": {
            v: 1,
            steps: [{ name: "a", call: { upstream_id: "svc", method: "GET", path: "/a" } }],
            reply: { body: 1 },
          },
        },
      });
      for (let count = 0; count < 20; count++) await ask(gateway, "/chain");
      const read = async (path: string): Promise<unknown> =>
        await (await fetch(gateway.controlUrl + path)).json();
      expect(await read("/v1/routes")).toHaveLength(2);
      const traces = (await read("/v1/traces?route=chain")) as {
        readonly request: string;
        readonly started: string;
      }[];
      expect(traces).toHaveLength(20);
      const started = traces.map((trace) => trace.started);
      expect(started).toEqual(started.toSorted().reverse());
      for (const { request } of traces) {
        expect(await read(`/v1/traces/${request}`)).toMatchObject({ request, route: "chain" });
      }
      expect((await fetch(`${gateway.controlUrl}/v1/traces/none`)).status).toBe(404);
      expect((await fetch(`${gateway.controlUrl}/v1/nothing`)).status).toBe(404);
      expect(await read("/status/ready")).toEqual({ status: "ok" });
      expect(await gateway.stop()).toBe(0);
    },
    limitMs,
  );
});

describe("under load", () => {
  test(
    "a worker that is killed loses its own connections, and is replaced",
    async () => {
      const gateway = await start();
      const before = await statusOf(gateway);
      const load = startLoad(`${gateway.url}/x`);
      await until(() => load.count().answered > 200);
      process.kill(before.workers[0]?.pid ?? 0, "SIGKILL");
      const after = await statusWhere(gateway, ({ workers }) =>
        workers.every(
          ({ state, restarts }, index) => state === "serving" && restarts === 1 - index,
        ),
      );
      expect(after.workers[0]?.pid).not.toBe(before.workers[0]?.pid);
      expect(after.workers[1]?.pid).toBe(before.workers[1]?.pid);
      const lost = load.count();
      await until(() => load.count().answered > lost.answered + 500);
      const { failures } = await load.stop();
      expect(failures).toEqual(lost.failures);
      // A client has one request at a time, so at most one on a connection of the killed worker.
      expect(failures.length).toBeLessThanOrEqual(load.clients);
      expect(new Set(failures)).toEqual(
        new Set(failures.length > 0 ? ["a connection that ended"] : []),
      );
      expect(gateway.printed()).toContain('"message":"a worker ended"');
      expect(await gateway.stop()).toBe(0);
    },
    limitMs,
  );

  test(
    "SIGHUP replaces both by workers of new settings without a lost request",
    async () => {
      const file = join(folder, "gateway.json.ts");
      const header = (name: string) =>
        writeFileSync(file, `export default { serverHeader: "${name}" };\n`);
      header("old");
      catena = await startCatena(["start", "--settings", file], folder, settings);
      const gateway = catena;
      await put(gateway, "routes/all", { uri: "/*", upstream: { nodes: { [service.node]: 1 } } });
      const before = await statusOf(gateway);
      const load = startLoad(`${gateway.url}/x`);
      header("new");
      for (let round = 1; round <= 3; round++) {
        process.kill(gateway.pid, "SIGHUP");
        await until(
          () => gateway.printed().split('"message":"reloaded"').length === round + 1,
          () => `reload ${round}: ${gateway.printed()}`,
        );
      }
      const after = await statusWhere(gateway, ({ workers }) => workers.length === 2);
      const { answered, failures } = await load.stop();
      expect(failures).toEqual([]);
      expect(answered).toBeGreaterThan(200);
      await noneOf(pidsOf(before));
      expect(after.workers.map(({ restarts }) => restarts)).toEqual([0, 0]);
      for (let count = 0; count < 10; count++) {
        expect((await ask(gateway, "/x")).headers.get("server")).toBe("new");
      }
      expect(await gateway.stop()).toBe(0);
    },
    limitMs,
  );

  test(
    "SIGHUP loses no request over TLS either",
    async () => {
      const gateway = await start();
      const { certificate: cert, key } = shop;
      await put(gateway, "ssls/shop", { sni: "shop.test", cert, key });
      const { tls } = await statusOf(gateway);
      const state = { isStopped: false, answered: 0, failures: [] as string[] };
      const clients = Array.from({ length: 4 }, async () => {
        while (!state.isStopped) {
          const options = { port: tls?.port ?? 0, servername: "shop.test" };
          const { status, body } = await askOverTls(options, "/x");
          if (status === 200) state.answered++;
          else state.failures.push(`${status} ${body}`);
        }
      });
      await until(() => state.answered > 20);
      for (let round = 1; round <= 2; round++) {
        process.kill(gateway.pid, "SIGHUP");
        await until(
          () => gateway.printed().split('"message":"reloaded"').length === round + 1,
          () => `reload ${round}: ${gateway.printed()}`,
        );
      }
      const during = state.answered;
      await until(() => state.answered > during + 20);
      state.isStopped = true;
      await Promise.all(clients);
      expect(state.failures).toEqual([]);
      expect(await gateway.stop()).toBe(0);
    },
    limitMs,
  );

  test(
    "a worker that is asked to end is replaced first",
    async () => {
      const gateway = await start();
      const before = await statusOf(gateway);
      const load = startLoad(`${gateway.url}/x`);
      process.kill(before.workers[1]?.pid ?? 0, "SIGTERM");
      await noneOf([before.workers[1]?.pid ?? null]);
      const after = await statusOf(gateway);
      expect(pidsOf(after)).toHaveLength(2);
      expect(after.workers[1]).toMatchObject({ state: "serving", restarts: 1 });
      expect((await load.stop()).failures).toEqual([]);
      expect(await gateway.stop()).toBe(0);
    },
    limitMs,
  );
});

describe("the end", () => {
  test(
    "SIGTERM lets requests in flight end and leaves no process",
    async () => {
      const gateway = await start();
      const pids = pidsOf(await statusOf(gateway));
      const pending = Array.from({ length: 8 }, () => ask(gateway, "/slow"));
      await until(() => service.seen.length === 8);
      const ended = gateway.stop();
      await until(async () => (await fetch(`${gateway.controlUrl}/status/ready`)).status === 503);
      gate.resolve();
      for (const response of await Promise.all(pending)) expect(await response.text()).toBe("done");
      expect(await ended).toBe(0);
      await noneOf(pids);
    },
    limitMs,
  );

  test(
    "a second signal gives up what is in flight",
    async () => {
      const gateway = await start();
      const pids = pidsOf(await statusOf(gateway));
      const pending = ask(gateway, "/slow").then(
        ({ status }) => status,
        () => "lost",
      );
      await until(() => service.seen.length === 1);
      void gateway.stop();
      await until(() => gateway.printed().includes("once more to stop at once"));
      expect(await gateway.stop("SIGINT")).toBe(130);
      await noneOf(pids);
      expect(await pending).not.toBe(200);
    },
    limitMs,
  );

  test(
    "a signal that comes while workers start is heeded",
    async () => {
      catena = await startCatena(["start"], folder, settings);
      const pids = pidsOf(await statusOf(catena));
      expect(await catena.stop()).toBe(0);
      await noneOf(pids);
    },
    limitMs,
  );

  test(
    "workers of a supervisor that is killed end by themselves, requests in flight first",
    async () => {
      const gateway = await start();
      const pids = pidsOf(await statusOf(gateway));
      const pending = Array.from({ length: 8 }, () => ask(gateway, "/slow"));
      await until(() => service.seen.length === 8);
      await gateway.stop("SIGKILL");
      await until(() => gateway.printed().includes("the supervisor is gone"));
      gate.resolve();
      for (const response of await Promise.all(pending)) expect(await response.text()).toBe("done");
      await noneOf(pids);
    },
    limitMs,
  );
});

describe("what can't go on", () => {
  test(
    "workers that end one after another are a storm: not ready, until a reload",
    async () => {
      const gateway = await start();
      for (let kills = 1; kills <= 5; kills++) {
        const { workers } = await statusWhere(
          gateway,
          ({ workers: [first] }) => first?.state === "serving" && first.restarts === kills - 1,
        );
        process.kill(workers[0]?.pid ?? 0, "SIGKILL");
      }
      const failing = await statusWhere(
        gateway,
        ({ workers: [first] }) => first?.state === "failing",
      );
      expect(failing.status).toBe("degraded");
      expect(failing.workers).toMatchObject([
        { pid: null, restarts: 5 },
        { state: "serving", restarts: 0 },
      ]);
      const ready = await fetch(`${gateway.controlUrl}/status/ready`);
      expect(ready.status).toBe(503);
      expect(await ready.text()).toContain("5 workers in a row ended soon after their start");
      expect(gateway.printed()).toContain('"next_try_seconds":30');
      expect((await ask(gateway, "/x")).status).toBe(200);
      process.kill(gateway.pid, "SIGHUP");
      await statusWhere(gateway, ({ status }) => status === "ok");
      expect((await fetch(`${gateway.controlUrl}/status/ready`)).status).toBe(200);
      expect(await gateway.stop()).toBe(0);
    },
    limitMs,
  );

  test.each(["1", "2"])(
    "a port on which workers listen is taken for a gateway of %s",
    async (workers) => {
      const gateway = await start();
      const other = await runCatena(["start"], folder, {
        ...settings,
        CATENA_WORKERS: workers,
        CATENA_LISTEN: gateway.environment["CATENA_LISTEN"] ?? "",
        CATENA_ADMIN_LISTEN: "127.0.0.1:0",
        CATENA_CONTROL_LISTEN: "127.0.0.1:0",
      });
      expect(other.code).toBe(1);
      expect(other.stderr).toContain("set listen (CATENA_LISTEN) to another host:port");
      expect(await gateway.stop()).toBe(0);
    },
    limitMs,
  );

  test(
    "a Control API whose port is taken ends all that was started",
    async () => {
      const taken = service.node;
      const result = await runCatena(["start"], folder, {
        ...settings,
        CATENA_LISTEN: "127.0.0.1:0",
        CATENA_ADMIN_LISTEN: "127.0.0.1:0",
        CATENA_CONTROL_LISTEN: taken,
      });
      expect(result.code).toBe(1);
      expect(result.stderr).toContain(`cannot listen on ${taken}`);
    },
    limitMs,
  );

  test(
    "settings that are not valid change nothing on a reload, nor do those that need a restart",
    async () => {
      const file = join(folder, "gateway.json.ts");
      const write = (value: object) =>
        writeFileSync(file, `export default ${JSON.stringify(value)};\n`);
      write({ serverHeader: "old" });
      const args = ["start", "--settings", file, "--workers", "2"];
      catena = await startCatena(args, folder, { ...settings, CATENA_WORKERS: "1" });
      const before = await statusWhere(catena, ({ status }) => status === "ok");
      await until(() => catena?.printed().includes("workers      2") === true);
      write({ serverHeader: 5 });
      process.kill(catena.pid, "SIGHUP");
      await until(() => catena?.printed().includes("not reloaded") === true);
      expect(pidsOf(await statusOf(catena))).toEqual(pidsOf(before));
      write({ serverHeader: "new", prefix: "/other" });
      process.kill(catena.pid, "SIGHUP");
      await until(() => catena?.printed().includes('"message":"reloaded"') === true);
      expect(catena.printed()).toContain('"changed":["prefix"]');
      expect((await fetch(catena.url)).headers.get("server")).toBe("new");
      expect(await catena.stop()).toBe(0);
    },
    limitMs,
  );
});

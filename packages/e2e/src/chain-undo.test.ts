import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatKey } from "@catena/schema";
import { openStore } from "@catena/store";
import { runCatena, startCatena } from "./bed/catena-process.ts";
import { type GatewayBed, startGatewayBed, until } from "./bed/gateway-bed.ts";
import { type Service, startService } from "./bed/service.ts";
import { type StoreBed, storeKinds } from "./bed/stores.ts";

/** Undo records that a process left behind, and gateways that share their store. */
describe.each(storeKinds.map((kind) => [kind.name, kind] as const))("%s", (_, kind) => {
  let store: StoreBed;
  let beds: readonly GatewayBed[] = [];
  let service: Service;
  let broken = false;

  beforeAll(async () => {
    store = await kind.start();
    service = startService(() => new Response(null, { status: broken ? 500 : 204 }));
    const settings = { undo: { sweepSeconds: 0.02 } };
    beds = [
      await startGatewayBed({ storeUrl: store.url, settings }),
      await startGatewayBed({ storeUrl: store.url, settings }),
    ];
    for (const bed of beds) await bed.put({ "upstreams/svc": { nodes: { [service.node]: 1 } } });
  });
  afterAll(async () => {
    for (const bed of beds) await bed.stop();
    await service.stop();
    await store.stop();
  });
  beforeEach(() => {
    broken = false;
    service.seen.length = 0;
  });

  async function leave(id: string, rest: object = {}): Promise<void> {
    const entry = (step: string): object => ({
      step,
      state: "done",
      call: {
        target: "upstream:svc",
        method: "POST",
        path: `/undo/${id}/${step}`,
        headers: ["Idempotency-Key", `${id}-${step}`],
        key: `${id}-${step}`,
        timeoutMs: 5000,
        attempts: 1,
      },
    });
    const record = { v: 1, id, chain: "order", request: "q", startedAt: 1, ownedUntil: 0 };
    const value = JSON.stringify({ ...record, entries: [entry("a"), entry("b")], ...rest });
    await beds[0]!.store.transact({
      comparisons: [],
      operations: [{ kind: "put", key: `/catena/undo/${id}`, value }],
    });
  }
  const kept = async (): Promise<readonly string[]> =>
    (await beds[0]!.store.list("/catena/undo/")).entries.map(({ key }) => key.slice(13));
  const drop = (id: string) =>
    beds[0]!.store.transact({
      comparisons: [],
      operations: [{ kind: "delete", key: `/catena/undo/${id}` }],
    });
  const told = () => beds.flatMap(({ logged }) => logged.filter(({ level }) => level === "error"));

  test("what a killed process left done is undone by one of two gateways, each step once", async () => {
    const ids = Array.from({ length: 8 }, (_each, i) => `r${i}`);
    for (const id of ids) await leave(id);
    await until(async () => (await kept()).length === 0);
    const keys = service.seen.map(({ headers }) => headers["idempotency-key"]);
    expect(keys.sort()).toEqual(ids.flatMap((id) => [`${id}-a`, `${id}-b`]));
  });

  test("a record that a gateway may still be at work on is left to it", async () => {
    await leave("mine", { ownedUntil: Date.now() + 600_000 });
    await leave("other");
    await until(async () => (await kept()).length === 1);
    expect(await kept()).toEqual(["mine"]);
    expect(service.seen.map(({ target }) => target)).toEqual(["/undo/other/b", "/undo/other/a"]);
    await drop("mine");
  });

  test("what cannot be undone, or may be wanted, is kept for a person and told once", async () => {
    broken = true;
    await leave("failing");
    await leave("sent-on", { forwarded: true });
    const records = () => told().map(({ record }) => record);
    await until(() => records().filter((record) => record === "failing").length === 2);
    await until(() => records().filter((record) => record === "sent-on").length === 2);
    expect(service.seen.map(({ target }) => target)).toEqual([
      "/undo/failing/b",
      "/undo/failing/a",
    ]);
    expect(await kept()).toEqual(["failing", "sent-on"]);
  });
});

test("a gateway killed in the middle of a chain leaves a record with which its step is undone", async () => {
  const folder = mkdtempSync(join(tmpdir(), "catena-e2e-"));
  const reached = Promise.withResolvers<void>();
  const service = startService(({ target }) => {
    if (target !== "/charge") return Response.json({ id: 7 });
    reached.resolve();
    return new Promise<Response>(() => undefined);
  });
  const url = `sqlite:${join(folder, "catena.db")}`;
  const environment = { CATENA_STORE: url, CATENA_ADMIN_KEY: crypto.randomUUID() };
  const call = (path: string, rest: object = {}): object => ({
    uri: service.url,
    method: "POST",
    path,
    ...rest,
  });
  const chain = {
    v: 1,
    steps: [
      {
        name: "reserve",
        call: call("/reserve"),
        undo: { call: call("/release/{id}", { params: { id: { $ref: ["reserve", "id"] } } }) },
      },
      { name: "charge", call: call("/charge") },
    ],
    reply: {},
  };
  const store = openStore(url);
  const value = JSON.stringify({ uri: "/order", plugins: { "proxy-chain": chain } });
  const key = formatKey({ kind: "routes", id: "1" }, "/apisix");
  await store.transact({ comparisons: [], operations: [{ kind: "put", key, value }] });
  const gateway = await startCatena(["start"], folder, environment);
  await until(async () => (await fetch(`${gateway.url}/other`)).status === 404);
  const asked = fetch(`${gateway.url}/order`, { method: "POST" }).catch(() => "no answer");
  await reached.promise;
  await gateway.stop("SIGKILL");
  expect(await asked).toBe("no answer");

  const listed = await runCatena(["undo", "list"], folder, environment);
  expect(listed.stdout).toMatch(/reserve: done, POST uri:\S+ \/release\/7/);
  // It is known here that the gateway is dead; another one would wait until its claim is over.
  const retried = await runCatena(["undo", "retry", "--force"], folder, environment);
  expect([retried.code, retried.stdout]).toEqual([0, expect.stringMatching(/^undone /)]);
  expect(service.seen.map(({ target }) => target)).toEqual(["/reserve", "/charge", "/release/7"]);
  expect((await store.list("/catena/undo/")).entries).toEqual([]);
  await store.close();
  await service.stop();
  rmSync(folder, { recursive: true });
});

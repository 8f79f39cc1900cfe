import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UNDO_PREFIX, type UndoRecord } from "@catena/chain";
import { type ConfigStore, openStore } from "@catena/store";
import { runCatena } from "../run-catena.testbed.ts";

let folder: string;
let store: ConfigStore;
let seen: { readonly path: string; readonly key: string | null; readonly body: string }[];
let status: number;
let server: ReturnType<typeof Bun.serve>;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "catena-undo-"));
  store = openStore(`sqlite:${join(folder, "store.db")}`);
  seen = [];
  status = 200;
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      const body = await request.text();
      seen.push({ path: pathname, key: request.headers.get("idempotency-key"), body });
      return new Response("{}", { status });
    },
  });
});
afterEach(async () => {
  await server.stop(true);
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const undo = (...args: readonly string[]) =>
  runCatena(["undo", ...args, "--store", "sqlite:store.db"], folder, {
    CATENA_RESOLVER_HOSTS: `payments=127.0.0.1:${server.port}`,
  });

async function put(key: string, value: unknown): Promise<void> {
  await store.transact({
    comparisons: [],
    operations: [{ kind: "put", key, value: JSON.stringify(value) }],
  });
}

/** What a chain of two calls leaves behind that was killed before it could undo them. */
async function leave(id: string, over: Partial<UndoRecord> = {}): Promise<void> {
  const call = (target: string, path: string) => ({
    target,
    method: "POST",
    path,
    headers: ["content-type", "application/json", "Idempotency-Key", `key-of-${path}`],
    body: { text: '{"all":true}' },
    key: `key-of-${path}`,
    timeoutMs: 2_000,
    attempts: 1,
  });
  const record: UndoRecord = {
    v: 1,
    id,
    chain: "order",
    request: "req-1",
    startedAt: 1_700_000_000_000,
    ownedUntil: 0,
    entries: [
      { step: "charge", state: "done", call: call("upstream:pay", "/refund?token=s3cret") },
      { step: "reserve", state: "failed", call: call("uri:http://payments", "/release") },
    ],
    ...over,
  };
  await put(UNDO_PREFIX + id, record);
  await put("/apisix/upstreams/pay", { id: "pay", nodes: { payments: 1 } });
}

describe("catena undo", () => {
  test("list tells what is left, without what may be secret", async () => {
    expect(await undo("list")).toMatchObject({ code: 0, stdout: "nothing is left undone\n" });
    await leave("a");
    await leave("b", { ownedUntil: Date.now() + 600_000 });
    const { stdout } = await undo("list");
    expect(stdout).toContain("a  chain order, request req-1, 2023-11-14T22:13:20.000Z\n");
    expect(stdout).toContain("  charge: done, POST upstream:pay /refund\n");
    expect(stdout).toContain("  reserve: failed, POST uri:http://payments /release\n");
    expect(stdout).toContain("b  chain order, request req-1, 2023-11-14T22:13:20.000Z  (a gateway");
    expect(stdout).not.toContain("s3cret");
  });

  test("retry makes the calls, last step first, over the stored upstreams", async () => {
    await leave("a");
    await leave("b", { ownedUntil: Date.now() + 600_000 });
    const result = await undo("retry");
    expect(result).toMatchObject({ code: 0, stdout: "undone a\n", stderr: "" });
    expect(seen).toEqual([
      { path: "/release", key: "key-of-/release", body: '{"all":true}' },
      { path: "/refund", key: "key-of-/refund?token=s3cret", body: '{"all":true}' },
    ]);
    expect((await store.list(UNDO_PREFIX)).entries.map(({ key }) => key)).toEqual([
      `${UNDO_PREFIX}b`,
    ]);
  });

  test("retry that fails again says so and keeps what is left", async () => {
    await leave("a");
    status = 500;
    const failed = await undo("retry", "a");
    expect(failed.code).toBe(1);
    expect(failed.stdout).toContain("charge: failed");
    status = 200;
    expect(await undo("retry", "a")).toMatchObject({ code: 0, stdout: "undone a\n" });
  });

  test("what a gateway may be at work on needs --force, and one of many is no end", async () => {
    await leave("a");
    await leave("b", { ownedUntil: Date.now() + 600_000 });
    const kept = await undo("drop", "b", "missing", "a");
    expect(kept.code).toBe(1);
    expect(kept.stdout).toBe("dropped a\n");
    expect(kept.stderr).toContain("UNDO_OWNED");
    expect(kept.stderr).toContain("UNDO_MISSING");
    const alone = await undo("retry");
    expect(alone).toMatchObject({
      code: 1,
      stdout: "gateways may still be at work on all of it\n",
    });
    expect(await undo("drop", "b", "--force")).toMatchObject({ code: 0, stdout: "dropped b\n" });
    expect(seen).toEqual([]);
  });
});

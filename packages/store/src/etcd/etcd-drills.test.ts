import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { isGatewayError } from "@catena/errors";
import { type EtcdServerOptions, freePort, startEtcd, startTcpProxy } from "@catena/testkit";
import { Etcd3 } from "etcd3";
import type { ConfigStore, Operation } from "../store.ts";
import { render, until, WatchRecorder } from "../watch-recorder.ts";
import { cutAfterCreated } from "./created-cutter.ts";
import { EtcdStore, type EtcdStoreOptions } from "./etcd-store.ts";

setDefaultTimeout(60_000);

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function etcd(options?: EtcdServerOptions) {
  const server = await startEtcd(options);
  cleanups.push(() => server.stop());
  return server;
}

async function proxy(options: Parameters<typeof startTcpProxy>[0]) {
  const relay = await startTcpProxy(options);
  cleanups.push(() => relay.stop());
  return relay;
}

function open(url: string, options?: EtcdStoreOptions): EtcdStore {
  const store = new EtcdStore(url, options);
  cleanups.push(() => store.close());
  return store;
}

async function admin(endpoint: string, run: (client: Etcd3) => Promise<unknown>): Promise<void> {
  const client = new Etcd3({ hosts: endpoint });
  try {
    await run(client);
  } finally {
    client.close();
  }
}

const put = (key: string, value: string): Operation => ({ kind: "put", key, value });
const remove = (key: string): Operation => ({ kind: "delete", key });

/** Writes, again and again while the store cannot be reached; each operation is safe to repeat. */
async function write(store: ConfigStore, ...operations: Operation[]): Promise<number> {
  for (const deadline = performance.now() + 20_000; ; ) {
    try {
      const result = await store.transact({ comparisons: [], operations });
      if (!result.committed) throw new Error("conflict");
      return result.revision;
    } catch (error) {
      const isAway = isGatewayError(error, "STORE_UNAVAILABLE");
      if (!isAway || performance.now() > deadline) throw error;
      await Bun.sleep(50);
    }
  }
}

async function failure(attempt: Promise<unknown>): Promise<{ code: string; message: string }> {
  try {
    await attempt;
  } catch (error) {
    if (isGatewayError(error)) return { code: error.code, message: error.message };
    throw error;
  }
  return { code: "no error", message: "" };
}

function watching(store: ConfigStore, prefix: string, fromRevision: number, seen: WatchRecorder) {
  const watch = store.watch(prefix, fromRevision, seen);
  cleanups.push(() => watch.close());
}

const kinds = (seen: WatchRecorder) => seen.states.map(({ kind }) => kind);
const marks = (seen: WatchRecorder) =>
  seen.changes.map((c) =>
    c.kind === "put" ? `${c.entry.key}=${c.entry.value}@${c.entry.modRevision}` : `-${c.key}`,
  );

describe("an etcd that goes away", () => {
  test("kill -9 and restart: the watch resumes, with nothing lost or twice", async () => {
    const server = await etcd();
    const [store, writer] = [open(server.url), open(server.url)];
    const seen = new WatchRecorder();
    await write(writer, put("/a/1", "1"));
    watching(store, "/a/", 1, seen);
    await until("the first change", () => seen.value("/a/1") === "1");
    await server.kill();
    await until("the loss is told", () => !seen.isConnected);
    await server.restart();
    await write(writer, put("/a/2", "2"));
    await write(writer, put("/a/1", "3"));
    await write(writer, remove("/a/2"), put("/a/3", "3"));
    await until("the last change", () => seen.value("/a/3") === "3" && seen.isConnected);
    expect(seen.folded).toEqual(render((await writer.list("/a/")).entries));
    expect(new Set(marks(seen)).size).toBe(marks(seen).length);
    expect(seen.resets).toEqual([]);
    expect(kinds(seen)).toEqual(["connected", "disconnected", "connected"]);
  });

  test("down at open: calls fail within the deadline, the watch waits and says so once", async () => {
    const server = await etcd();
    await server.kill();
    const store = open(server.url, { timeoutMs: 2_000 });
    const seen = new WatchRecorder();
    watching(store, "/a/", 1, seen);
    for (const attempt of [
      store.get("/a/1"),
      store.list("/a/"),
      store.transact({ comparisons: [], operations: [put("/a/1", "1")] }),
    ]) {
      expect(await failure(attempt)).toMatchObject({
        code: "STORE_UNAVAILABLE",
        message: expect.stringContaining(`etcd://${server.endpoint} does not answer: `),
      });
    }
    await Bun.sleep(1_500);
    expect(kinds(seen)).toEqual(["disconnected"]);
    await server.restart();
    await write(store, put("/a/1", "1"));
    await until("the change", () => seen.value("/a/1") === "1" && seen.isConnected);
    expect(kinds(seen)).toEqual(["disconnected", "connected"]);
  });

  test("a member that does not answer is passed over", async () => {
    const server = await etcd();
    const deaf = await proxy({ targetPort: server.port });
    deaf.freeze();
    const endpoints = [`127.0.0.1:${await freePort()}`, deaf.endpoint, server.endpoint];
    const store = open(`etcd://${endpoints.join(",")}`, { timeoutMs: 3_000 });
    const seen = new WatchRecorder();
    watching(store, "/a/", 1, seen);
    expect(await store.get("/a/1")).toBeNull();
    const { committed } = await store.transact({
      comparisons: [{ key: "/a/1", modRevision: 0 }],
      operations: [put("/a/1", "1")],
    });
    expect(committed).toBe(true);
    await until("the change", () => seen.value("/a/1") === "1");
  });

  test("closing while it hangs ends calls and watches", async () => {
    const server = await etcd();
    const relay = await proxy({ targetPort: server.port });
    const store = open(`etcd://${relay.endpoint}`);
    const seen = new WatchRecorder();
    watching(store, "/a/", 1, seen);
    await until("it is connected", () => seen.isConnected);
    relay.freeze();
    const hanging = failure(store.get("/a/1"));
    await store.close();
    expect((await hanging).code).toBe("STORE_CLOSED");
    expect(kinds(seen)).toEqual(["connected"]);
  });
});

describe("a cut or silent wire", () => {
  test("cut between created and the events: they come all the same, once", async () => {
    const server = await etcd();
    const relay = await proxy({ targetPort: server.port, onReply: cutAfterCreated() });
    const [store, writer] = [open(`etcd://${relay.endpoint}`), open(server.url)];
    const start = await write(writer, put("/a/1", "1"));
    await write(writer, put("/a/2", "2"));
    const list = { entries: (await writer.list("/a/1")).entries, revision: start };
    const seen = new WatchRecorder(list);
    watching(store, "/a/", start + 1, seen);
    await until("the connection was cut", () => kinds(seen).includes("disconnected"));
    await until("the change", () => seen.value("/a/2") === "2");
    expect(marks(seen)).toEqual([`/a/2=2@${start + 1}`]);
    expect(seen.resets).toEqual([]);
  });

  test("changes made while cut off arrive as one difference, also after a compaction", async () => {
    const server = await etcd();
    const relay = await proxy({ targetPort: server.port });
    const [store, writer] = [open(`etcd://${relay.endpoint}`), open(server.url)];
    const revision = await write(writer, put("/a/changed", "1"), put("/a/gone", "1"));
    const seen = new WatchRecorder();
    watching(store, "/a/", revision, seen);
    await until("the first batch", () => seen.batches.length === 1);
    relay.cut();
    await until("the loss is told", () => !seen.isConnected);
    await write(writer, put("/a/changed", "2"));
    await write(writer, put("/a/changed", "3"), put("/a/new", "1"));
    const last = await write(writer, remove("/a/gone"));
    await admin(server.endpoint, (client) => client.kv.compact({ revision: last }));
    relay.heal();
    await until("the difference", () => seen.batches.length === 2);
    expect(seen.batches[1]).toMatchObject({ revision: last });
    expect(marks(seen).slice(2)).toEqual([
      `/a/changed=3@${last - 1}`,
      `/a/new=1@${last - 1}`,
      "-/a/gone",
    ]);
    expect(seen.folded).toEqual(render((await writer.list("/a/")).entries));
  });

  test("a frozen connection is noticed and, once it thaws, made up for", async () => {
    const server = await etcd();
    const relay = await proxy({ targetPort: server.port });
    const [store, writer] = [open(`etcd://${relay.endpoint}`), open(server.url)];
    const seen = new WatchRecorder();
    watching(store, "/a/", 1, seen);
    await until("it is connected", () => seen.isConnected);
    relay.freeze();
    await write(writer, put("/a/1", "1"));
    await until("the silence is told", () => !seen.isConnected);
    relay.heal();
    await until("the change", () => seen.value("/a/1") === "1");
    await write(writer, put("/a/1", "2"));
    await until("the next change", () => seen.value("/a/1") === "2");
    expect(new Set(marks(seen)).size).toBe(marks(seen).length);
  });
});

describe("a store that is not what it was", () => {
  test.each([
    ["the very beginning", 1],
    ["a later revision", 3],
  ])("a watch from %s, compacted since, is given the list", async (_name, fromRevision) => {
    const server = await etcd();
    const store = open(server.url);
    for (const value of ["1", "2", "3"]) await write(store, put("/a/1", value));
    const last = await write(store, put("/a/2", "1"));
    await admin(server.endpoint, (client) => client.kv.compact({ revision: last }));
    const seen = new WatchRecorder();
    watching(store, "/a/", fromRevision, seen);
    await until("the list", () => seen.resets.length > 0);
    await write(store, put("/a/3", "1"));
    await until("the next change", () => seen.value("/a/3") === "1");
    expect(seen.resets.map(({ reason }) => reason)).toEqual(["compacted"]);
    expect(seen.folded).toEqual(render((await store.list("/a/")).entries));
  });

  test("wiped: the empty list comes as regressed, and new writes are followed", async () => {
    const server = await etcd();
    const store = open(server.url);
    const seen = new WatchRecorder();
    watching(store, "/a/", 1, seen);
    for (const value of ["1", "2", "3"]) await write(store, put("/a/1", value));
    await until("the last change", () => seen.value("/a/1") === "3");
    await server.wipe();
    await server.restart();
    await until("the list", () => seen.resets.length > 0);
    expect(seen.resets).toEqual([{ list: { entries: [], revision: 1 }, reason: "regressed" }]);
    await write(store, put("/a/2", "new"));
    await until("the new write", () => seen.value("/a/2") === "new");
    expect(seen.folded).toEqual(render((await store.list("/a/")).entries));
  });

  test("wiped and written past the old revision: keys older than known give it away", async () => {
    const server = await etcd();
    const relay = await proxy({ targetPort: server.port });
    const [store, writer] = [open(`etcd://${relay.endpoint}`), open(server.url)];
    const seen = new WatchRecorder();
    watching(store, "/a/", 1, seen);
    for (const value of ["1", "2", "3"]) await write(writer, put("/a/1", value));
    await until("the last change", () => seen.value("/a/1") === "3");
    relay.cut();
    await server.wipe();
    await server.restart();
    await write(writer, put("/a/1", "other"));
    for (let i = 0; i < 10; i++) await write(writer, put("/b/1", String(i)));
    relay.heal();
    await until("the list", () => seen.resets.length > 0);
    expect(seen.resets[0]?.reason).toBe("regressed");
    expect(seen.folded).toEqual(render((await writer.list("/a/")).entries));
  });

  test("another cluster behind the same address is told by its id", async () => {
    const [first, second] = [await etcd(), await etcd()];
    const writer = open(second.url);
    for (let i = 0; i < 10; i++) await write(writer, put(`/a/${i}`, "second"));
    const list = await open(first.url).list("/a/");
    const relay = await proxy({ targetPort: first.port });
    const store = open(`etcd://${relay.endpoint},${second.endpoint}`);
    const seen = new WatchRecorder(list);
    await store.list("/a/");
    watching(store, "/a/", list.revision + 1, seen);
    await until("it is connected", () => seen.isConnected);
    relay.cut();
    await until("the list", () => seen.resets.length > 0);
    expect(seen.resets[0]?.reason).toBe("regressed");
    expect(seen.folded).toEqual(render((await writer.list("/a/")).entries));
  });

  test("a periodic check hands over the full list without a change of state", async () => {
    const server = await etcd();
    const store = open(server.url, { verifyIntervalMs: 30 });
    const seen = new WatchRecorder();
    watching(store, "/a/", 1, seen);
    for (let i = 0; i < 100; i++) await write(store, put(`/a/${i % 7}`, String(i)));
    await until("three checks", () => seen.resets.length >= 3);
    await write(store, put("/a/end", ""));
    await until("the end", () => seen.value("/a/end") === "");
    expect(new Set(seen.resets.map(({ reason }) => reason))).toEqual(new Set(["verified"]));
    expect(seen.folded).toEqual(render((await store.list("/a/")).entries));
    expect(kinds(seen)).toEqual(["connected"]);
    expect(new Set(marks(seen)).size).toBe(marks(seen).length);
  });
});

describe("limits", () => {
  test("128 operations and 1.4 MB pass, more is refused before it is sent", async () => {
    const server = await etcd();
    const store = open(server.url);
    const operations = (count: number) =>
      Array.from({ length: count }, (_, i) => put(`/a/${i}`, "x"));
    const attempt = (part: readonly Operation[]) =>
      store.transact({ comparisons: [], operations: part });
    expect((await attempt(operations(128))).committed).toBe(true);
    const revision = (await store.list("/a/")).revision;
    expect(await failure(attempt(operations(129)))).toMatchObject({ code: "STORE_TOO_LARGE" });
    const big = put("/a/big", "x".repeat(1_572_864));
    expect(await failure(attempt([big]))).toMatchObject({ code: "STORE_TOO_LARGE" });
    expect((await store.list("/a/")).revision).toBe(revision);
    expect((await attempt([put("/a/big", "x".repeat(1_400_000))])).committed).toBe(true);
  });

  test("what just passes our limit passes etcd's", async () => {
    const server = await etcd();
    const store = open(server.url);
    const keys = Array.from({ length: 128 }, (_, i) => `/${"k".repeat(500)}/${i}`);
    const overhead = 128 * (32 + 32 + 32) + keys.join("").length * 3;
    const share = Math.floor((1_572_864 - 1_024 - overhead) / 128);
    const result = await store.transact({
      comparisons: keys.map((key) => ({ key, modRevision: 0 })),
      operations: keys.map((key) => put(key, "x".repeat(share))),
    });
    expect(result.committed).toBe(true);
  });

  test("a list larger than gRPC's default message of 4 MiB is read and watched", async () => {
    const server = await etcd();
    const store = open(server.url);
    for (let i = 0; i < 6; i++) await write(store, put(`/a/${i}`, "x".repeat(1_000_000)));
    const seen = new WatchRecorder();
    watching(store, "/a/", 1, seen);
    await until("all six", () => seen.entries.size === 6);
    expect((await store.list("/a/")).entries).toHaveLength(6);
  });
});

describe("authentication", () => {
  const login = "catena:p%40ss%3Aword";

  async function guarded() {
    const server = await etcd({ authTokenTtlSeconds: 1, args: ["--bcrypt-cost", "4"] });
    await admin(server.endpoint, async (client) => {
      await client.auth.userAdd({ name: "root", password: "rootpass" });
      await client.auth.roleAdd({ name: "root" });
      await client.auth.userGrantRole({ user: "root", role: "root" });
      await client.auth.userAdd({ name: "catena", password: "p@ss:word" });
      await client.auth.roleAdd({ name: "routes" });
      await client.auth.roleGrantPermission({
        name: "routes",
        perm: { key: Buffer.from("/a/"), range_end: Buffer.from("/a0"), permType: "Readwrite" },
      });
      await client.auth.userGrantRole({ user: "catena", role: "routes" });
      await client.auth.authEnable();
    });
    return server;
  }

  test("an expired token is renewed, for calls and for the watch", async () => {
    const server = await guarded();
    const relay = await proxy({ targetPort: server.port });
    const watched = open(`etcd://${login}@${relay.endpoint}`);
    const store = open(`etcd://${login}@${server.endpoint}`);
    const seen = new WatchRecorder();
    watching(watched, "/a/", 1, seen);
    await write(store, put("/a/1", "1"));
    await until("the first change", () => seen.value("/a/1") === "1" && seen.isConnected);
    // The token lives 1 s; nothing but the passing of that time makes etcd forget it.
    await Bun.sleep(3_000);
    expect((await store.get("/a/1"))?.value).toBe("1");
    relay.cut();
    await until("the loss is told", () => !seen.isConnected);
    relay.heal();
    await until("it is connected", () => seen.isConnected);
    await write(store, put("/a/1", "2"));
    await until("the next change", () => seen.value("/a/1") === "2");
    expect(kinds(seen)).toEqual(["connected", "disconnected", "connected"]);
  });

  test("a restarted etcd, which has forgotten all tokens, is logged in to again", async () => {
    const server = await guarded();
    const store = open(`etcd://${login}@${server.endpoint}`);
    const seen = new WatchRecorder();
    watching(store, "/a/", 1, seen);
    await until("it is connected", () => seen.isConnected);
    await server.kill();
    await server.restart();
    await write(store, put("/a/1", "1"));
    await until("the change", () => seen.value("/a/1") === "1");
  });

  test.each([
    ["a wrong password", "catena:wr0ngsecret@", "authentication failed"],
    ["no login", "", "user name is empty"],
  ])("%s is told without secrets", async (_name, userInfo, reason) => {
    const server = await guarded();
    const store = open(`etcd://${userInfo}${server.endpoint}`);
    const seen = new WatchRecorder();
    watching(store, "/a/", 1, seen);
    const { code, message } = await failure(store.get("/a/1"));
    expect(code).toBe("STORE_UNAVAILABLE");
    expect(message).toContain(reason);
    await until("the watch tells it", () => seen.states.length > 0);
    for (const text of [message, store.url, JSON.stringify(seen.states)]) {
      expect(text).not.toContain("wr0ngsecret");
      expect(text).not.toContain("catena");
    }
  });

  test("a prefix that may not be read is told as a refusal, and once", async () => {
    const server = await guarded();
    const store = open(`etcd://${login}@${server.endpoint}`);
    const seen = new WatchRecorder();
    watching(store, "/other/", 1, seen);
    expect((await failure(store.list("/other/"))).message).toContain("permission denied");
    await until("the watch tells it", () => seen.states.length > 0);
    await Bun.sleep(1_500);
    expect(kinds(seen)).toEqual(["disconnected"]);
  });
});

describe("TLS", () => {
  const fixture = (name: string) => join(import.meta.dir, "fixtures", name);
  const [certFile, keyFile] = [fixture("server.pem"), fixture("server.key")];

  test("serves over TLS with the named certificate authority and server name", async () => {
    const server = await etcd({ tls: { certFile, keyFile } });
    const query = `?ca=${certFile}&servername=etcd.test`;
    const store = open(`etcd://${server.endpoint}${query}`);
    const seen = new WatchRecorder();
    watching(store, "/a/", 1, seen);
    await write(store, put("/a/1", "1"));
    await until("the change", () => seen.value("/a/1") === "1");
    expect(store.url).toBe(`etcd://${server.endpoint}`);
  });

  test.each([
    ["an unknown authority", "?tls=1&servername=etcd.test"],
    ["another server name", `?ca=${certFile}&servername=other.test`],
    ["no TLS at all", ""],
  ])("does not connect with %s", async (_name, query) => {
    const server = await etcd({ tls: { certFile, keyFile } });
    const store = open(`etcd://${server.endpoint}${query}`, { timeoutMs: 1_000 });
    expect((await failure(store.get("/a/1"))).code).toBe("STORE_UNAVAILABLE");
  });

  test("presents a client certificate where etcd asks for one", async () => {
    const server = await etcd({ tls: { certFile, keyFile, caFile: certFile } });
    const name = `?ca=${certFile}&servername=etcd.test`;
    const without = open(`etcd://${server.endpoint}${name}`, { timeoutMs: 1_000 });
    expect((await failure(without.get("/a/1"))).code).toBe("STORE_UNAVAILABLE");
    const store = open(`etcd://${server.endpoint}${name}&cert=${certFile}&key=${keyFile}`);
    expect(await store.get("/a/1")).toBeNull();
  });
});

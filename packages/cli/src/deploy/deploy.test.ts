import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatIssue, isGatewayError } from "@catena/errors";
import {
  type ConfigStore,
  openStore,
  readStaged,
  storeErrors,
  type Transaction,
} from "@catena/store";
import { startEtcd } from "@catena/testkit";
import { type DeployOptions, prepareDeploy } from "./deploy.ts";
import { readRecord } from "./deployment-record.ts";
import type { LocalResource } from "./plan-changes.ts";

const kinds = [
  {
    name: "SQLite",
    start: async () => {
      const folder = mkdtempSync(join(tmpdir(), "catena-deploy-"));
      return {
        url: `sqlite:${join(folder, "store.db")}`,
        stop: async () => rmSync(folder, { recursive: true, force: true }),
      };
    },
  },
  { name: "etcd", start: () => startEtcd() },
];

const up = { kind: "upstreams", id: "up", value: { nodes: { "127.0.0.1:1": 1 } } } as const;
const route = (id: string, over: object = {}): LocalResource => ({
  kind: "routes",
  id,
  value: { uri: `/${id}`, upstream_id: "up", ...over },
});
const many = (count: number, desc: string): readonly LocalResource[] => [
  up,
  ...Array.from({ length: count }, (_, i) => route(`r${i}`, { desc })),
];

async function codeOf(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
  } catch (error) {
    if (isGatewayError(error)) return error.code;
    throw error;
  }
  return "no error";
}

describe.each(kinds)("deploy to $name", ({ start }) => {
  let bed: { readonly url: string; stop(): Promise<void> };
  let store: ConfigStore;
  let serial = 0;

  beforeAll(async () => {
    bed = await start();
    store = openStore(bed.url);
  });
  afterAll(async () => {
    await store.close();
    await bed.stop();
  });

  /** Options of a key space and a name of a test's own. */
  const fresh = (): DeployOptions => ({
    store,
    prefix: `/p${++serial}`,
    name: `n${serial}`,
    prune: false,
    keyring: [],
    now: 100,
  });
  const served = async ({ prefix }: DeployOptions) => {
    const { entries } = readStaged(await store.list(`${prefix}/`), `${prefix}/`);
    return new Map(
      entries.map(({ key, value }) => [
        key.slice(prefix.length + 1),
        JSON.parse(value) as Readonly<Record<string, unknown>>,
      ]),
    );
  };
  const deploy = async (resources: readonly LocalResource[], options: DeployOptions) =>
    (await prepareDeploy(resources, options)).commit();

  test("writes everything at one revision, and nothing when nothing changed", async () => {
    const options = fresh();
    const revision = await deploy([up, route("a")], options);
    const { entries } = await store.list(`${options.prefix}/`);
    expect(entries.map(({ modRevision }) => modRevision)).toEqual([revision, revision] as number[]);
    expect(await deploy([up, route("a")], { ...options, now: 200 })).toBeNull();
  });

  test("writes nothing when somebody changed one of the keys since the plan was made", async () => {
    const options = fresh();
    await deploy([up, route("a"), route("b")], options);
    const prepared = await prepareDeploy(
      [up, route("a", { desc: "mine" }), route("b", { desc: "mine" })],
      options,
    );
    await deploy([up, route("b", { desc: "theirs" })], { ...options, name: "theirs" });
    expect(await codeOf(prepared.commit())).toBe("DEPLOY_CONFLICT");
    const now = await served(options);
    expect([now.get("routes/a")?.["desc"], now.get("routes/b")?.["desc"]]).toEqual([
      undefined,
      "theirs",
    ]);
  });

  test("writes what no transaction of etcd could take, and prunes it again", async () => {
    const options = fresh();
    const revision = await deploy(many(1_000, "one"), options);
    expect(revision).toBeNumber();
    const list = await store.list(`${options.prefix}/routes/`);
    expect(list.entries).toHaveLength(1_000);
    expect(await deploy(many(1_000, "one"), options)).toBeNull();
    const changed = await prepareDeploy(many(1_000, "two"), options);
    expect(changed.plan).toMatchObject({ unchanged: 1, orphans: [] });
    await changed.commit();
    expect((await served(options)).get("routes/r999")?.["desc"]).toBe("two");
    await deploy([up], { ...options, prune: true });
    expect([...(await served(options)).keys()].filter((key) => key.startsWith("routes"))).toEqual(
      [],
    );
  }, 60_000);

  test("completes what a deploy that died after its commit left behind", async () => {
    const options = fresh();
    // Every write is too large for it as a whole, and its third one, the first move, finds it gone.
    let writes = 0;
    const dying: ConfigStore = {
      url: store.url,
      get: (key) => store.get(key),
      list: (prefix) => store.list(prefix),
      watch: (prefix, from, handler) => store.watch(prefix, from, handler),
      close: async () => undefined,
      transact: (transaction: Transaction) => {
        const isWhole = transaction.operations.length > 120;
        if (!isWhole && ++writes >= 3) throw new Error("killed");
        return isWhole
          ? Promise.reject(storeErrors.STORE_TOO_LARGE({ url: store.url, reason: "planted" }))
          : store.transact(transaction);
      },
    };
    const resources = many(300, "one");
    const prepared = await prepareDeploy(resources, { ...options, store: dying });
    expect(await prepared.commit().catch(String)).toBe("Error: killed");
    expect((await store.list(`${options.prefix}/routes/`)).entries).toHaveLength(0);
    expect((await served(options)).size).toBe(301);

    const next = await prepareDeploy([...resources, route("more")], options);
    expect(next.plan.changes.map(({ name }) => name)).toEqual(["routes/more"]);
    await next.commit();
    expect((await store.list(`${options.prefix}/routes/`)).entries).toHaveLength(301);
    expect(await deploy([...resources, route("more")], options)).toBeNull();
  });

  test("keeps the names of more resources than one record takes", async () => {
    const options = fresh();
    await deploy(many(6_000, "one"), options);
    const record = await readRecord(store, options.name);
    expect(record.entries).toHaveLength(2);
    expect(record.keys).toHaveLength(6_001);
    await deploy(many(10, "one"), { ...options, prune: true });
    expect((await readRecord(store, options.name)).keys).toHaveLength(11);
    expect((await served(options)).size).toBe(11);
  }, 60_000);

  test("knows chains by the names that they give themselves, stored or deployed with", async () => {
    const options = fresh();
    const reply = { body: {} };
    const chain = (conf: object) => ({
      upstream_id: undefined,
      plugins: { "proxy-chain": { v: 1, reply, ...conf } },
    });
    const inner = route("inner", chain({ id: "named", steps: [{ name: "x", value: 1 }] }));
    const user = route("user", chain({ steps: [{ name: "x", sub: { chain: "named" } }] }));
    const missing = await prepareDeploy([user], options);
    expect(missing.issues.map(formatIssue)).toEqual([expect.stringContaining("routes/named")]);
    expect((await prepareDeploy([inner, user], options)).issues).toEqual([]);
    await deploy([inner], { ...options, name: "others" });
    expect((await prepareDeploy([user], options)).issues).toEqual([]);
  });

  test("refuses what would point at nothing", async () => {
    const options = fresh();
    const missing = await prepareDeploy([route("a")], options);
    expect(missing.issues.map(formatIssue)).toEqual([
      expect.stringContaining("routes/a /upstream_id: refers to upstreams/up"),
    ]);
    await deploy([up, route("a")], options);
    await deploy([route("b")], { ...options, name: "others" });
    const pruned = await prepareDeploy([], { ...options, prune: true });
    expect(pruned.issues.map(formatIssue)).toEqual([
      expect.stringContaining("routes/b /upstream_id: refers to upstreams/up, which is to be"),
    ]);
    // What goes along is no reason.
    const alone = await prepareDeploy([], { ...options, name: "others", prune: true });
    expect(alone.issues).toEqual([]);
  });
});

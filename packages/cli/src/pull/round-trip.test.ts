import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StoredResource } from "@catena/dsl";
import { ChainGenerator } from "@catena/dsl/testbed";
import { formatIssue } from "@catena/errors";
import { canonicalJson } from "@catena/ir";
import type { JsonObject } from "@catena/schema";
import { type ConfigStore, openStore } from "@catena/store";
import { startEtcd } from "@catena/testkit";
import fc from "fast-check";
import { loadConfig } from "../config/load-config.ts";
import { readResourceList } from "../config/read-resource-list.ts";
import { prepareDeploy } from "../deploy/deploy.ts";
import { runCatena } from "../run-catena.testbed.ts";
import { pull, toConfigFiles } from "./pull.ts";
import { writeFiles } from "./write-files.ts";

const stores = [
  {
    name: "SQLite",
    start: async () => {
      const folder = mkdtempSync(join(tmpdir(), "catena-pull-"));
      return {
        url: `sqlite:${join(folder, "store.db")}`,
        stop: async () => rmSync(folder, { recursive: true, force: true }),
      };
    },
  },
  { name: "etcd", start: () => startEtcd() },
];

const pem = (label: string) =>
  `-----BEGIN ${label}-----\n${"A".repeat(128)}\n-----END ${label}-----\n`;

/** One of every kind, with what is easily lost: names that are none in TypeScript, odd texts, nesting. */
const everyKind: readonly StoredResource[] = [
  {
    kind: "upstreams",
    id: "orders-v1",
    value: {
      id: "orders-v1",
      nodes: [{ host: "a.example", port: 80, weight: 0 }],
      tls: { client_cert: pem("CERTIFICATE"), client_key: pem("PRIVATE KEY") },
    },
  },
  { kind: "upstreams", id: "2", value: { id: "2", nodes: { "a:1": 1, "[::1]:80": 2 } } },
  {
    kind: "services",
    id: "class",
    value: { id: "class", upstream_id: "orders-v1", hosts: ["*.x"] },
  },
  {
    kind: "plugin_configs",
    id: "p.1",
    value: { id: "p.1", plugins: { cors: { allow_origins: "**" } } },
  },
  { kind: "consumer_groups", id: "g", value: { id: "g", plugins: {} } },
  {
    kind: "consumers",
    id: "jack",
    value: { username: "jack", group_id: "g", plugins: { "key-auth": { key: "hush-1" } } },
  },
  {
    kind: "credentials",
    id: "jack/credentials/main",
    value: {
      id: "main",
      plugins: { "basic-auth": { username: "jack", password: "hush-`$\u007b2}`\\" } },
    },
  },
  {
    kind: "global_rules",
    id: "1",
    value: { id: "1", plugins: { echo: { body: "\u2028\u0000\"'`$\u007bx}\\n</script>\n" } } },
  },
  {
    kind: "plugin_metadata",
    id: "http-logger",
    value: {
      id: "http-logger",
      // biome-ignore lint/suspicious/noThenProperty: a member of that name is what is to be kept
      log_format: { "a b": "$host", then: "x", constructor: "y" },
    },
  },
  { kind: "protos", id: "pb", value: { id: "pb", content: 'syntax = "proto3";\n' } },
  {
    kind: "secrets",
    id: "vault/1",
    value: { id: "1", uri: "http://v", prefix: "kv", token: "hush-3" },
  },
  {
    kind: "ssls",
    id: "tls",
    value: { id: "tls", cert: pem("CERTIFICATE"), key: pem("PRIVATE KEY"), snis: ["a.example"] },
  },
  {
    kind: "stream_routes",
    id: "tcp",
    value: { id: "tcp", server_port: 9100, upstream_id: "orders-v1" },
  },
  {
    kind: "routes",
    id: "gateway",
    value: {
      id: "gateway",
      uris: ["/g", "/h/*"],
      vars: [["arg_x", "==", "1"]],
      priority: -1,
      upstream_id: "2",
      plugins: {
        "proxy-chain": { services: [{ uri: "http://a/b", name: "one" }], token_header: "X-T" },
        "key-auth": {},
      },
    },
  },
  {
    kind: "routes",
    id: "3",
    value: {
      id: "3",
      uri: "/numbers",
      upstream_id: 2,
      plugins: { "proxy-chain": { services: [{ uri: "http://a/b", upstream_id: 2 }] } },
    },
  },
  {
    kind: "routes",
    id: "plain",
    value: { id: "plain", uri: "/plain", service_id: "class", plugin_config_id: "p.1", status: 0 },
  },
];

const chainRoute = (id: string, chain: object): StoredResource => ({
  kind: "routes",
  id,
  value: { id, uri: `/${id}/:id`, plugins: { "proxy-chain": { ...chain } } },
});

/** The text at a JSON pointer. */
function textAt(value: unknown, path: string): string {
  const found = path
    .split("/")
    .slice(1)
    .reduce((holder: unknown, name) => Reflect.get(Object(holder), name), value);
  return String(found);
}

/** Routes with generated chains, each by a name of its own. */
function generateRoutes(draw: fc.GeneratorValue, count: number): readonly StoredResource[] {
  return Array.from({ length: count }, (_, i) => {
    const chain = new ChainGenerator((make) => draw(make)).chain();
    return chainRoute(`Chain.${i}`, chain.id === undefined ? chain : { ...chain, id: `own-${i}` });
  });
}

describe.each(stores)("compile, store, pull and compile again, with $name", ({ start }) => {
  let bed: { readonly url: string; stop(): Promise<void> };
  let store: ConfigStore;
  let folder: string;
  let serial = 0;

  beforeAll(async () => {
    bed = await start();
    store = openStore(bed.url);
    folder = mkdtempSync(join(tmpdir(), "catena-pull-"));
  });
  afterAll(async () => {
    await store.close();
    await bed.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  type Way = {
    readonly keyring?: readonly string[];
    readonly withSecrets?: boolean;
    readonly format?: "typescript" | "json";
    readonly file?: string;
  };

  /** Stores resources under a prefix of their own and gives what compiling the pulled files gives. */
  async function roundTrip(resources: readonly StoredResource[], way: Way = {}) {
    const { keyring = [], withSecrets = true, format = "typescript", file = null } = way;
    const prefix = `/p${serial++}`;
    const deploy = { store, prefix, keyring, name: `n${serial}`, prune: false, now: 7 };
    await (await prepareDeploy(resources, deploy)).commit();
    const pulled = await pull({ store, prefix, keyring, kinds: null, withSecrets, format });
    expect({ missing: pulled.missing, notes: pulled.notes }).toEqual({ missing: [], notes: [] });
    const cwd = join(folder, prefix);
    writeFiles(toConfigFiles(pulled, { file, format }), { cwd, force: false, isSecret: false });
    const { value, issues } = await loadConfig([cwd], {
      target: "catena",
      knownHosts: new Set(),
    });
    expect(issues.map(formatIssue)).toEqual([]);
    return { pulled, compiled: value?.resources ?? [] };
  }

  const byName = (resources: readonly StoredResource[]): Readonly<Record<string, JsonObject>> =>
    Object.fromEntries(resources.map(({ kind, id, value }) => [`${kind}/${id}`, value]));

  test.each<readonly [string, Way]>([
    ["TypeScript in a folder", {}],
    ["TypeScript in one file", { file: "all.ts" }],
    ["JSON in a folder", { format: "json" }],
    ["JSON in one file", { format: "json", file: "all.json" }],
    ["secrets encrypted in the store", { keyring: ["0123456789abcdef"] }],
  ])("gives the same resources of every kind: %s", async (_name, way) => {
    const { compiled } = await roundTrip(everyKind, way);
    expect(byName(compiled)).toEqual(byName(everyKind));
  });

  test("gives the same secrets by way of the environment", async () => {
    const prefix = `/p${serial++}`;
    const deploy = { store, prefix, keyring: [], name: prefix.slice(1), prune: false, now: 7 };
    await (await prepareDeploy(everyKind, deploy)).commit();
    const options = { store, prefix, keyring: [], kinds: null, withSecrets: false } as const;
    const pulled = await pull({ ...options, format: "typescript" });
    expect(pulled.leftOut.map(({ resource, path }) => `${resource} ${path}`).toSorted()).toEqual([
      "consumers/jack /plugins/key-auth/key",
      "consumers/jack/credentials/main /plugins/basic-auth/password",
      "secrets/vault/1 /token",
      "ssls/tls /key",
      "upstreams/orders-v1 /tls/client_key",
    ]);
    const files = toConfigFiles(pulled, { file: null, format: "typescript" });
    for (const text of files.values()) expect(text).not.toMatch(/hush|BEGIN PRIVATE/);
    const cwd = join(folder, prefix);
    writeFiles(files, { cwd, force: false, isSecret: false });
    const without = await runCatena(["compile", cwd], folder);
    expect(without).toMatchObject({ code: 1, stdout: "" });
    expect(without.stderr).toContain("SECRET_JACK_KEY_AUTH_KEY is not set");
    const wanted = byName(everyKind);
    const environment = pulled.leftOut.map(({ variable, resource, path }) => {
      const name = resource.replace(/^consumers(?=\/.*\/)/, "credentials");
      return [variable, textAt(wanted[name], path)];
    });
    const { stdout } = await runCatena(["compile", cwd], folder, Object.fromEntries(environment));
    expect(byName(readResourceList(stdout, "stdout").resources)).toEqual(wanted);
    const json = toConfigFiles(await pull({ ...options, format: "json" }), {
      file: "a",
      format: "json",
    });
    expect(json.get("a")).toContain('"key": "$env://SECRET_JACK_KEY_AUTH_KEY"');
    expect(json.get("a")).not.toMatch(/hush|BEGIN PRIVATE/);
  });

  test("gives the same chains, whatever they say", async () => {
    await fc.assert(
      fc.asyncProperty(fc.gen(), async (draw) => {
        const routes = generateRoutes(draw, 12);
        const { compiled } = await roundTrip(routes);
        expect(canonicalJson(byName(compiled))).toBe(canonicalJson(byName(routes)));
      }),
      { numRuns: 4, endOnFailure: true },
    );
  }, 60_000);
});

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatIssue } from "@catena/errors";
import { type ConfigStore, openStore } from "@catena/store";
import { openStoreToRead } from "./open-store-to-read.ts";
import { type PullOptions, pull, toConfigFiles } from "./pull.ts";
import { writeFiles } from "./write-files.ts";

let folder: string;
let store: ConfigStore;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "catena-pull-"));
  store = openStore(`sqlite:${join(folder, "store.db")}`);
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Writes items as somebody else would, book-keeping and all. */
async function put(items: Readonly<Record<string, unknown>>): Promise<void> {
  await store.transact({
    comparisons: [],
    operations: Object.entries(items).map(([key, value]) => ({
      kind: "put",
      key: `/apisix/${key}`,
      value: typeof value === "string" ? value : JSON.stringify(value),
    })),
  });
}

async function pullAll(over: Partial<PullOptions> = {}) {
  const options = { store, prefix: "/apisix", keyring: [], kinds: null, withSecrets: true };
  const pulled = await pull({ ...options, format: "typescript", ...over });
  const source = toConfigFiles(pulled, { file: "a", format: "typescript" }).get("a") ?? "";
  const told = [...pulled.missing, ...pulled.notes].map(formatIssue);
  return { ...pulled, source, told };
}

const up = { id: "u", nodes: { "a:1": 1 }, create_time: 1, update_time: 2 };

test("what is no resource is not looked at, and what the store adds is left out", async () => {
  await put({ "upstreams/": "init_dir", "upstreams/u": up, "other/x": "1", data_plane: "{}" });
  const { source, told } = await pullAll();
  expect(told).toEqual([]);
  expect(source).toBe(`import { upstream } from "@catena/dsl";

export const u = upstream("u", { nodes: { "a:1": 1 } });
`);
});

test("what cannot be read is told, and the rest is there", async () => {
  await put({ "upstreams/u": up, "routes/broken": '{"uri":', "routes/list": "[]" });
  const { source, missing } = await pullAll();
  expect(missing.map(formatIssue)).toEqual([
    expect.stringMatching(/^routes\/broken not JSON: /),
    "routes/list no JSON object",
  ]);
  expect(source).toContain("export const u = ");
});

describe("what would not compile again is told", () => {
  test.each<readonly [string, Readonly<Record<string, unknown>>, readonly string[]]>([
    [
      "a plugin this build lacks",
      { "routes/r": { uri: "/r", upstream_id: "u", plugins: { "openid-connect": {} } } },
      ["routes/r", "openid-connect"],
    ],
    [
      "a document that is not valid",
      { "routes/r": { uri: "/r", upstream_id: "u", methods: ["FETCH"] } },
      ["routes/r", "/methods/0"],
    ],
    [
      "routes that match the same",
      {
        "routes/a": { uri: "/r", upstream_id: "u" },
        "routes/b": { uri: "/r", upstream_id: "u" },
      },
      ["routes/b", "routes/a"],
    ],
    [
      "a private key of another keyring",
      { "upstreams/v": { nodes: {}, tls: { client_cert: "c", client_key: "QUJD" } } },
      ["upstreams/v", "no key of the keyring decrypts"],
    ],
  ])("%s", async (_what, items, says) => {
    await put({ "upstreams/u": up, ...items });
    const { told, resources } = await pullAll();
    for (const part of says) expect(told.join("\n")).toContain(part);
    expect(resources).toHaveLength(1 + Object.keys(items).length);
  });
});

test("only the kinds asked for are there, and refer to the others by id", async () => {
  await put({ "upstreams/u": up, "routes/r": { uri: "/r", upstream_id: "u" } });
  const { source } = await pullAll({ kinds: new Set(["routes"]) });
  expect(source).toContain('route("r", { uri: "/r", upstream_id: "u" })');
});

describe("files", () => {
  const files = new Map([
    ["a.ts", "a"],
    ["sub/b.ts", "b"],
  ]);
  const options = () => ({ cwd: folder, force: false, isSecret: false });

  test("are all written, or none", () => {
    mkdirSync(join(folder, "sub"));
    writeFileSync(join(folder, "sub/b.ts"), "mine");
    expect(() => writeFiles(files, options())).toThrow("sub/b.ts would be overwritten");
    expect(existsSync(join(folder, "a.ts"))).toBe(false);
    writeFiles(files, { ...options(), force: true });
    expect(readFileSync(join(folder, "sub/b.ts"), "utf8")).toBe("b");
  });
});

test("an SQLite file that is not there is not made", () => {
  const file = join(folder, "none.db");
  expect(() => openStoreToRead(`sqlite:${file}`)).toThrow(`there is no store at ${file}`);
  expect(existsSync(file)).toBe(false);
});

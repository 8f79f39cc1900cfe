import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultSettings } from "@catena/gateway";
import { type ConfigStore, openStore } from "@catena/store";
import { startEtcd } from "@catena/testkit";
import { noStyle, type Output } from "../output.ts";
import { DevLoop } from "./dev-loop.ts";

let folder: string;
let store: ConfigStore;
let printed: string[];
let loop: DevLoop | null;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "catena-dev-"));
  mkdirSync(join(folder, "configs"));
  store = openStore(`sqlite:${join(folder, "store.db")}`);
  printed = [];
  loop = null;
});
afterEach(async () => {
  await loop?.stop();
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const dsl = 'import { route } from "@catena/dsl";\n';
const config = (uri: string) =>
  `${dsl}export const x = route({ uri: "${uri}", upstream: { nodes: { "127.0.0.1:1": 1 } } });\n`;
const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
const output: Output = {
  style: noStyle,
  out: (text) => printed.push(text),
  err: (text) => printed.push(text),
};

async function start(paths: readonly string[] = ["configs"]): Promise<void> {
  loop = new DevLoop({
    paths: paths.map((path) => join(folder, path)),
    store,
    settings: defaultSettings,
    settingsFile: join(folder, "gateway.ts"),
    output,
  });
  await loop.deploy();
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + 20_000;
  while (!(await holds())) {
    if (performance.now() > giveUpAt) {
      throw new Error(`waited in vain for ${what}:\n${printed.join("\n")}`);
    }
    await Bun.sleep(2);
  }
}

async function uris(): Promise<readonly unknown[]> {
  const { entries } = await store.list("/apisix/routes/");
  return entries.map(({ value }) => JSON.parse(value).uri);
}
const deployed = (...wanted: readonly string[]) =>
  until(`routes ${wanted.join(" ")}`, async () => Bun.deepEquals(await uris(), wanted));

describe("the dev loop deploys", () => {
  test("what is saved, created and deleted, in new folders too", async () => {
    write("configs/a.ts", config("/one"));
    await start();
    expect(await uris()).toEqual(["/one"]);
    write("configs/a.ts", config("/two"));
    await deployed("/two");
    mkdirSync(join(folder, "configs/more"));
    write("configs/more/b.json", '{"routes":[{"id":"y","uri":"/y","plugins":{"mocking":{}}}]}');
    await until("the mistake in b.json", () => printed.some((line) => line.includes("b.json")));
    write(
      "configs/more/b.json",
      '{"routes":[{"id":"y","uri":"/y","plugins":{"mocking":{"response_example":"y"}}}]}',
    );
    await deployed("/two", "/y");
    rmSync(join(folder, "configs/more"), { recursive: true });
    await deployed("/two");
  });

  test("a file that an editor replaces, named by itself", async () => {
    write("configs/a.ts", config("/one"));
    await start(["configs/a.ts"]);
    for (const uri of ["/two", "/three"]) {
      write("configs/a.ts.new", config(uri));
      renameSync(join(folder, "configs/a.ts.new"), join(folder, "configs/a.ts"));
      await deployed(uri);
    }
  });

  test("what a file outside the folder says, once it is imported", async () => {
    mkdirSync(join(folder, "lib"));
    write("lib/uri.ts", 'export const uri = "/one";\n');
    write("configs/a.ts", config("/none"));
    await start();
    write(
      "configs/a.ts",
      `import { uri } from "../lib/uri.ts";\n${config("/none").replace('"/none"', "uri")}`,
    );
    await deployed("/one");
    write("lib/uri.ts", 'export const uri = "/two";\n');
    await deployed("/two");
  });

  test("nothing while something is wrong, and says it once", async () => {
    write("configs/a.ts", config("/one"));
    await start();
    write("configs/a.ts", `${config("/two")}}`);
    await until("the mistake", () => printed.some((line) => line.includes("a.ts:3:1")));
    await loop?.deploy();
    await loop?.deploy();
    expect(printed.filter((line) => line.includes("not deployed"))).toHaveLength(1);
    expect(await uris()).toEqual(["/one"]);
    write("configs/a.ts", config("/three"));
    await deployed("/three");
  });

  test("over what somebody else wrote meanwhile nothing, until a file is saved", async () => {
    write("configs/a.ts", config("/one"));
    await start();
    await store.transact({
      comparisons: [],
      operations: [{ kind: "put", key: "/apisix/routes/theirs", value: '{"uri":"/theirs"}' }],
    });
    write("configs/a.ts", config("/two"));
    await deployed("/theirs", "/two");
  });

  test("when its store comes, which it was started without", async () => {
    const etcd = await startEtcd();
    await etcd.kill();
    await store.close();
    store = openStore(etcd.url, { etcd: { timeoutMs: 300 } });
    write("configs/a.ts", config("/one"));
    await start();
    expect(printed.join("\n")).toContain("does not answer");
    expect(printed.join("\n")).toContain("trying again");
    await etcd.restart();
    await deployed("/one");
    await loop?.stop();
    await etcd.stop();
  });
});

test("settings that changed are not used, which is said", async () => {
  write("gateway.ts", "export default {};\n");
  write("configs/a.ts", config("/one"));
  await start();
  write("gateway.ts", "export default { drainSeconds: 0 };\n");
  await loop?.deploy();
  await loop?.deploy();
  expect(printed.filter((line) => line.includes("start again"))).toHaveLength(1);
});

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { CompiledResource } from "@catena/dsl";
import { formatIssue } from "@catena/errors";
import { evaluate } from "./evaluate.ts";
import { loadConfig } from "./load-config.ts";
import { toListItem } from "./read-resource-list.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "catena-load-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const dsl = 'import { consumer, credential, route, secret, upstream } from "@catena/dsl";\n';
const options = { target: "catena", knownHosts: new Set<string>() } as const;

function write(files: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(files).map(([name, text]) => {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  });
}

async function load(files: Readonly<Record<string, string>>) {
  return loadConfig(write(files), options);
}

async function issuesOf(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const { value, issues } = await load(files);
  expect(value).toBeUndefined();
  return issues.map((issue) => formatIssue(issue).replaceAll(`${folder}/`, ""));
}

describe("files of all formats are one set of resources", () => {
  test("from TypeScript, JSON and manifests, in folders anywhere", async () => {
    const { value } = await load({
      "a/r.ts": `${dsl}export const r = route({ uri: "/r", upstream_id: "u" });\n`,
      "b.json": '{"upstreams": [{"id": "u", "nodes": {"127.0.0.1:1": 1}}]}',
      "c.yaml":
        "apiVersion: apisix.apache.org/v2\nkind: ApisixRoute\nmetadata: { name: k }\nspec:\n  http:\n    - name: k\n      match: { paths: [/k] }\n      backends: [{ serviceName: s, servicePort: 80 }]\n",
    });
    expect(value?.files).toBe(3);
    // What is referred to comes first.
    expect(value?.resources.map(({ kind }) => kind)).toEqual([
      "upstreams",
      "upstreams",
      "services",
      "routes",
      "routes",
    ]);
  });

  test("a shared file that a config imports is one it depends on, and declares nothing twice", async () => {
    const [shared = ""] = write({
      "shared.ts": `${dsl}export const up = upstream("up", { nodes: { "127.0.0.1:1": 1 } });\n`,
    });
    const { value, dependsOn } = await loadConfig(
      write({
        "one.ts": `${dsl}import { up } from "./shared.ts";\nexport const one = route({ uri: "/1", upstream_id: up });\n`,
        "two.ts": `${dsl}import { up } from "./shared.ts";\nexport const two = route({ uri: "/2", upstream_id: up });\n`,
      }),
      options,
    );
    expect(value?.resources.map(({ id }) => id)).toEqual(["up", "one", "two"]);
    expect(dependsOn).toEqual([join(folder, "one.ts"), join(folder, "two.ts"), shared]);
  });

  test("what compile prints is read back as the same resources", async () => {
    const { value } = await load({
      "a.ts": `${dsl}
        export const up = upstream({ nodes: { "127.0.0.1:1": 1 } });
        export const r = route({ uri: "/r", upstream_id: up });
        export const jack = consumer("jack", {});
        export const main = credential("jack", "main", { plugins: { "key-auth": { key: "k" } } });
        export const vault = secret("vault", "v1", { uri: "http://127.0.0.1:1", prefix: "p", token: "t" });`,
    });
    const strip = (resources: readonly CompiledResource[] = []) =>
      resources.map(({ kind, id, value }) => ({ kind, id, value }));
    const lists = Object.groupBy(value?.resources ?? [], ({ kind }) => kind);
    const text = JSON.stringify(
      Object.fromEntries(
        Object.entries(lists).map(([kind, list = []]) => [kind, list.map(toListItem)]),
      ),
    );
    const again = await load({ "list.json": text });
    expect(again.issues).toEqual([]);
    expect(strip(again.value?.resources)).toEqual(strip(value?.resources));
    expect(strip(value?.resources).map(({ id }) => id)).toContain("jack/credentials/main");
  });

  test("each evaluation sees the file as it is now", async () => {
    const config = (uri: string) =>
      `${dsl}export const r = route({ uri: "${uri}", upstream_id: "u" });\n`;
    for (const uri of ["/a", "/b"]) {
      const { value } = await load({ "a.ts": config(uri) });
      expect(value?.resources[0]?.value["uri"]).toBe(uri);
    }
  });
});

describe("what is wrong is told with its place", () => {
  const cases: readonly (readonly [
    name: string,
    files: Readonly<Record<string, string>>,
    says: readonly string[],
  ])[] = [
    [
      "a field of a JSON list, at its line",
      { "a.json": '{"routes": [\n  {"id": "a",\n   "uri": 5, "upstream_id": "u"}]}' },
      ["a.json:3:11 routes/a /uri: ", "expected string"],
    ],
    [
      "a JSON list of a kind that does not exist",
      { "a.json": '{"upstrems": []}' },
      ["a.json:1:14 /upstrems: not a list of resources by kind", "did you mean upstreams?"],
    ],
    [
      "a JSON resource without id",
      { "a.json": '{"routes": [{"uri": "/a"}]}' },
      ['a.json:1:13 /routes/0: a resource without an id; expected "id"'],
    ],
    [
      "a JSON member given twice",
      { "a.json": '{"routes": [],\n "routes": []}' },
      ["a.json:2:2 /routes: the same member twice"],
    ],
    [
      "an id that two formats declare",
      {
        "a.ts": `${dsl}export const x = route({ uri: "/a", upstream_id: "u" });\n`,
        "b.json": '{"routes": [{"id": "x", "uri": "/b", "upstream_id": "u"}]}',
      },
      ["b.json:1:13 routes/x declared already at a.ts:2:18"],
    ],
    [
      "a match that two formats declare",
      {
        "a.ts": `${dsl}export const x = route({ uri: "/a", upstream_id: "u" });\n`,
        "b.json": '{"routes": [{"id": "y", "uri": "/a", "upstream_id": "u"}]}',
      },
      ["b.json:1:13 routes/y matches the same requests as routes/x at a.ts:2:18"],
    ],
    [
      "a throw in a file that a config imports",
      {
        "a.ts": 'import { f } from "./lib/f.ts";\nf();\n',
        "lib/f.ts": 'export function f() {\n  throw new Error("no region");\n}\n',
      },
      ["lib/f.ts:2:", "no region"],
    ],
    [
      "findings of several files at once",
      { "a.json": "{", "b.json": "[]", "c.ts": "export const x = ;" },
      ["a.json:1:2", "b.json:1:1", "c.ts:1:18"],
    ],
    [
      "a promise that is never kept",
      { "a.ts": "process.exit(3);\n" },
      ["ended without a result", "process.exit"],
    ],
  ];
  test.each(cases)("%s", async (_name, files, says) => {
    const text = (await issuesOf(files)).join("\n");
    for (const part of says) expect(text).toContain(part);
  });

  test("a file that may not be read", async () => {
    const [path = ""] = write({ "a.json": "{}" });
    chmodSync(path, 0o000);
    // Root reads everything.
    const isRoot = process.getuid?.() === 0;
    const { issues } = await loadConfig([path], options);
    expect(issues.map(({ code }) => code)).toEqual(isRoot ? [] : ["CONFIG_UNREADABLE"]);
  });

  test("a folder named as if it were a file's parent", async () => {
    const [path = ""] = write({ "a.json": "{}" });
    const { issues } = await loadConfig([join(path, "b.json")], options);
    expect(issues.map(({ code }) => code)).toEqual(["CONFIG_UNREADABLE"]);
  });

  test.each([
    ["a loop", "for (;;) {}"],
    ["an await that never ends", "await new Promise(() => undefined);"],
  ])("%s is ended when its time is over", async (_name, text) => {
    const files = write({ "a.ts": `${text}\nexport {};\n` });
    const reply = await evaluate({ files, want: "resources", target: "catena" }, 200);
    expect(reply).toMatchObject({ kind: "issues", issues: [{ code: "CONFIG_TIMEOUT" }] });
  });

  test("cases that never end are ended too, and told as such", async () => {
    const files = write({
      "a.spec.ts": `import { chain, value } from "@catena/dsl";
import { chainCases } from "@catena/testing";
const one = chain({ route: "/" }).step("v", () => value(1)).reply(($) => ({ v: $.v }));
export const tests = chainCases(one, { a: { check: () => { for (;;) {} } } });\n`,
    });
    const reply = await evaluate({ files, want: "cases" }, 1_000);
    expect(reply).toMatchObject({ issues: [{ code: "CONFIG_TIMEOUT" }] });
    expect(reply.kind === "issues" ? reply.issues[0]?.message : "").toStartWith(
      "running the cases of",
    );
  });
});

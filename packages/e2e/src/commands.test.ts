import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CatenaProcess, runCatena, startCatena } from "./bed/catena-process.ts";
import { until } from "./bed/gateway-bed.ts";
import { type Service, startService } from "./bed/service.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "catena-commands-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
const dsl = 'import { chain, route, upstream } from "@catena/dsl";\n';

describe("a config that is wrong is refused with its place, and nothing is written", () => {
  const cases: readonly (readonly [
    name: string,
    files: Readonly<Record<string, string>>,
    says: readonly string[],
  ])[] = [
    [
      "a syntax error",
      { "a.ts": `${dsl}export const x = route({ uri: "/x",,, });\n` },
      ["a.ts:2:", "can't be evaluated"],
    ],
    [
      "a config that throws",
      { "a.ts": 'const x = 1;\nthrow new Error("no region set");\nexport { x };\n' },
      ["a.ts:2:", "no region set"],
    ],
    [
      "an import that does not exist",
      { "a.ts": 'import { a } from "./missing.ts";\nexport { a };\n' },
      ["a.ts:1:", "missing.ts"],
    ],
    [
      "an unknown field",
      { "a.ts": `${dsl}export const x = route({ uri: "/x", upstrem_id: "1" } as never);\n` },
      ["a.ts:2:", "routes/x", "upstrem_id", "upstream_id"],
    ],
    [
      "a field of the wrong type",
      { "a.ts": `${dsl}export const x = route({ uri: 5, upstream_id: "1" } as never);\n` },
      ["a.ts:2:", "routes/x /uri", "string"],
    ],
    [
      "two routes with one id",
      {
        "a.ts": `${dsl}export const x = route("x", { uri: "/a", upstream_id: "1" });\n`,
        "b.ts": `${dsl}export const y = route("x", { uri: "/b", upstream_id: "1" });\n`,
      },
      ["routes/x", "a.ts:2:", "b.ts:2:"],
    ],
    [
      "two routes that match the same",
      {
        "a.ts": `${dsl}export const x = route({ uri: "/a", upstream_id: "1" });
export const y = route({ uri: "/a", upstream_id: "1" });\n`,
      },
      ["routes/x", "routes/y", "a.ts:"],
    ],
    [
      "a plugin that does not exist",
      {
        "a.ts": `${dsl}export const x = route({ uri: "/a", upstream_id: "1", plugins: { "key-aut": {} } } as never);\n`,
      },
      ["key-aut", "key-auth"],
    ],
    [
      "a JSON list with a trailing comma",
      { "a.json": '{"routes": [1,]}' },
      ["a.json:1:14", "trailing comma"],
    ],
    [
      "a manifest with a field that is not known",
      {
        "a.yaml":
          "apiVersion: apisix.apache.org/v2\nkind: ApisixRoute\nmetadata: { name: a }\nspec:\n  http:\n    - name: a\n      match: { path: [/a] }\n      backends: [{ serviceName: s, servicePort: 80 }]\n",
      },
      ["a.yaml:7:", "paths"],
    ],
    [
      "a reference used as a value",
      {
        "a.ts": `${dsl}export const x = chain({ route: "/x" })
  .step("a", { uri: "http://a/x" })
  .reply(($) => ({ v: $.a.name ?? "none" }));\n`,
      },
      ["a.ts:4:23", "used with ??", "or(value, default)"],
    ],
    ["a config that ends the process", { "a.ts": "process.exit(0);\n" }, ["process.exit"]],
  ];

  test.each(cases)("%s", async (_name, files, says) => {
    for (const [name, text] of Object.entries(files)) write(name, text);
    const store = `sqlite:${join(folder, "store.db")}`;
    const result = await runCatena(
      ["deploy", ...Object.keys(files), "--store", store, "--yes"],
      folder,
    );
    expect(result.code).toBe(1);
    for (const part of says) expect(result.stderr).toContain(part);
    expect(result.stderr).not.toContain("at async");
    expect(statSync(join(folder, "store.db"), { throwIfNoEntry: false })).toBeUndefined();
  });
});

describe("usage", () => {
  test.each([
    [["depoly"], 'no command "depoly"'],
    [["deploy", "--dryrun"], "--dryrun"],
    [["deploy", "--store"], "--store"],
    [["compile", "--target", "kong"], "--target kong"],
    [["store", "drop"], "catena store accept"],
  ])("%p ends with code 2 and says what is wrong", async (args, says) => {
    const result = await runCatena(args, folder);
    expect(result.code).toBe(2);
    expect(result.stderr).toContain(says);
  });

  test("every command explains itself", async () => {
    const { code, stdout } = await runCatena(["--help"], folder);
    expect(code).toBe(0);
    for (const name of ["compile", "validate", "deploy", "dev", "start"]) {
      expect(stdout).toContain(name);
      const help = await runCatena([name, "--help"], folder);
      expect(help).toMatchObject({ code: 0, stderr: "" });
      expect(help.stdout).toStartWith(`usage: catena ${name}`);
    }
  });
});

describe("deploy", () => {
  const config = (uri: string) =>
    `${dsl}const up = upstream("up", { nodes: { "127.0.0.1:1": 1 } });
     export const x = route({ uri: "${uri}", upstream_id: up });\n`;

  test("shows a plan, writes it once, and then has nothing to do", async () => {
    const store = `sqlite:${join(folder, "store.db")}`;
    write("a.ts", config("/a"));
    const dry = await runCatena(["deploy", "a.ts", "--dry-run", "--store", store], folder);
    expect(dry.stdout).toContain("2 to create, 0 to update, 0 to delete, 0 unchanged");
    const first = await runCatena(["deploy", "a.ts", "--store", store], folder);
    expect(first.stdout).toContain("deployed: revision 1");
    const second = await runCatena(["deploy", "a.ts", "--store", store], folder);
    expect(second.stdout).toContain("nothing to do");
    write("a.ts", config("/b"));
    const third = await runCatena(["deploy", "a.ts", "--store", store], folder);
    expect(third.stdout).toContain('~ routes/x\n    /uri: "/a" -> "/b"');
    expect(third.stdout).toContain("0 to create, 1 to update, 0 to delete, 1 unchanged");
  });

  test("prunes only what it deployed, and only when told to and sure", async () => {
    const store = `sqlite:${join(folder, "store.db")}`;
    write("a.ts", config("/a"));
    write("other.ts", `${dsl}export const other = route({ uri: "/o", upstream_id: "up" });\n`);
    await runCatena(["deploy", "a.ts", "--store", store], folder);
    await runCatena(["deploy", "other.ts", "--name", "other", "--store", store], folder);
    write("a.ts", `${dsl}export const up = upstream("up", { nodes: { "127.0.0.1:1": 1 } });\n`);
    const kept = await runCatena(["deploy", "a.ts", "--store", store], folder);
    expect(kept.stdout).toContain("kept (delete with --prune): routes/x");
    const unsure = await runCatena(["deploy", "a.ts", "--prune", "--store", store], folder);
    expect(unsure).toMatchObject({ code: 1 });
    expect(unsure.stderr).toContain("1 deletions need --yes");
    const sure = await runCatena(["deploy", "a.ts", "--prune", "--yes", "--store", store], folder);
    expect(sure.stdout).toContain("- routes/x");
    expect(sure.stdout).not.toContain("other");
  });
});

describe("start and dev", () => {
  let service: Service;
  beforeAll(() => {
    service = startService(({ target }) => Response.json({ target }));
  });
  afterAll(() => service.stop());

  const answered = (catena: CatenaProcess, path: string, status: number) =>
    until(
      async () => {
        const response = await fetch(catena.url + path);
        await response.text();
        return response.status === status;
      },
      () => `${path} to answer ${status}: ${catena.printed()}`,
    );

  test("start makes an admin key for its owner alone and shows it once", async () => {
    const first = await startCatena(["start"], folder, {});
    const key = /admin key {4}([0-9a-f]{48})/.exec(first.printed())?.[1] ?? "";
    expect(key).not.toBe("");
    const file = join(folder, ".catena/admin.key");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const routes = (headers: Record<string, string>) =>
      fetch(`${first.adminUrl}/apisix/admin/routes`, { headers });
    expect((await routes({ "x-api-key": key })).status).toBe(200);
    expect((await routes({})).status).toBe(401);
    expect(await first.stop()).toBe(0);
    const second = await startCatena(["start"], folder, {});
    expect(second.printed()).not.toContain(key);
    expect(await second.stop("SIGINT")).toBe(0);
  });

  test("dev serves what is saved, and the last good version of what is broken", async () => {
    const config = (path: string) =>
      `${dsl}export const x = route({ uri: "${path}", upstream: { nodes: { "${service.node}": 1 } } });\n`;
    write("a.ts", config("/one"));
    const catena = await startCatena(["dev", "a.ts"], folder, {});
    await answered(catena, "/one", 200);
    await until(() => catena.printed().includes("watching"));
    write("a.ts", config("/two"));
    await answered(catena, "/two", 200);
    expect((await fetch(`${catena.url}/one`)).status).toBe(404);
    write("a.ts", `${config("/two")}}`);
    await until(() => catena.printed().includes("not deployed"));
    expect(catena.printed()).toContain("a.ts:3:1");
    expect((await fetch(`${catena.url}/two`)).status).toBe(200);
    write("a.ts", config("/three"));
    await answered(catena, "/three", 200);
    expect(await catena.stop()).toBe(0);
  });

  test("a stop lets requests in flight end and refuses none before it", async () => {
    const gate = Promise.withResolvers<void>();
    const slow = startService(async () => {
      await gate.promise;
      return new Response("done");
    });
    write(
      "a.ts",
      `${dsl}export const x = route({ uri: "/*", upstream: { nodes: { "${slow.node}": 1 } } });\n`,
    );
    const catena = await startCatena(["dev", "a.ts"], folder, {});
    await until(() => catena.printed().includes("watching"));
    const pending = Array.from({ length: 5 }, () => fetch(`${catena.url}/slow`));
    await until(() => slow.seen.length === 5);
    const ended = catena.stop();
    await until(() => catena.printed().includes("draining"));
    gate.resolve();
    for (const response of await Promise.all(pending)) {
      expect(response.status).toBe(200);
      expect(await response.text()).toBe("done");
    }
    expect(await ended).toBe(0);
    await slow.stop();
  });
});

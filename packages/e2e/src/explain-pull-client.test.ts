import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { freePort } from "@catena/testkit";
import { Validator } from "@seriousme/openapi-schema-validator";
import { type CatenaProcess, runCatena, startCatena } from "./bed/catena-process.ts";
import { until } from "./bed/gateway-bed.ts";
import { type Service, startService } from "./bed/service.ts";
import { type StoreBed, storeKinds } from "./bed/stores.ts";
import { typeErrors } from "./bed/type-check.ts";

// Every test starts processes, some of them the type checker; others share the machine.
setDefaultTimeout(60_000);

const shopConfigs = join(import.meta.dir, "../../../configs");

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "catena-e2e-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, text: string) => {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), text);
};
const read = (name: string) => readFileSync(join(folder, name), "utf8");
const catena = (...args: readonly string[]) => runCatena(args, folder);

/** A chain that looks an order up at a service and replies its number under a name of its own. */
const orderConfig = (node: string, member = "orderNumber") => `
import { call, chain, op, service, upstream } from "@catena/dsl";
import { Type } from "@sinclair/typebox";
const up = upstream("orders-v1", { nodes: { "${node}": 1 } });
const orders = service("orders", { upstream: up }, {
  get: op("GET", "/o/{id}", { response: Type.Object({ number: Type.String() }) }),
});
export const order = chain({ route: "/orders/:id", methods: ["GET"] })
  .step("order", ($) => call(orders.get, { params: { id: $.input.params.id } }))
  .reply(($) => ({ ${member}: $.order.number }));
`;
const settings = `
import { defineGateway } from "@catena/gateway";
export default defineGateway({ router: "radixtree_uri_with_parameter", drainSeconds: 0 });
`;

describe("catena explain", () => {
  test("words every chain of the shop: waves, why a step waits, policies, ends", async () => {
    const { code, stdout, stderr } = await catena("explain", shopConfigs);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.match(/^routes\/\S+/gm)).toEqual([
      "routes/checkout",
      "routes/order-overview",
      "routes/returns",
    ]);
    for (const line of [
      "3 steps in 3 waves, deadline 30000 ms, classic form",
      "4 steps in 2 waves, deadline 3000 ms",
      "waits for order (reference)",
      "timeout 1000 ms, 2 attempts",
      "each of order.items (at most 50, 8 at a time)",
    ]) {
      expect(stdout).toContain(line);
    }
    expect(stdout).toContain("configs/order-overview.ts:8:30");
  });

  test("gives one chain as JSON, and as a diagram", async () => {
    const json = await catena(
      "explain",
      shopConfigs,
      "--chain",
      "order-overview",
      "--format",
      "json",
    );
    expect(JSON.parse(json.stdout)).toMatchObject([
      {
        resource: "routes/order-overview",
        takes: ["GET /v1/orders/:id/overview"],
        form: "steps",
        waves: [["order"], ["customer", "payment", "stock"]],
        end: { kind: "reply" },
      },
    ]);
    const one = await catena("explain", shopConfigs, "--chain", "checkout", "--format", "mermaid");
    expect(one.stdout).toStartWith("flowchart LR\n");
    const all = await catena("explain", shopConfigs, "--format", "mermaid");
    expect(all.stdout.match(/^```mermaid\nflowchart LR$/gm)).toHaveLength(3);
  });

  test("tells the order of undoing, chains that are off, and those of services", async () => {
    write(
      "a.ts",
      `import { call, chain, op, service as shared, route } from "@catena/dsl";
       const stock = shared("stock", { uri: "http://stock" }, { hold: op("POST", "/holds"), free: op("DELETE", "/holds") });
       export const buy = chain({ route: "/buy", methods: ["POST"], status: 0 })
         .step("hold", () => call(stock.hold)).undo("hold", () => call(stock.free))
         .step("pay", () => call(stock.hold)).undo("pay", () => call(stock.free))
         .reply(() => ({}));
       export const legacy = shared("legacy", { plugins: { "proxy-chain": { services: [{ uri: "http://a/b" }] } } });
       export const r = route({ uri: "/r", service_id: legacy });`,
    );
    const { stdout } = await catena("explain", "a.ts");
    expect(stdout).toMatch(/^routes\/buy .*switched off/m);
    expect(stdout).toContain("of those that were done: pay, then hold");
    expect(stdout).toMatch(/^services\/legacy /m);
  });

  test.each<readonly [string, readonly string[], number, readonly string[]]>([
    [
      "a chain of another name",
      [shopConfigs, "--chain", "chekout"],
      1,
      ['"chekout"', "did you mean checkout?"],
    ],
    [
      "a format of another name",
      [shopConfigs, "--format", "yaml"],
      2,
      ["--format yaml", "mermaid"],
    ],
    ["a file without a chain", ["plain.ts"], 1, ["no chain in plain.ts", "EXPLAIN_NO_CHAIN"]],
    ["a file that is not there", ["nothing.ts"], 1, ["nothing.ts does not exist"]],
    ["a chain that is wrong", ["wrong.ts"], 1, ["wrong.ts:2:", "routes/x"]],
  ])("says what is wrong with %s", async (_name, args, code, says) => {
    write(
      "plain.ts",
      'import { route } from "@catena/dsl";\nexport const r = route({ uri: "/r", upstream_id: "u" });\n',
    );
    write(
      "wrong.ts",
      'import { route } from "@catena/dsl";\nexport const x = route({ uri: "/x", plugins: { "proxy-chain": { services: [{ uri: "a" }] } } });\n',
    );
    const result = await catena("explain", ...args);
    expect(result).toMatchObject({ code, stdout: "" });
    for (const part of says) expect(result.stderr).toContain(part);
  });
});

describe.each(storeKinds)("catena pull from $name", ({ start }) => {
  let storeBed: StoreBed;
  let store: readonly string[];
  beforeEach(async () => {
    storeBed = await start();
    store = ["--store", storeBed.url];
  });
  afterEach(() => storeBed.stop());

  const secrets = `
import { consumer } from "@catena/dsl";
export const jack = consumer("jack", { plugins: { "key-auth": { key: "hush-hush" } } });
`;

  test("gives configs that TypeScript accepts and that change nothing when they are deployed", async () => {
    await catena("deploy", shopConfigs, ...store, "--yes");
    const pulled = await catena("pull", "--out", "got", ...store);
    expect(pulled).toMatchObject({ code: 0, stderr: "" });
    expect(pulled.stdout.trim().split("\n").toSorted()).toEqual([
      "got/chains/checkout.ts",
      "got/chains/order-overview.ts",
      "got/chains/returns.ts",
      "got/routes.ts",
      "got/services.ts",
    ]);
    const again = await catena("deploy", "got", ...store, "--dry-run");
    expect(again.stdout).toBe("0 to create, 0 to update, 0 to delete, 8 unchanged\n");
    const [before, after] = [await catena("compile", shopConfigs), await catena("compile", "got")];
    expect(after.stdout).toBe(before.stdout);
    expect(await typeErrors(join(folder, "got"))).toEqual([]);
    // What is pulled from what was pulled reads the same.
    await catena("pull", "--out", "again", ...store);
    expect(read("again/chains/order-overview.ts")).toBe(read("got/chains/order-overview.ts"));
  });

  test("prints one file, of some kinds only, or JSON", async () => {
    await catena("deploy", shopConfigs, ...store, "--yes");
    const { stdout } = await catena("pull", ...store);
    write("all.ts", stdout);
    expect((await catena("validate", "all.ts")).stdout).toContain("8 resources in 1 files");
    const upstreams = await catena("pull", "--kind", "upstreams", "--json", ...store);
    expect(Object.keys(JSON.parse(upstreams.stdout))).toEqual(["upstreams"]);
    const routes = await catena("pull", "--kind", "routes", "--out", "routes.ts", ...store);
    expect(routes.stdout).toBe("routes.ts\n");
    expect(read("routes.ts")).toContain('upstream_id: "order-service"');
  });

  test("never writes over a file, unless told to", async () => {
    await catena("deploy", shopConfigs, ...store, "--yes");
    write("got/services.ts", "// mine\n");
    const refused = await catena("pull", "--out", "got", ...store);
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toContain("got/services.ts would be overwritten");
    expect(read("got/services.ts")).toBe("// mine\n");
    expect(existsSync(join(folder, "got/chains"))).toBe(false);
    expect((await catena("pull", "--out", "got", "--force", ...store)).code).toBe(0);
    expect(read("got/services.ts")).toContain("upstream(");
  });

  test("leaves secrets out and says which, until they are asked for", async () => {
    write("a.ts", secrets);
    await catena("deploy", "a.ts", ...store, "--yes");
    const pulled = await catena("pull", "--out", "got", ...store);
    expect(pulled.code).toBe(0);
    expect(pulled.stderr).toContain(
      "SECRET_JACK_KEY_AUTH_KEY  consumers/jack /plugins/key-auth/key",
    );
    expect(pulled.stderr + read("got/consumers.ts")).not.toContain("hush");
    const refused = await catena("deploy", "got", ...store, "--yes");
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("got/consumers.ts:4:");
    expect(refused.stderr).toContain("SECRET_JACK_KEY_AUTH_KEY is not set");
    const variables = { SECRET_JACK_KEY_AUTH_KEY: "hush-hush" };
    const same = await runCatena(["deploy", "got", ...store, "--dry-run"], folder, variables);
    expect(same.stdout).toContain("0 to update, 0 to delete, 1 unchanged");
    await catena("pull", "--out", "open.ts", "--secrets", ...store);
    expect(read("open.ts")).toContain('key: "hush-hush"');
    expect(statSync(join(folder, "open.ts")).mode & 0o777).toBe(0o600);
  });

  test.each<readonly [string, readonly string[], number, string]>([
    ["a kind that is none", ["--kind", "routs"], 2, "--kind routs is not known"],
    ["files", ["configs/"], 2, "pull takes no files"],
    ["an empty store", [], 1, "has no resources under /apisix/"],
    ["a store without any of the kinds", ["--kind", "ssls"], 1, "has no ssls under /apisix/"],
  ])("refuses %s", async (_name, args, code, says) => {
    await catena("undo", "list", ...store);
    const result = await catena("pull", ...args, ...store);
    expect(result).toMatchObject({ code, stdout: "" });
    expect(result.stderr).toContain(says);
  });
});

test("a store that does not answer, or is not there, is told", async () => {
  const away = await catena("pull", "--store", `etcd://127.0.0.1:${await freePort()}`);
  expect(away).toMatchObject({ code: 3, stdout: "" });
  const missing = await catena("pull", "--store", "sqlite:none.db");
  expect(missing).toMatchObject({ code: 1, stdout: "" });
  expect(missing.stderr).toContain("there is no store at none.db");
  expect(existsSync(join(folder, "none.db"))).toBe(false);
});

describe("with a gateway that runs", () => {
  let service: Service;
  let gateway: CatenaProcess;
  let home: string;
  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), "catena-e2e-"));
    service = startService(({ target }) => Response.json({ number: target.slice(3) }));
    mkdirSync(join(home, "configs"));
    writeFileSync(join(home, "configs/order.ts"), orderConfig(service.node));
    writeFileSync(join(home, "configs/gateway.ts"), settings);
    gateway = await startCatena(["dev"], home, {});
    await until(
      async () => (await fetch(`${gateway.url}/orders/7`)).ok,
      () => gateway.printed(),
    );
  });
  afterAll(async () => {
    await gateway.stop();
    await service.stop();
    rmSync(home, { recursive: true, force: true });
  });

  const caller = `
import { createClient } from "./client.ts";
export async function numberOf(baseUrl: string, id: string): Promise<string> {
  const { orderNumber } = await createClient({ baseUrl }).order({ params: { id } });
  return orderNumber.toUpperCase();
}
`;

  test("catena client writes what its caller compiles with and the gateway answers to", async () => {
    const made = await runCatena(["client", "--out", join(folder, "client.ts")], home);
    expect(made).toMatchObject({ code: 0, stderr: "" });
    write("caller.ts", caller);
    expect(await typeErrors(folder)).toEqual([]);
    const { numberOf } = await import(join(folder, "caller.ts"));
    expect(await numberOf(gateway.url, "a b")).toBe("A%20B");
    const stored = await runCatena(
      ["client", "--from-store", "--store", "sqlite:.catena/dev.db"],
      home,
    );
    expect(stored.stdout).toBe(read("client.ts"));
  });

  test("renaming a field of a chain's reply breaks the caller's build", async () => {
    const out = ["--out", join(folder, "client.ts")];
    write("caller.ts", caller);
    write("order.ts", orderConfig(service.node, "number"));
    await runCatena(["client", join(folder, "order.ts"), ...out], folder);
    rmSync(join(folder, "order.ts"));
    expect(await typeErrors(folder)).toEqual([
      expect.stringMatching(
        /caller\.ts\(4,11\): error TS2339: Property 'orderNumber' does not exist/,
      ),
    ]);
    // A client is written over the one before it, and over nothing else.
    write("order.ts", orderConfig(service.node));
    await runCatena(["client", join(folder, "order.ts"), ...out], folder);
    rmSync(join(folder, "order.ts"));
    expect(await typeErrors(folder)).toEqual([]);
    write("client.ts", "export const mine = 1;\n");
    const refused = await runCatena(["client", ...out], home);
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toContain("no generated client");
    expect(read("client.ts")).toBe("export const mine = 1;\n");
  });

  test("catena openapi prints what the gateway has at /openapi.json, and it is valid", async () => {
    const printed = JSON.parse((await runCatena(["openapi"], home)).stdout);
    const served = JSON.parse(await (await fetch(`${gateway.controlUrl}/openapi.json`)).text());
    expect(served).toEqual({ ...printed, servers: [{ url: gateway.url }] });
    expect(await new Validator().validate(structuredClone(printed))).toEqual({ valid: true });
    const named = await runCatena(
      ["openapi", "--title", "Shop", "--api-version", "2", "--server", "https://a,https://b"],
      home,
    );
    expect(JSON.parse(named.stdout)).toMatchObject({
      info: { title: "Shop", version: "2" },
      servers: [{ url: "https://a" }, { url: "https://b" }],
    });
  });

  test("catena openapi writes over a document and over nothing else", async () => {
    const out = join(folder, "api.json");
    for (const _ of [1, 2]) {
      expect((await runCatena(["openapi", "--out", out], home)).stdout).toBe(`${out}\n`);
    }
    expect(JSON.parse(read("api.json")).openapi).toBe("3.1.0");
    write("api.json", '{"name":"mine"}');
    const refused = await runCatena(["openapi", "--out", out], home);
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toContain("no OpenAPI document");
    expect((await runCatena(["openapi", "--out", out, "--force"], home)).code).toBe(0);
  });

  test.each<readonly [readonly string[], string]>([
    [["client", "--store", "sqlite:a.db"], "only --from-store looks into it"],
    [["openapi", "--from-store", "a.ts"], "--from-store takes no files"],
  ])("%p is wrong usage", async (args, says) => {
    const result = await runCatena(args, home);
    expect(result).toMatchObject({ code: 2, stdout: "" });
    expect(result.stderr).toContain(says);
  });
});

test("several workers answer with one document", async () => {
  const service = startService(({ target }) => Response.json({ number: target.slice(3) }));
  write("configs/order.ts", orderConfig(service.node));
  write("configs/gateway.ts", settings);
  await catena("deploy", "--yes");
  const gateway = await startCatena(["start"], folder, { CATENA_WORKERS: "2" });
  const page = `${gateway.controlUrl}/openapi.json`;
  await until(async () => (await fetch(page)).ok, gateway.printed);
  expect(JSON.parse(await (await fetch(page)).text())).toMatchObject({
    servers: [{ url: gateway.url }],
    paths: { "/orders/{id}": { get: { operationId: "order" } } },
  });
  expect(await gateway.stop()).toBe(0);
  await service.stop();
});

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore } from "@catena/store";
import { type CatenaProcess, runCatena, startCatena } from "./bed/catena-process.ts";
import { startGatewayBed, until } from "./bed/gateway-bed.ts";
import { type Service, startEcho } from "./bed/service.ts";
import { type StoreBed, storeKinds } from "./bed/stores.ts";

setDefaultTimeout(60_000);

const adminKey = "keyring-test-admin-key-1";
const keyring = "0123456789abcdef,fedcba9876543210fedcba9876543210";
const secret = "key-in-the-clear";
const privateKey = String(
  generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({
    type: "pkcs8",
    format: "pem",
  }),
);

describe.each(storeKinds)("a keyring in front of $name", ({ start }) => {
  let folder: string;
  let bed: StoreBed;
  let echo: Service;
  let catena: CatenaProcess;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "catena-keyring-"));
    [bed, echo] = [await start(), startEcho()];
    catena = await startCatena(["start"], folder, {
      CATENA_STORE: bed.url,
      CATENA_ADMIN_KEY: adminKey,
      CATENA_KEYRING: keyring,
    });
    await put("/upstreams/echo", {
      nodes: { [echo.node]: 1 },
      tls: { client_cert: "c".repeat(128), client_key: privateKey },
    });
    await put("/routes/auth", { uri: "/auth", upstream_id: "echo", plugins: { "key-auth": {} } });
    await put("/consumers", { username: "jack", plugins: { "key-auth": { key: secret } } });
  });
  afterAll(async () => {
    await catena?.stop();
    await echo?.stop();
    await bed?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function put(path: string, body: object): Promise<unknown> {
    const reply = await fetch(`${catena.adminUrl}/apisix/admin${path}`, {
      method: "PUT",
      headers: { "x-api-key": adminKey },
      body: JSON.stringify(body),
    });
    expect(reply.status).toBeOneOf([200, 201]);
    return reply.json();
  }

  async function stored(): Promise<string> {
    const store = openStore(bed.url);
    const { entries } = await store.list("/apisix/");
    await store.close();
    return JSON.stringify(entries);
  }

  const answers = async (url: string, key: string) =>
    (await fetch(`${url}/auth`, { headers: { apikey: key } })).status;

  test("the store never sees a secret, and the gateway serves with it", async () => {
    await until(async () => (await answers(catena.url, secret)) === 200);
    const text = await stored();
    expect(text).toContain("jack");
    expect(text).not.toContain(secret);
    expect(text).not.toContain("PRIVATE KEY");
    const status: unknown = await (await fetch(`${catena.controlUrl}/status`)).json();
    expect(status).toMatchObject({ unserved: [], rejected: [] });
  });

  test("with another keyring a gateway says so, serves the rest and does not end", async () => {
    const other = await startGatewayBed({
      storeUrl: bed.url,
      settings: { keyring: ["another-key-of16"] },
    });
    const { unserved } = other.gateway.status();
    const looks = "encrypted, and no key of the setting keyring decrypts it";
    expect(unserved).toEqual(
      expect.arrayContaining([
        { resource: "consumers/jack", reason: `a secret field looks ${looks}` },
        { resource: "upstreams/echo", reason: `a secret field looks ${looks}` },
      ]),
    );
    expect(await answers(other.url, secret)).toBe(401);
    expect(await answers(catena.url, secret)).toBe(200);
    await other.stop();
  });

  test("with the old key second, what it encrypted is read", async () => {
    const rotated = await startGatewayBed({
      storeUrl: bed.url,
      settings: { keyring: ["a-newer-key-of16", "0123456789abcdef"] },
    });
    expect(rotated.gateway.status().unserved).toEqual([]);
    expect(await answers(rotated.url, secret)).toBe(200);
    await rotated.stop();
  });

  test("deploys encrypt alike, so that the second has nothing to do", async () => {
    writeFileSync(
      join(folder, "configs.json"),
      JSON.stringify({
        consumers: [{ username: "jane", plugins: { "key-auth": { key: "key-of-a-deploy" } } }],
      }),
    );
    const deploy = () => runCatena(["deploy", "configs.json", "--yes"], folder, catena.environment);
    expect((await deploy()).stdout).toContain("deployed");
    expect((await deploy()).stdout).toContain("nothing to do");
    expect(await stored()).not.toContain("key-of-a-deploy");
    await until(async () => (await answers(catena.url, "key-of-a-deploy")) === 200);
    // What the Admin API reads and writes again is no difference to a deploy either.
    await put("/consumers", {
      username: "jane",
      plugins: { "key-auth": { key: "key-of-a-deploy" } },
    });
    expect((await deploy()).stdout).toContain("nothing to do");
  });
});

describe("settings of keys", () => {
  const folder = mkdtempSync(join(tmpdir(), "catena-keys-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each([
    ["a keyring's key of another length", { CATENA_KEYRING: "short" }, "/keyring/0"],
    ["an admin key that is easily guessed", { CATENA_ADMIN_KEY: "a".repeat(20) }, "/adminKey"],
    ["an admin key that is not there", { CATENA_ADMIN_KEY: "$env://NOT_SET_HERE" }, "/adminKey"],
  ])("%s is refused before anything is started", async (_, environment, path) => {
    const { code, stderr } = await runCatena(["start"], folder, environment);
    expect(code).toBe(1);
    expect(stderr).toContain(path);
    expect(stderr).not.toContain("aaaa");
  });

  test("a viewer's key reads, from the addresses that are allowed", async () => {
    writeFileSync(join(folder, "viewer.key"), "viewer-key-in-a-file\n");
    const catena = await startCatena(["start"], folder, {
      CATENA_STORE: "sqlite:keys.db",
      ADMIN_KEY_ELSEWHERE: adminKey,
      CATENA_ADMIN_KEY: "$env://ADMIN_KEY_ELSEWHERE",
      CATENA_ADMIN_KEYS: JSON.stringify([
        { name: "board", role: "viewer", key: `$file://${join(folder, "viewer.key")}` },
      ]),
      CATENA_ADMIN_CORS: "false",
      CATENA_KEYRING: "qeddd145sfvddff3",
    });
    const call = (method: string, key: string) =>
      fetch(`${catena.adminUrl}/apisix/admin/routes`, { method, headers: { "x-api-key": key } });
    try {
      const reply = await call("GET", "viewer-key-in-a-file");
      expect(reply.status).toBe(200);
      expect(reply.headers.get("access-control-allow-origin")).toBeNull();
      expect((await call("POST", "viewer-key-in-a-file")).status).toBe(401);
      expect((await call("GET", adminKey)).status).toBe(200);
      expect(catena.printed()).toContain("the keyring has a key that is APISIX's default");
      expect(catena.printed()).not.toContain("qeddd145sfvddff3");
      expect(catena.printed()).not.toContain("viewer-key-in-a-file");
      expect(catena.printed()).not.toContain(adminKey);
    } finally {
      await catena.stop();
    }
    const closed = await startCatena(["start"], folder, {
      CATENA_STORE: "sqlite:keys.db",
      CATENA_ADMIN_KEY: adminKey,
      CATENA_ADMIN_ALLOW: "192.0.2.0/24",
    });
    try {
      const reply = await fetch(`${closed.adminUrl}/apisix/admin/routes`, {
        headers: { "x-api-key": adminKey },
      });
      expect(reply.status).toBe(403);
    } finally {
      await closed.stop();
    }
  });
});

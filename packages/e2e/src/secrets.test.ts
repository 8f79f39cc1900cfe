import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { type GatewayBed, startGatewayBed, until } from "./bed/gateway-bed.ts";
import { type Service, startEcho, startService } from "./bed/service.ts";
import { type StoreBed, storeKinds } from "./bed/stores.ts";
import { startVault, type VaultServer, vaultToken } from "./bed/vault-server.ts";

setDefaultTimeout(60_000);

describe.each(storeKinds)("secrets in $name", ({ start }) => {
  let store: StoreBed;
  let gateway: GatewayBed;
  let echo: Service;
  let vault: VaultServer;

  beforeAll(async () => {
    process.env["E2E_SECRET_JACK"] = "key-of-the-environment";
    process.env["E2E_SECRET_JSON"] = JSON.stringify({ auth: "key-in-json", count: 7 });
    process.env["E2E_SECRET_TOKEN"] = vaultToken;
    [store, echo, vault] = [await start(), startEcho(), startVault()];
    gateway = await startGatewayBed({
      storeUrl: store.url,
      settings: {
        secrets: { ttlSeconds: 1, retrySeconds: 1, timeoutMs: 5000, references: 100 },
      },
    });
    await gateway.put({
      "upstreams/echo": { nodes: { [echo.node]: 1 } },
      "routes/auth": { uri: "/auth", upstream_id: "echo", plugins: { "key-auth": {} } },
    });
  });
  afterAll(async () => {
    await gateway?.stop();
    await Promise.all([echo?.stop(), vault?.stop(), store?.stop()]);
    for (const name of ["JACK", "JSON", "TOKEN"]) delete process.env[`E2E_SECRET_${name}`];
  });
  beforeEach(async () => {
    vault.isSealed = false;
    vault.documents.clear();
    vault.asked.length = 0;
    await gateway.put({ "consumers/jack": null });
  });

  const statusOf = async (key: string) =>
    (await fetch(`${gateway.url}/auth`, { headers: { apikey: key } })).status;
  const unresolved = () => gateway.gateway.status().secrets.unresolved;
  const manager = (more: object = {}) => ({
    uri: vault.url,
    prefix: "kv",
    token: "$ENV://E2E_SECRET_TOKEN",
    ...more,
  });

  test.each([
    ["a variable", "$env://E2E_SECRET_JACK", "key-of-the-environment"],
    ["a variable in APISIX's spelling", "$ENV://E2E_SECRET_JACK", "key-of-the-environment"],
    ["a member of a variable", "$env://E2E_SECRET_JSON/auth", "key-in-json"],
    ["a number in a variable", "$env://E2E_SECRET_JSON/count", "7"],
  ])("a consumer's key may be %s", async (_, key, value) => {
    await gateway.put({ "consumers/jack": { username: "jack", plugins: { "key-auth": { key } } } });
    expect([await statusOf(value), await statusOf(key)]).toEqual([200, 401]);
    expect(unresolved()).toEqual([]);
  });

  test.each([
    ["version 1", "kv", "kv/jack"],
    ["version 2", "secret/data", "secret/data/jack"],
  ])("a credential's key may be in Vault, %s", async (_, prefix, path) => {
    vault.documents.set(path, { "auth-key": "key-of-the-vault", other: "x" });
    const key = "$secret://vault/1/jack/auth-key";
    await gateway.put({
      "secrets/vault/1": manager({ prefix }),
      "consumers/jack": { username: "jack" },
      "credentials/jack/credentials/c": { plugins: { "key-auth": { key } } },
    });
    expect([await statusOf("key-of-the-vault"), await statusOf(key)]).toEqual([200, 401]);
    await gateway.put({ "credentials/jack/credentials/c": null });
  });

  test("a reference without a value lets nobody in, and /status says why", async () => {
    const key = "$secret://vault/1/nobody/key";
    await gateway.put({
      "secrets/vault/1": manager(),
      "consumers/jack": { username: "jack", plugins: { "key-auth": { key } } },
    });
    expect(await statusOf(key)).toBe(401);
    expect(unresolved()).toEqual([
      {
        reference: key,
        reason: "Vault has nothing of that path",
        since: expect.any(String),
        serving_previous: false,
        used_by: ["consumers/jack"],
      },
    ]);
  });

  describe("in a route's plugin", () => {
    afterAll(() => gateway.put({ "routes/header": null, "secrets/vault/1": null }));

    const reference = "$secret://vault/1/upstream/token";
    const header = async () => await (await fetch(`${gateway.url}/header`)).text();
    const put = () =>
      gateway.put({
        "secrets/vault/1": manager(),
        "routes/header": {
          uri: "/header",
          upstream_id: "echo",
          plugins: { echo: { body: reference } },
        },
      });

    test("several references to one document ask for it once, before the route is served", async () => {
      vault.documents.set("kv/upstream", { token: "first", user: "me" });
      await gateway.put({ "routes/header": null });
      await put();
      expect(await header()).toBe("first");
      await gateway.put({
        "routes/two": {
          uri: "/two",
          upstream_id: "echo",
          plugins: {
            "proxy-rewrite": {
              headers: { set: { A: reference, B: "$secret://vault/1/upstream/user" } },
            },
          },
        },
      });
      expect(vault.asked.filter((path) => path === "kv/upstream").length).toBeLessThanOrEqual(2);
      await gateway.put({ "routes/two": null });
    });

    test("a new value is served without a change of configuration", async () => {
      vault.documents.set("kv/upstream", { token: "first" });
      await put();
      await until(async () => (await header()) === "first");
      vault.documents.set("kv/upstream", { token: "second" });
      await until(async () => (await header()) === "second");
      expect(unresolved()).toEqual([]);
    });

    test("the last value is used while Vault is sealed", async () => {
      vault.documents.set("kv/upstream", { token: "kept" });
      await put();
      await until(async () => (await header()) === "kept");
      vault.isSealed = true;
      await until(() => unresolved().length > 0);
      expect(unresolved()).toMatchObject([
        { reference, reason: "Vault answered 503", serving_previous: true },
      ]);
      expect(await header()).toBe("kept");
      vault.isSealed = false;
      await until(() => unresolved().length === 0);
    });

    test("one that is deleted in Vault is used no more", async () => {
      vault.documents.set("kv/upstream", { token: "soon gone" });
      await put();
      await until(async () => (await header()) === "soon gone");
      vault.documents.delete("kv/upstream");
      await until(async () => (await header()) === reference);
    });

    test("the reference itself is used when there is no value, as in APISIX", async () => {
      await gateway.put({ "secrets/vault/1": null });
      await put();
      await gateway.put({ "secrets/vault/1": null });
      expect(await header()).toBe(reference);
      expect(unresolved()).toMatchObject([{ reason: "there is no secrets/vault/1" }]);
      vault.documents.set("kv/upstream", { token: "found" });
      await gateway.put({ "secrets/vault/1": manager() });
      await until(async () => (await header()) === "found");
    });

    test("a wrong token is told, and shown to nobody", async () => {
      vault.documents.set("kv/upstream", { token: "hidden" });
      await gateway.put({ "routes/header": null });
      await gateway.put({ "secrets/vault/1": manager({ token: "wrong-token-of-mine" }) });
      await put();
      await gateway.put({ "secrets/vault/1": manager({ token: "wrong-token-of-mine" }) });
      await until(() => unresolved().some(({ reason }) => reason === "Vault answered 403"));
      const shown = JSON.stringify([gateway.gateway.status(), gateway.logged]);
      expect(shown).not.toContain("wrong-token-of-mine");
    });
  });

  test("wherever a plugin is configured, its secrets are renewed", async () => {
    const reference = "$secret://vault/1/shared/text";
    const plugins = (header: string) => ({
      "response-rewrite": { headers: { set: { [header]: reference } } },
    });
    const route = (uri: string, more: object) => ({ uri, upstream_id: "echo", ...more });
    const key = (name: string) => ({ "key-auth": { key: `key-of-${name}` } });
    const put = (text: string) => vault.documents.set("kv/shared", { text });
    put("first");
    await gateway.put({
      "secrets/vault/1": manager(),
      "services/s": { plugins: plugins("X-Service") },
      "plugin_configs/p": { id: "p", plugins: plugins("X-Config") },
      "consumer_groups/g": { id: "g", plugins: plugins("X-Group") },
      "consumers/one": { username: "one", plugins: { ...key("one"), ...plugins("X-Consumer") } },
      "consumers/two": { username: "two", group_id: "g", plugins: key("two") },
      "global_rules/r": {
        id: "r",
        plugins: { "proxy-rewrite": { headers: { set: { "X-Rule": reference } } } },
      },
      "routes/service": route("/service", { service_id: "s" }),
      "routes/config": route("/config", { plugin_config_id: "p" }),
    });
    const seen = async () => {
      const [service, config, one, two] = await Promise.all([
        fetch(`${gateway.url}/service`),
        fetch(`${gateway.url}/config`),
        fetch(`${gateway.url}/auth`, { headers: { apikey: "key-of-one" } }),
        fetch(`${gateway.url}/auth`, { headers: { apikey: "key-of-two" } }),
      ]);
      const echoed: unknown = await service.json();
      return [
        service.headers.get("x-service"),
        config.headers.get("x-config"),
        one.headers.get("x-consumer"),
        two.headers.get("x-group"),
        Object(echoed).headers["x-rule"],
      ];
    };
    const all = (text: string) => Array.from({ length: 5 }, () => text);
    expect(await seen()).toEqual(all("first"));
    put("second");
    await until(async () => Bun.deepEquals(await seen(), all("second")));
    await gateway.put({
      "global_rules/r": null,
      "services/s": null,
      "plugin_configs/p": null,
      "consumer_groups/g": null,
      "routes/service": null,
      "routes/config": null,
      "consumers/one": null,
      "consumers/two": null,
    });
  });

  test("secrets may be in AWS's and Google's managers", async () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const cloud = startService(({ target, body, headers }) => {
      if (target === "/token") return Response.json({ access_token: "t", expires_in: 3600 });
      if (headers["x-amz-target"] !== undefined) {
        const { SecretId } = JSON.parse(body);
        return SecretId === "team/jack"
          ? Response.json({ SecretString: '{"key":"from AWS"}' })
          : Response.json({ __type: "ResourceNotFoundException" }, { status: 400 });
      }
      const data = Buffer.from('{"key":"from Google"}').toString("base64");
      return Response.json({ payload: { data } });
    });
    await gateway.put({
      "secrets/aws/1": {
        access_key_id: "id",
        secret_access_key: "secret",
        endpoint_url: cloud.url,
      },
      "secrets/gcp/1": {
        auth_config: {
          client_email: "a@b.c",
          private_key: privateKey.export({ type: "pkcs8", format: "pem" }),
          project_id: "p",
          token_uri: `${cloud.url}/token`,
          entries_uri: `${cloud.url}/v1`,
        },
      },
      "routes/aws": {
        uri: "/aws",
        upstream_id: "echo",
        plugins: { echo: { body: "$secret://aws/1/team/jack/key" } },
      },
      "routes/gcp": {
        uri: "/gcp",
        upstream_id: "echo",
        plugins: { echo: { body: "$secret://gcp/1/jack/key" } },
      },
    });
    const bodies = ["/aws", "/gcp"].map(async (path) => (await fetch(gateway.url + path)).text());
    expect(await Promise.all(bodies)).toEqual(["from AWS", "from Google"]);
    await gateway.put({ "routes/aws": null, "routes/gcp": null });
    await cloud.stop();
  });

  test("a secret that is not what its field takes answers 503, and is not shown", async () => {
    process.env["E2E_SECRET_URI"] = "no-path";
    await gateway.put({
      "routes/unfit": {
        uri: "/unfit",
        upstream_id: "echo",
        plugins: { "proxy-rewrite": { uri: "$env://E2E_SECRET_URI" } },
      },
    });
    expect((await fetch(`${gateway.url}/unfit`)).status).toBe(503);
    const { unserved } = gateway.gateway.status();
    expect(unserved).toMatchObject([{ resource: "routes/unfit" }]);
    expect(JSON.stringify(unserved)).not.toContain("no-path");
    delete process.env["E2E_SECRET_URI"];
    await gateway.put({ "routes/unfit": null });
  });

  test("the gateway's own variables are no secrets of configuration", async () => {
    process.env["CATENA_ADMIN_KEY"] = "the-key-of-the-admin";
    const text = "$env://CATENA_ADMIN_KEY";
    await gateway.put({
      "routes/own": { uri: "/own", plugins: { echo: { body: text } }, upstream_id: "echo" },
    });
    expect(await (await fetch(`${gateway.url}/own`)).text()).toBe(text);
    expect(unresolved()).toMatchObject([
      { reason: "variables named CATENA_… are the gateway's own" },
    ]);
    delete process.env["CATENA_ADMIN_KEY"];
    await gateway.put({ "routes/own": null });
  });

  test("nothing is logged or listed but references", async () => {
    const control = await (await fetch(`${gateway.controlUrl}/v1/routes`)).text();
    const shown = JSON.stringify(gateway.logged) + control;
    for (const value of ["key-of-the", "key-in-json", vaultToken, "hidden", "soon gone"]) {
      expect(shown).not.toContain(value);
    }
  });
});

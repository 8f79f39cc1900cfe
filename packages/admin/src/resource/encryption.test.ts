import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import fixture from "../fixtures/apisix-transcript.json" with { type: "json" };
import { type AdminBed, startAdmin, storedValue } from "../testbed/admin-bed.ts";
import { type StoreBed, startSqlite } from "../testbed/store-beds.ts";

const { cert } = fixture.stored["/apisix/ssls/1"];
const key = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({
  type: "pkcs8",
  format: "pem",
});
const ssl = { cert, key, snis: ["test.com"] };
const keyring = ["qeddd145sfvddff3"];
let bed: StoreBed;
let encrypted: AdminBed;
let plain: AdminBed;

beforeAll(async () => {
  bed = await startSqlite();
  encrypted = startAdmin(bed.store, { keyring });
  plain = startAdmin(bed.store);
});
afterAll(async () => {
  await encrypted?.stop();
  await plain?.stop();
  await bed?.stop();
});

async function stored(name: string): Promise<string> {
  return (await bed.store.get(`/apisix/${name}`))?.value ?? "";
}

describe("with a keyring", () => {
  const consumer = { username: "jack", plugins: { "key-auth": { key: "in-the-clear" } } };

  test("secrets are stored and echoed encrypted, and read in the clear", async () => {
    const reply = await encrypted.call("PUT", "/consumers", consumer);
    expect(JSON.stringify(reply.body)).not.toContain("in-the-clear");
    expect(await stored("consumers/jack")).not.toContain("in-the-clear");
    expect(storedValue(await encrypted.call("GET", "/consumers/jack"))).toMatchObject(consumer);
    const list = await encrypted.call("GET", "/consumers");
    expect(JSON.stringify(list.body)).toContain("in-the-clear");
  });

  test("a value that is taken is found although it is encrypted", async () => {
    await encrypted.call("PUT", "/consumers", consumer);
    const reply = await encrypted.call("PUT", "/consumers", { ...consumer, username: "joe" });
    expect(reply.body).toEqual({
      error_msg: "duplicate key of plugin key-auth found with consumer: jack",
    });
  });

  test("what a reference stands for is not known, so two may say the same one", async () => {
    const plugins = { "key-auth": { key: "$secret://vault/1/shared/key" } };
    for (const username of ["one", "two"]) {
      const reply = await encrypted.call("PUT", "/consumers", { username, plugins });
      expect(reply.status).toBe(201);
      expect(storedValue(await encrypted.call("GET", `/consumers/${username}`))).toMatchObject({
        plugins,
      });
    }
  });

  test("a patch keeps secrets that it does not name, encrypted once", async () => {
    const plugins = { "http-logger": { uri: "http://a", auth_header: "in-the-clear" } };
    await encrypted.call("PUT", "/plugin_configs/p", { plugins });
    const before: unknown = JSON.parse(await stored("plugin_configs/p"));
    await encrypted.call("PATCH", "/plugin_configs/p", { desc: "x" });
    const after: unknown = JSON.parse(await stored("plugin_configs/p"));
    expect(Object(after).plugins).toEqual(Object(before).plugins);
    const read = storedValue(await encrypted.call("GET", "/plugin_configs/p"));
    expect(read["plugins"]).toEqual(plugins);
  });

  test("private keys are stored encrypted, survive a patch, and are never read", async () => {
    expect((await encrypted.call("PUT", "/ssls/1", ssl)).status).toBeOneOf([200, 201]);
    const before: unknown = JSON.parse(await stored("ssls/1"));
    expect(Object(before).key).not.toContain("PRIVATE KEY");
    expect((await encrypted.call("PATCH", "/ssls/1", { status: 0 })).status).toBe(200);
    const after: unknown = JSON.parse(await stored("ssls/1"));
    expect(Object(after).key).toBe(Object(before).key);
    for (const path of ["/ssls/1", "/ssls"]) {
      const { body } = await encrypted.call("GET", path);
      expect(JSON.stringify(body)).not.toContain(Object(before).key);
      expect(JSON.stringify(body)).not.toContain("PRIVATE KEY");
      expect(JSON.stringify(body)).toContain("BEGIN CERTIFICATE");
    }
  });
});

describe("without a keyring", () => {
  test("values are stored as they come", async () => {
    const consumer = { username: "jill", plugins: { "key-auth": { key: "as-it-is" } } };
    expect(storedValue(await plain.call("PUT", "/consumers", consumer))).toMatchObject(consumer);
    expect(await stored("consumers/jill")).toContain("as-it-is");
  });

  test("private keys come back from nothing", async () => {
    const many = { ...ssl, certs: [cert], keys: [key] };
    const replies = [
      await plain.call("PUT", "/ssls/2", many),
      await plain.call("PATCH", "/ssls/2", { status: 0 }),
      await plain.call("POST", "/ssls", many),
      await plain.call("GET", "/ssls/2"),
    ];
    expect(replies.map(({ status }) => status)).toEqual([201, 200, 201, 200]);
    expect(JSON.stringify(replies.map(({ body }) => body))).not.toContain("PRIVATE KEY");
    expect(await stored("ssls/2")).toContain("PRIVATE KEY");
  });

  test("a key that another keyring encrypted is not taken for one", async () => {
    await encrypted.call("PUT", "/ssls/1", ssl);
    const reply = await plain.call("PATCH", "/ssls/1", { status: 1 });
    expect(reply.body).toEqual({ error_msg: "failed to decrypt previous encrypted key" });
  });
});

describe("certificates", () => {
  const garbage = (label: string) =>
    `-----BEGIN ${label}-----\n${"A".repeat(200)}\n-----END ${label}-----\n`;
  const broken = garbage("CERTIFICATE");
  const cases: readonly (readonly [string, object, string])[] = [
    [
      "a certificate that cannot be read",
      { ...ssl, cert: broken },
      "failed to parse cert: PEM_read_bio_X509_AUX() failed",
    ],
    [
      "a key that cannot be read",
      { ...ssl, key: garbage("PRIVATE KEY") },
      "failed to parse key: PEM_read_bio_PrivateKey() failed",
    ],
    [
      "a text that is no key",
      { ...ssl, key: "x".repeat(200) },
      "failed to decrypt previous encrypted key",
    ],
    [
      "more certificates than keys",
      { ...ssl, certs: [cert], keys: [] },
      "mismatched number of certs and keys",
    ],
    [
      "another pair that cannot be read",
      { ...ssl, certs: [cert, broken], keys: [key, key] },
      "failed to handle cert-key pair[2]: failed to parse cert: PEM_read_bio_X509_AUX() failed",
    ],
    [
      "a CA that cannot be read",
      { ...ssl, client: { ca: broken } },
      "failed to validate client_cert: failed to parse cert: PEM_read_bio_X509_AUX() failed",
    ],
  ];
  test.each(cases)("%s is refused", async (_, document, error_msg) => {
    const reply = await encrypted.call("PUT", "/ssls/bad", document);
    expect({ status: reply.status, body: reply.body }).toEqual({
      status: 400,
      body: { error_msg },
    });
  });

  test("that are kept elsewhere are not read", async () => {
    const reference = { cert: "$secret://vault/1/cert", key: "$env://KEY", snis: ["a.com"] };
    expect((await encrypted.call("PUT", "/ssls/elsewhere", reference)).status).toBe(201);
  });

  test("for upstreams must be of that type", async () => {
    await encrypted.call("PUT", "/ssls/server", ssl);
    await encrypted.call("PUT", "/ssls/client", { cert, key, type: "client" });
    const upstream = (id: string) => ({
      nodes: { "a:1": 1 },
      scheme: "https",
      tls: { client_cert_id: id },
    });
    expect((await encrypted.call("PUT", "/upstreams/1", upstream("server"))).body).toEqual({
      error_msg: "failed to fetch ssl info by ssl id [server], wrong ssl type",
    });
    expect((await encrypted.call("PUT", "/upstreams/1", upstream("client"))).status).toBe(201);
  });
});

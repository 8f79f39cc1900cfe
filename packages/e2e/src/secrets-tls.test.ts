import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { connect } from "node:tls";
import { createFieldCipher, createPluginRegistry } from "@catena/schema";
import { addressServer, authority, client } from "@catena/upstream/test-certificates";
import { type GatewayBed, startGatewayBed, until } from "./bed/gateway-bed.ts";
import { type StoreBed, startSqlite } from "./bed/stores.ts";
import { frontAuthority, renewedShop, shop } from "./bed/tls-certificates.ts";
import { startVault, type VaultServer, vaultToken } from "./bed/vault-server.ts";

setDefaultTimeout(60_000);

const keyring = ["0123456789abcdef"];
let store: StoreBed;
let vault: VaultServer;
let bed: GatewayBed;

beforeAll(async () => {
  [store, vault] = [await startSqlite(), startVault()];
  bed = await startGatewayBed({
    storeUrl: store.url,
    settings: {
      keyring,
      tls: { verify: true, ca: authority.certificate },
      secrets: { ttlSeconds: 1, retrySeconds: 1, timeoutMs: 5000, references: 100 },
    },
  });
  await bed.put({
    "secrets/vault/1": { uri: vault.url, prefix: "kv", token: vaultToken },
    "routes/all": { uri: "/front", plugins: { echo: { body: "front" } }, upstream: nowhere },
  });
});
afterAll(async () => {
  await bed?.stop();
  await vault?.stop();
  await store?.stop();
});

const nowhere = { nodes: { "127.0.0.1:1": 1 } };

/** The certificate that clients are shown for shop.test, in base64. */
async function shown(): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect({
    host: "127.0.0.1",
    port: bed.gateway.status().tls?.port ?? 0,
    servername: "shop.test",
    ca: frontAuthority,
  });
  socket.once("secureConnect", () => resolve(socket.getPeerCertificate().raw.toString("base64")));
  socket.once("error", ({ message }) => resolve(message));
  const certificate = await promise;
  socket.destroy();
  return certificate;
}

const base64 = (pem: string) => pem.replaceAll(/-----.*-----|\s/g, "");

describe("what clients are shown", () => {
  const references = {
    sni: "shop.test",
    cert: "$secret://vault/1/tls/shop/certificate",
    key: "$secret://vault/1/tls/shop/key",
  };
  afterEach(() => bed.put({ "ssls/shop": null }));

  test("may be kept in Vault, and is renewed by renewing it there", async () => {
    vault.documents.set("kv/tls/shop", { ...shop });
    await bed.put({ "ssls/shop": references });
    await until(async () => (await shown()) === base64(shop.certificate));
    vault.documents.set("kv/tls/shop", { ...renewedShop });
    await until(async () => (await shown()) === base64(renewedShop.certificate));
    expect(bed.gateway.status().unserved).toEqual([]);
  });

  test("that cannot be had is told by its reference", async () => {
    await bed.put({ "ssls/shop": { ...references, key: "$secret://vault/1/tls/none/key" } });
    const { unserved, secrets } = bed.gateway.status();
    expect(unserved.map(({ resource }) => resource)).toContain("ssls/shop");
    expect(secrets.unresolved).toMatchObject([{ used_by: ["ssls/shop"] }]);
  });

  test("may be encrypted in the store", async () => {
    const cipher = createFieldCipher(keyring, createPluginRegistry([]));
    const ssl = { sni: "shop.test", cert: shop.certificate, key: shop.key };
    const stored = cipher.encrypt("ssls", ssl);
    expect(JSON.stringify(stored)).not.toContain("PRIVATE KEY");
    await bed.put({ "ssls/shop": stored });
    await until(async () => (await shown()) === base64(shop.certificate));
  });
});

describe("what upstreams are shown", () => {
  let url: string;
  const server = createServer(
    {
      cert: addressServer.certificate,
      key: addressServer.key,
      ca: authority.certificate,
      requestCert: true,
      rejectUnauthorized: true,
    },
    (_request, response) => response.end("let in"),
  );
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    // A server that listens on an address has one of this form.
    url = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    process.env["E2E_CLIENT_CERT"] = client.certificate;
    vault.documents.set("kv/tls/client", { ...client });
  });
  afterAll(() => {
    delete process.env["E2E_CLIENT_CERT"];
    server.close();
    server.closeAllConnections();
  });

  const ask = async () => await (await fetch(`${bed.url}/upstream`)).text();

  test("may be kept elsewhere, within the upstream", async () => {
    const tls = {
      client_cert: "$env://E2E_CLIENT_CERT",
      client_key: "$secret://vault/1/tls/client/key",
    };
    await bed.put({
      "routes/up": { uri: "/upstream", upstream: { scheme: "https", nodes: { [url]: 1 }, tls } },
    });
    expect(await ask()).toBe("let in");
  });

  test("or as an ssls item", async () => {
    const cert = "$secret://vault/1/tls/client/certificate";
    const key = "$secret://vault/1/tls/client/key";
    await bed.put({
      "ssls/client": { type: "client", cert, key },
      "routes/up": {
        uri: "/upstream",
        upstream: { scheme: "https", nodes: { [url]: 1 }, tls: { client_cert_id: "client" } },
      },
    });
    expect(await ask()).toBe("let in");
    await bed.put({ "ssls/client": null });
  });

  test("is not shown when it cannot be had", async () => {
    const tls = { client_cert: "$env://E2E_CLIENT_CERT", client_key: "$env://E2E_NOT_SET" };
    await bed.put({
      "routes/up": { uri: "/upstream", upstream: { scheme: "https", nodes: { [url]: 1 }, tls } },
    });
    expect((await fetch(`${bed.url}/upstream`)).status).toBe(503);
    expect(JSON.stringify(bed.gateway.status().unserved)).toContain("routes/up");
  });
});

import { afterEach, expect, test } from "bun:test";
import { connect } from "node:net";
import type { PartialSettings } from "@catena/gateway";
import { createFieldCipher, createPluginRegistry } from "@catena/schema";
import { type GatewayBed, startGatewayBed, until } from "./bed/gateway-bed.ts";
import { startSqlite } from "./bed/stores.ts";
import { renewedShop, rsaShop, shop } from "./bed/tls-certificates.ts";
import { shakeHands } from "./bed/tls-client.ts";

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function startBed(settings: PartialSettings): Promise<GatewayBed> {
  const storeBed = await startSqlite();
  const bed = await startGatewayBed({ storeUrl: storeBed.url, settings });
  cleanUps.push(storeBed.stop, bed.stop);
  return bed;
}

async function shown(bed: GatewayBed, ciphers?: string): Promise<string> {
  await until(() => (bed.gateway.status().tls?.port ?? 0) > 0);
  const shaken = await shakeHands({
    port: bed.gateway.status().tls?.port ?? 0,
    servername: "shop.test",
    ...(ciphers === undefined ? {} : { ciphers, maxVersion: "TLSv1.2" }),
  });
  if ("refused" in shaken) return shaken.refused;
  shaken.socket.destroy();
  return shaken.certificate;
}

test("keys that are encrypted in the store are used, whichever key of the ring they were encrypted with", async () => {
  const old = "edd1c9f0985e76a2";
  const ring = ["qeddd145sfvddff3", old];
  const cipher = createFieldCipher([old], createPluginRegistry([]));
  const stored = cipher.encrypt("ssls", {
    sni: "shop.test",
    cert: shop.certificate,
    key: shop.key,
    certs: [rsaShop.certificate],
    keys: [rsaShop.key],
  });
  expect(JSON.stringify(stored)).not.toContain("PRIVATE KEY");
  const bed = await startBed({ keyring: ring });
  await bed.put({ "ssls/shop": stored });
  expect(await shown(bed)).toBe(shop.certificate);
  expect(await shown(bed, "ECDHE-RSA-AES128-GCM-SHA256")).toBe(rsaShop.certificate);
});

test("keys that no key of the ring decrypts are told, and their certificate is not served", async () => {
  const cipher = createFieldCipher(["edd1c9f0985e76a2"], createPluginRegistry([]));
  const pair = { cert: shop.certificate, key: shop.key };
  const bed = await startBed({ keyring: ["qeddd145sfvddff3"] });
  await bed.put({ "ssls/shop": cipher.encrypt("ssls", { sni: "shop.test", ...pair }) });
  expect(bed.gateway.status().tls).toMatchObject({ port: null, certificates: 0 });
  expect(bed.gateway.status().unserved).toContainEqual({
    resource: "ssls/shop",
    reason: "key can't be read: encrypted with a key that the keyring lacks",
  });
});

test("a certificate and its key may be references, which are followed", async () => {
  cleanUps.push(() => {
    for (const name of ["SHOP_CERTIFICATE", "SHOP_KEY"]) delete Bun.env[name];
  });
  Bun.env["SHOP_CERTIFICATE"] = renewedShop.certificate;
  Bun.env["SHOP_KEY"] = renewedShop.key;
  const bed = await startBed({});
  const missing = { cert: "$env://NO_SUCH_CERTIFICATE", key: "$env://SHOP_KEY" };
  await bed.put({ "ssls/shop": { sni: "shop.test", ...missing } });
  expect(bed.gateway.status().unserved).toContainEqual({
    resource: "ssls/shop",
    reason: "cert can't be read: it refers to a secret that was not found",
  });
  const there = { cert: "$env://SHOP_CERTIFICATE", key: "$env://SHOP_KEY" };
  await bed.put({ "ssls/shop": { sni: "shop.test", ...there } });
  expect(await shown(bed)).toBe(renewedShop.certificate);
});

test("a client that sends its ClientHello in crumbs is not listened to for long", async () => {
  const bed = await startBed({});
  await bed.put({ "ssls/shop": { sni: "shop.test", cert: shop.certificate, key: shop.key } });
  await until(() => (bed.gateway.status().tls?.port ?? 0) > 0);
  const socket = connect({ host: "127.0.0.1", port: bed.gateway.status().tls?.port ?? 0 });
  socket.setNoDelay(true);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.on("error", () => undefined).resume();
  // The head of a record of 1000 bytes, and then one at a time.
  socket.write(Buffer.from([22, 3, 1, 3, 232]));
  const dribble = setInterval(() => socket.write(Buffer.from([1])), 1);
  await closed;
  clearInterval(dribble);
  expect(bed.gateway.status().tls?.refused).toBe(1);
});

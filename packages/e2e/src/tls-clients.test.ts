import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { type GatewayBed, startGatewayBed, until } from "./bed/gateway-bed.ts";
import { type Service, startEcho } from "./bed/service.ts";
import { type StoreBed, startSqlite } from "./bed/stores.ts";
import {
  clientAuthority,
  deepClient,
  deeperClient,
  jack,
  privateServer,
  shop,
  stranger,
} from "./bed/tls-certificates.ts";
import { ask, type RawAnswer, shakeHands } from "./bed/tls-client.ts";

const pair = ({ certificate, key }: { certificate: string; key: string }) => ({
  cert: certificate,
  key,
});

const requiring = (client: object = {}) => ({ client: { ca: clientAuthority, ...client } });

let storeBed: StoreBed;
let echo: Service;
let bed: GatewayBed;
beforeAll(async () => {
  storeBed = await startSqlite();
  echo = startEcho();
  bed = await startGatewayBed({ storeUrl: storeBed.url });
  const upstream = { type: "roundrobin", nodes: { [echo.node]: 1 } };
  await bed.put({
    "routes/all": { uri: "/*", upstream },
    "routes/jack": {
      uri: "/jack",
      vars: [["ssl_client_s_dn", "==", "CN=jack,O=Shop\\, Inc.,C=DE"]],
      plugins: {
        "proxy-rewrite": {
          headers: {
            set: {
              "x-verify": "$ssl_client_verify",
              "x-serial": "$ssl_client_serial",
              "x-issuer": "$ssl_client_i_dn",
              "x-fingerprint": "$ssl_client_fingerprint",
              "x-pem": "$ssl_client_escaped_cert",
              "x-name": "$ssl_server_name",
              "x-protocol": "$ssl_protocol",
              "x-cipher": "$ssl_cipher",
            },
          },
        },
      },
      upstream,
    },
    "ssls/shop": { sni: "shop.test", ...pair(shop) },
    "ssls/private": { sni: "private.test", ...pair(privateServer), ...requiring() },
    "ssls/strict": {
      sni: "strict.private.test",
      ...pair(privateServer),
      ...requiring({ depth: 0 }),
    },
    "ssls/deep": { sni: "deep.private.test", ...pair(privateServer), ...requiring({ depth: 2 }) },
    "ssls/some": {
      sni: "*.private.test",
      ...pair(privateServer),
      ...requiring({ skip_mtls_uri_regex: ["^/open/", "(?<=x)y"] }),
    },
  });
  await until(() => (bed.gateway.status().tls?.port ?? 0) > 0);
});
afterAll(async () => {
  await bed.stop();
  await echo.stop();
  await storeBed.stop();
});

interface Asking {
  readonly to: string;
  readonly as?: { readonly certificate: string; readonly key: string };
  readonly path?: string;
  readonly host?: string;
}

function asking({ to, as, path = "/", host = to }: Asking): Promise<RawAnswer> {
  const port = bed.gateway.status().tls?.port ?? 0;
  return ask({ port, servername: to, ...(as === undefined ? {} : pair(as)) }, path, host);
}

describe("a server that asks its clients for a certificate", () => {
  const cases: [what: string, asking: Asking, status: number][] = [
    ["serves one that has it", { to: "private.test", as: jack }, 200],
    ["serves one with an authority between", { to: "private.test", as: deepClient }, 200],
    ["refuses one with two, the depth being 1", { to: "private.test", as: deeperClient }, 0],
    ["refuses one without a certificate", { to: "private.test" }, 0],
    ["refuses one of another authority", { to: "private.test", as: stranger }, 0],
    [
      "serves one without authorities between, the depth being 0",
      { to: "strict.private.test", as: jack },
      200,
    ],
    [
      "refuses one with an authority between, the depth being 0",
      { to: "strict.private.test", as: deepClient },
      0,
    ],
    ["serves one with two, the depth being 2", { to: "deep.private.test", as: deeperClient }, 200],
  ];
  test.each(cases)("%s", async (_, what, status) => {
    expect((await asking(what)).status).toBe(status);
  });

  test("asks no client of other servers", async () => {
    expect((await asking({ to: "shop.test", as: stranger })).status).toBe(200);
    expect((await asking({ to: "shop.test" })).status).toBe(200);
  });
});

describe("paths that need no certificate", () => {
  const to = "a.private.test";
  const cases: [what: string, asking: Asking, status: number][] = [
    ["are served without one", { to, path: "/open/a" }, 200],
    ["are served with one of another authority", { to, path: "/open/a", as: stranger }, 200],
    ["are compared as routes are", { to, path: "/%6fpen/../open/a" }, 200],
    ["do not open the others", { to, path: "/open" }, 400],
    ["do not open the others to climbers", { to, path: "/open/../shut" }, 400],
    [
      "do not open the others to one of another authority",
      { to, path: "/shut", as: stranger },
      400,
    ],
    [
      "do not open the others to one with too long a chain",
      { to, path: "/shut", as: deeperClient },
      400,
    ],
    ["leave the others to those with one", { to, path: "/shut", as: jack }, 200],
    ["say nothing of other hosts", { to, path: "/shut", host: "nobody.test" }, 400],
  ];
  test.each(cases)("%s", async (_, what, status) => {
    const answer = await asking(what);
    expect(answer.status).toBe(status);
    if (status === 400) expect(answer.body).toContain("400 Bad Request");
  });

  test("are told about when they can't be read, and then open nothing", () => {
    expect(bed.logged).toContainEqual(
      expect.objectContaining({
        resource: "ssls/some",
        reason: expect.stringContaining("client.skip_mtls_uri_regex/1 has no effect"),
      }),
    );
  });
});

describe("a Host that asks for certificates", () => {
  const cases: [what: string, asking: Asking, status: number][] = [
    [
      "is not served to who asked for another server",
      { to: "shop.test", host: "private.test" },
      400,
    ],
    [
      "is not served to who proved himself to another",
      { to: "deep.private.test", as: jack, host: "private.test" },
      400,
    ],
    [
      "is not served beside its wildcard's sibling",
      { to: "a.private.test", as: jack, host: "b.private.test" },
      400,
    ],
    [
      "is the same with a port and in capitals",
      { to: "private.test", as: jack, host: "PRIVATE.test:9443" },
      200,
    ],
    ["may be left for one that does not", { to: "private.test", as: jack, host: "shop.test" }, 200],
    ["may be left for an unknown one", { to: "private.test", as: jack, host: "unknown.test" }, 200],
  ];
  test.each(cases)("%s", async (_, what, status) => {
    expect((await asking(what)).status).toBe(status);
  });
});

test("a client's certificate is known to conditions and templates", async () => {
  const { status, body } = await asking({ to: "private.test", as: jack, path: "/jack" });
  expect(status).toBe(200);
  const certificate = new X509Certificate(jack.certificate);
  const { headers } = JSON.parse(body);
  expect(headers).toMatchObject({
    "x-verify": "SUCCESS",
    "x-serial": certificate.serialNumber,
    "x-issuer": "CN=Catena clients CA",
    "x-fingerprint": certificate.fingerprint.replaceAll(":", "").toLowerCase(),
    "x-name": "private.test",
    "x-protocol": "TLSv1.3",
    "x-cipher": "TLS_AES_128_GCM_SHA256",
  });
  expect(decodeURIComponent(headers["x-pem"])).toBe(certificate.toString());
  const other = await asking({ to: "private.test", as: deepClient, path: "/jack" });
  expect(JSON.parse(other.body).headers["x-verify"]).toBeUndefined();
});

test("a connection from before its server asked for certificates gets nothing more", async () => {
  const port = bed.gateway.status().tls?.port ?? 0;
  await bed.put({ "ssls/late": { sni: "late.test", ...pair(shop) } });
  const shaken = await shakeHands({ port, servername: "late.test" });
  if ("refused" in shaken) throw new Error(shaken.refused);
  const { socket } = shaken;
  const next = async (): Promise<string> => {
    const { promise, resolve } = Promise.withResolvers<string>();
    socket.once("data", (chunk) => resolve(String(chunk)));
    socket.write("GET / HTTP/1.1\r\nHost: late.test\r\n\r\n");
    return (await promise).slice(9, 12);
  };
  expect(await next()).toBe("200");
  await bed.put({ "ssls/late": { sni: "late.test", ...pair(shop), ...requiring() } });
  expect(await next()).toBe("400");
  await bed.put({ "ssls/late": null });
  expect(await next()).toBe("200");
  socket.destroy();
});

test("a session that is taken up again has its client's certificate", async () => {
  const port = bed.gateway.status().tls?.port ?? 0;
  const first = await shakeHands({ port, servername: "private.test", ...pair(jack) });
  if ("refused" in first) throw new Error(first.refused);
  const session = await new Promise<Buffer>((resolve) => {
    first.socket.once("session", resolve);
    first.socket.write("GET / HTTP/1.1\r\nHost: private.test\r\n\r\n");
  });
  first.socket.destroy();
  const again = { port, servername: "private.test", session };
  expect((await ask(again, "/jack")).status).toBe(200);
  // A session of one server is none of another's.
  const elsewhere = { port, servername: "deep.private.test", session };
  expect((await ask(elsewhere, "/")).status).toBe(0);
  // And none of the same after its authorities changed.
  await bed.put({
    "ssls/private": { sni: "private.test", ...pair(privateServer), ...requiring({ depth: 2 }) },
  });
  expect((await ask(again, "/")).status).toBe(0);
});

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type RawServer, startRawServer } from "@catena/testkit";
import { callOf, originOf } from "./conformance/call-fixture.ts";
import { type ForwardedFor, requestHeaders, responseHeaders } from "./headers.ts";
import { createTransport } from "./transport/create-transport.ts";

const about: ForwardedFor = {
  clientAddress: "10.0.0.9",
  scheme: "http",
  rawHost: "shop.test:9080",
  serverPort: 9080,
};

/** What every request is sent with, whatever its client said. */
const ours = [
  "Host: shop.test:9080",
  "X-Real-IP: 10.0.0.9",
  "X-Forwarded-For: 10.0.0.9",
  "X-Forwarded-Proto: http",
  "X-Forwarded-Host: shop.test:9080",
  "X-Forwarded-Port: 9080",
];

const transport = createTransport();
let server: RawServer;
let reply = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

beforeAll(() => {
  server = startRawServer({ onRequest: (_, peer) => peer.write(reply) });
});
afterAll(async () => {
  server.stop();
  await transport.close();
});

/** The header lines an upstream gets when a client sent these. */
async function seen(
  client: readonly string[],
  more: Partial<ForwardedFor> = {},
): Promise<readonly string[]> {
  const headers = requestHeaders(client, { ...about, ...more });
  await transport.send(callOf(originOf(server.port), { headers }));
  return server.requests.at(-1)?.headerLines ?? [];
}

describe("what an upstream is sent", () => {
  test("other headers go on as they came, in their order, repeated ones too", async () => {
    const client = [
      "x-b",
      "1",
      "accept-encoding",
      "gzip",
      "x-a",
      "2",
      "x-b",
      "3",
      "under_score",
      "4",
    ];
    expect(await seen(client)).toEqual([
      ...ours,
      "x-b: 1",
      "accept-encoding: gzip",
      "x-a: 2",
      "x-b: 3",
      "under_score: 4",
    ]);
  });

  test.each([
    "connection",
    "expect",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "content-length",
    "upgrade",
    "forwarded",
    "x-real-ip",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "host",
  ])("%s of the client ends here", async (name) => {
    expect(await seen([name, "evil", "x-kept", "1"])).toEqual([...ours, "x-kept: 1"]);
  });

  test("X-Forwarded-For is the client's list with its address behind", async () => {
    const lines = await seen(["x-forwarded-for", "1.2.3.4, 5.6.7.8"]);
    expect(lines[2]).toBe("X-Forwarded-For: 1.2.3.4, 5.6.7.8, 10.0.0.9");
    expect(lines.length).toBe(ours.length);
  });

  test.each([
    ["a.test:81", "81"],
    ["a.test", "9080"],
    ["[::1]:82", "82"],
    ["[::1]", "9080"],
  ])("the port of Host %s is %s", async (rawHost, port) => {
    expect((await seen([], { rawHost }))[5]).toBe(`X-Forwarded-Port: ${port}`);
  });

  test("headers named by Connection end here, unless they are ours", async () => {
    const client = ["x-drop", "1", "connection", "close, X-Drop, X-Real-IP, Host", "x-kept", "2"];
    expect(await seen(client)).toEqual([...ours, "x-kept: 2"]);
  });

  test("the scheme is that of the client's connection", async () => {
    expect((await seen([], { scheme: "https" }))[3]).toBe("X-Forwarded-Proto: https");
  });
});

describe("what a client is returned", () => {
  /** The headers a client gets of an upstream's header lines. */
  async function returned(lines: readonly string[]): Promise<readonly string[]> {
    reply = ["HTTP/1.1 200 OK", ...lines, "Content-Length: 0", "", ""].join("\r\n");
    const { headers } = await transport.send(callOf(originOf(server.port)));
    return responseHeaders(headers).slice(0, -2);
  }

  test("other headers in their order, repeated ones kept apart", async () => {
    const lines = ["Set-Cookie: a=1", "Date: today", "Set-Cookie: b=2", "X-Powered-By: z"];
    expect(await returned(lines)).toEqual([
      "set-cookie",
      "a=1",
      "date",
      "today",
      "set-cookie",
      "b=2",
      "x-powered-by",
      "z",
    ]);
  });

  test.each([
    "Server: nginx",
    "Connection: close",
    "Keep-Alive: timeout=9",
    "Proxy-Connection: x",
    "Upgrade: h2c",
    "Trailer: X-T",
    "X-Accel-Redirect: /private",
    "X-Accel-Buffering: no",
    "X-Pad: x",
  ])("%s ends here", async (line) => {
    expect(await returned([line, "X-Kept: 1"])).toEqual(["x-kept", "1"]);
  });

  test("headers named by Connection end here", async () => {
    expect(await returned(["X-Hop: 1", "Connection: X-Hop", "X-Kept: 1"])).toEqual(["x-kept", "1"]);
  });
});

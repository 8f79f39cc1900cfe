import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { addressServer, authority, client as clientPair } from "@catena/upstream/test-certificates";
import { startGatewayBed, until } from "./bed/gateway-bed.ts";
import {
  handshakeLines,
  openRawWebSocket,
  startRawWebSocketServer,
  switching,
} from "./bed/raw-web-socket.ts";
import { shop } from "./bed/tls-certificates.ts";
import { headerOf, startWebSocketBed, statusOf, type WebSocketBed } from "./bed/web-socket-bed.ts";

describe.each(["wire", "elysia"] as const)("WebSockets on the %s server", (edge) => {
  let all: WebSocketBed;
  beforeAll(async () => {
    all = await startWebSocketBed({ server: edge });
  });
  afterEach(() => all.settle());
  afterAll(() => all.stop());

  describe("the handshake", () => {
    test("goes to the upstream as any request does, with the query", async () => {
      await all.serve();
      const pair = await all.open("/ws/a%20b?x=1&y=%2F", ["Origin: http://a.test", "Cookie: c=1"]);
      const { host } = new URL(all.bed.url);
      expect(pair.server.head).toStartWith("GET /ws/a%20b?x=1&y=%2F HTTP/1.1\r\n");
      const seen = Object.fromEntries(
        ["host", "origin", "cookie", "x-real-ip", "x-forwarded-for", "x-forwarded-host"].map(
          (name) => [name, headerOf(pair.server.head, name)],
        ),
      );
      expect(seen).toEqual({
        host,
        origin: "http://a.test",
        cookie: "c=1",
        "x-real-ip": "127.0.0.1",
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-host": host,
      });
      expect(headerOf(pair.server.head, "connection")).toBe("Upgrade");
      expect(headerOf(pair.server.head, "upgrade")).toBe("websocket");
      expect(headerOf(pair.server.head, "sec-websocket-version")).toBe("13");
      await all.close(pair);
    });

    test("follows proxy-rewrite and pass_host", async () => {
      await all.serve(
        {
          plugins: {
            "proxy-rewrite": {
              regex_uri: ["^/ws/(.*)", "/inner/$1"],
              headers: { set: { "X-Set": "1" } },
            },
          },
        },
        { pass_host: "rewrite", upstream_host: "inside.test" },
      );
      const pair = await all.open("/ws/chat?q=1");
      expect(pair.server.head).toStartWith("GET /inner/chat?q=1 HTTP/1.1\r\n");
      expect(headerOf(pair.server.head, "host")).toBe("inside.test");
      expect(headerOf(pair.server.head, "x-set")).toBe("1");
      await all.close(pair);
    });

    test("may say more in Connection, and Upgrade in any case", async () => {
      await all.serve();
      const lines = [
        "Connection: keep-alive, UPGRADE",
        "Upgrade: WebSocket",
        ...handshakeLines.slice(2),
      ];
      const client = await openRawWebSocket(`${all.bed.url}/ws/chat`, [], lines);
      expect(statusOf(client.head)).toBe(101);
      await all.close({ client, server: await all.upstream.accepted() });
    });

    test("offers no extension, so that none is agreed to", async () => {
      await all.serve();
      const pair = await all.open("/ws/chat", ["Sec-WebSocket-Extensions: permessage-deflate"]);
      expect(headerOf(pair.server.head, "sec-websocket-extensions")).toBeNull();
      expect(headerOf(pair.client.head, "sec-websocket-extensions")).toBeNull();
      await all.close(pair);
    });

    test("lets the upstream choose the subprotocol", async () => {
      await all.serve();
      all.reply = (head) => switching(head, "Sec-WebSocket-Protocol: b\r\n");
      const chosen = await all.open("/ws/chat", ["Sec-WebSocket-Protocol: a, b"]);
      expect(headerOf(chosen.server.head, "sec-websocket-protocol")).toBe("a, b");
      expect(headerOf(chosen.client.head, "sec-websocket-protocol")).toBe("b");
      await all.close(chosen);
      all.reply = switching;
      const none = await all.open("/ws/chat", ["Sec-WebSocket-Protocol: a, b"]);
      expect(headerOf(none.client.head, "sec-websocket-protocol")).toBeNull();
      await all.close(none);
    });

    test("brings the client the upstream's headers, and those of plugins", async () => {
      await all.serve({ plugins: { cors: {} } });
      all.reply = (head) => switching(head, "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Up: 1\r\n");
      const pair = await all.open();
      expect(pair.client.head.match(/^set-cookie: .*$/gim)).toHaveLength(2);
      expect(headerOf(pair.client.head, "x-up")).toBe("1");
      expect(headerOf(pair.client.head, "server")).toBe("APISIX/3.18.0");
      expect(headerOf(pair.client.head, "access-control-allow-origin")).toBe("*");
      expect(headerOf(pair.client.head, "sec-websocket-accept")).toBe(
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
      );
      await all.close(pair);
    });

    test("meets auth plugins first: the upstream hears nothing of whoever has no key", async () => {
      await all.serve({ plugins: { "key-auth": {} } });
      await all.bed.put({
        "consumers/jack": { username: "jack", plugins: { "key-auth": { key: "the-key-of-jack" } } },
      });
      const before = all.upstream.heads.length;
      const refused = await openRawWebSocket(`${all.bed.url}/ws/chat`);
      expect(statusOf(refused.head)).toBe(401);
      refused.destroy();
      expect(all.upstream.heads.length).toBe(before);
      const pair = await all.open("/ws/chat", ["apikey: the-key-of-jack"]);
      expect(headerOf(pair.server.head, "x-consumer-username")).toBe("jack");
      await all.close(pair);
    });
  });

  describe("an upstream over TLS", () => {
    const { certificate, key } = addressServer;

    test("is spoken to as its settings say: verified, with the client's certificate", async () => {
      const secure = await startRawWebSocketServer({
        tls: { cert: certificate, key, ca: authority.certificate, requestCert: true },
      });
      const trusting = await startGatewayBed({
        storeUrl: all.storeUrl,
        settings: { server: edge, tls: { verify: true, ca: authority.certificate } },
      });
      await all.serve(
        {},
        {
          scheme: "https",
          nodes: { [secure.node]: 1 },
          tls: { client_cert: clientPair.certificate, client_key: clientPair.key },
        },
      );
      await trusting.applied(all.bed.gateway.status().store.revision ?? 0);
      const socket = await openRawWebSocket(`${trusting.url}/ws/chat`);
      const server = await secure.accepted();
      expect(statusOf(socket.head)).toBe(101);
      socket.send(1, "over TLS");
      expect((await server.next()).payload.toString()).toBe("over TLS");
      server.send(2, Buffer.alloc(300_000, "d"));
      expect((await socket.next()).payload.length).toBe(300_000);
      await all.close({ client: socket, server });
      // The other gateway does not know the authority.
      const refused = await openRawWebSocket(`${all.bed.url}/ws/chat`);
      expect(statusOf(refused.head)).toBe(502);
      refused.destroy();
      await trusting.stop();
      await secure.stop();
    });
  });

  test("a client over TLS is spoken to alike, and its upstream told of it", async () => {
    const secure = await startGatewayBed({
      storeUrl: all.storeUrl,
      settings: { server: edge, ssl: { fallbackSni: "shop.test", http2: true } },
    });
    await all.bed.put({
      "ssls/shop": { sni: "shop.test", cert: shop.certificate, key: shop.key },
    });
    await all.serve();
    await secure.applied(all.bed.gateway.status().store.revision ?? 0);
    const portOf = () => secure.gateway.status().tls?.port ?? 0;
    await until(() => portOf() > 0);
    const client = await openRawWebSocket(`https://127.0.0.1:${portOf()}/ws/chat`);
    const server = await all.upstream.accepted();
    expect(statusOf(client.head)).toBe(101);
    expect(headerOf(server.head, "x-forwarded-proto")).toBe("https");
    expect(headerOf(server.head, "x-real-ip")).toBe("127.0.0.1");
    client.send(2, Buffer.alloc(500_000, "u"));
    expect((await server.next()).payload.length).toBe(500_000);
    server.send(1, "down");
    expect((await client.next()).payload.toString()).toBe("down");
    const stopped = secure.stop();
    expect((await client.next()).payload.readUInt16BE(0)).toBe(1001);
    await Promise.all([client.ended, server.ended, stopped]);
    await all.bed.put({ "ssls/shop": null });
  });

  describe("enable_websocket", () => {
    const ask = async (): Promise<string> => {
      all.reply = () => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
      const client = await openRawWebSocket(`${all.bed.url}/ws/chat`);
      const server = await all.upstream.accepted();
      client.destroy();
      server.destroy();
      expect(statusOf(client.head)).toBe(200);
      return headerOf(server.head, "upgrade") ?? "not passed";
    };
    const upstreamOf = () => ({ type: "roundrobin", nodes: { [all.upstream.node]: 1 } });

    const cases: readonly (readonly [string, unknown, unknown, string])[] = [
      ["of the route", true, undefined, "websocket"],
      ["of the service", undefined, true, "websocket"],
      ["of the route before the service's", false, true, "not passed"],
      ["nowhere", undefined, undefined, "not passed"],
    ];
    test.each(cases)("%s decides", async (_name, route, service, expected) => {
      await all.bed.put({
        "services/s": { enable_websocket: service, upstream: upstreamOf() },
        "routes/ws": { uri: "/ws/*", service_id: "s", enable_websocket: route },
      });
      expect(await ask()).toBe(expected);
    });

    test("changes nothing for requests that ask for no WebSocket", async () => {
      await all.serve();
      all.reply = () => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
      for (const lines of [
        [],
        ["Connection: Upgrade", "Upgrade: h2c"],
        ["Upgrade: websocket"],
        ["Connection: Upgrade"],
      ]) {
        const client = await openRawWebSocket(`${all.bed.url}/ws/chat`, [], lines);
        const server = await all.upstream.accepted();
        expect(statusOf(client.head)).toBe(200);
        expect(headerOf(server.head, "upgrade")).toBeNull();
        expect(headerOf(server.head, "connection")).toBeNull();
        client.destroy();
        server.destroy();
      }
    });
  });

  describe("an upstream that does not agree", () => {
    const ask = async (lines: readonly string[] = []) => {
      const response = await fetch(`${all.bed.url}/ws/chat`, {
        headers: Object.fromEntries(
          [...handshakeLines, ...lines].map((line) => [
            line.slice(0, line.indexOf(":")),
            line.slice(line.indexOf(":") + 2),
          ]),
        ),
      });
      return { status: response.status, headers: response.headers, text: await response.text() };
    };
    const refusals: readonly (readonly [string, string, number, string])[] = [
      [
        "a length",
        "HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\nX-Why: a\r\n\r\nno!\n",
        403,
        "no!\n",
      ],
      [
        "chunks",
        "HTTP/1.1 426 Upgrade Required\r\nTransfer-Encoding: chunked\r\nX-Why: a\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        426,
        "abc",
      ],
      [
        "an interim reply",
        "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 401 Unauthorized\r\nX-Why: a\r\nContent-Length: 0\r\n\r\n",
        401,
        "",
      ],
    ];
    test.each(refusals)("is passed on: %s", async (_name, bytes, expected, text) => {
      await all.serve();
      all.reply = () => bytes;
      const got = await ask();
      expect({ status: got.status, text: got.text, why: got.headers.get("x-why") }).toEqual({
        status: expected,
        text,
        why: "a",
      });
    });

    const faults: readonly (readonly [string, (head: string) => string])[] = [
      [
        "another protocol",
        () => "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
      ],
      [
        "an accept that does not fit",
        () =>
          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n\r\n",
      ],
      [
        "an extension that was not offered",
        (head) => switching(head, "Sec-WebSocket-Extensions: permessage-deflate\r\n"),
      ],
      ["no HTTP", () => "SSH-2.0-OpenSSH\r\n"],
    ];
    test.each(faults)("by %s gives 502", async (_name, bytes) => {
      await all.serve();
      all.reply = bytes;
      const got = await ask();
      expect(got.status).toBe(502);
      expect(got.headers.get("x-apisix-upstream-status")).toBe("502");
      expect(got.text).toContain("<h1>502 Bad Gateway</h1>");
    });

    test("in time gives 504", async () => {
      await all.serve({ timeout: { connect: 1, send: 1, read: 0.2 } });
      all.reply = () => "";
      expect((await ask()).status).toBe(504);
    });

    test("since nobody listens there gives 502, and another node is tried first", async () => {
      const gone = await startRawWebSocketServer();
      await gone.stop();
      await all.serve({}, { nodes: { [gone.node]: 1 } });
      expect((await ask()).status).toBe(502);
      await all.serve({}, { nodes: { [gone.node]: 1, [all.upstream.node]: 1 } });
      for (let i = 0; i < 4; i++) await all.close(await all.open());
    });

    test("though it answers 101 to a handshake that is none, gives 400", async () => {
      await all.serve();
      for (const lines of [["Sec-WebSocket-Key: short"], []]) {
        const client = await openRawWebSocket(
          `${all.bed.url}/ws/chat`,
          [],
          ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", ...lines],
        );
        // The upstream's accept of an absent key fits nothing.
        expect([400, 502]).toContain(statusOf(client.head));
        client.destroy();
      }
    });

    test("to the version of the client is passed on, and one that agrees to it gets no further", async () => {
      await all.serve();
      const lines = handshakeLines.map((line) => line.replace(/: 13$/, ": 8"));
      const client = await openRawWebSocket(`${all.bed.url}/ws/chat`, [], lines);
      expect(statusOf(client.head)).toBe(426);
      expect(headerOf(client.head, "sec-websocket-version")).toBe("13");
      await (await all.upstream.accepted()).ended;
      client.destroy();
    });

    test("is let go as soon as the client is gone", async () => {
      await all.serve();
      all.reply = () => "";
      const { hostname, port, host } = new URL(all.bed.url);
      const socket = await Bun.connect({ hostname, port: Number(port), socket: { data() {} } });
      socket.write(
        `GET /ws/chat HTTP/1.1\r\nHost: ${host}\r\n${handshakeLines.join("\r\n")}\r\n\r\n`,
      );
      const server = await all.upstream.accepted();
      socket.end();
      await server.ended;
    });
  });
});

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { type GatewayBed, startGatewayBed, until } from "./bed/gateway-bed.ts";
import {
  frameOf,
  handshakeLines,
  openRawWebSocket,
  type RawWebSocket,
  type RawWebSocketServer,
  startRawWebSocketServer,
  switching,
} from "./bed/raw-web-socket.ts";
import { type StoreBed, startSqlite } from "./bed/stores.ts";

let storeBed: StoreBed;
let bed: GatewayBed;
let upstream: RawWebSocketServer;
/** What the upstream answers a handshake with. */
let reply = switching;

beforeAll(async () => {
  storeBed = await startSqlite();
  bed = await startGatewayBed({
    storeUrl: storeBed.url,
    settings: { webSocket: { messageBytes: 1_000_000 } },
  });
  upstream = await startRawWebSocketServer({ reply: (head) => reply(head) });
});

afterAll(async () => {
  await upstream.stop();
  await bed.stop();
  await storeBed.stop();
});

afterEach(async () => {
  reply = switching;
  upstream.forget();
  // No test leaves a connection or a session behind.
  await until(
    () => upstream.openCount === 0 && bed.gateway.status().websockets === 0,
    () => `${upstream.openCount} upstream, ${bed.gateway.status().websockets} sessions`,
  );
});

const serve = (
  extra: Readonly<Record<string, unknown>> = {},
  upstreamExtra: Readonly<Record<string, unknown>> = {},
) =>
  bed.put({
    "routes/ws": {
      uri: "/ws/*",
      enable_websocket: true,
      upstream: { type: "roundrobin", nodes: { [upstream.node]: 1 }, ...upstreamExtra },
      ...extra,
    },
  });

interface Pair {
  readonly client: RawWebSocket;
  readonly server: RawWebSocket;
}

const open = async (path = "/ws/chat", lines: readonly string[] = []): Promise<Pair> => {
  const [client, server] = await Promise.all([
    openRawWebSocket(`${bed.url}${path}`, lines),
    upstream.accepted(),
  ]);
  expect(client.head).toStartWith("HTTP/1.1 101 ");
  return { client, server };
};

const close = async ({ client, server }: Pair): Promise<void> => {
  client.close(1000);
  await Promise.all([client.ended, server.ended]);
};

const header = (head: string, name: string): string | null =>
  new RegExp(`^${name}: *(.*)\\r$`, "im").exec(head)?.[1] ?? null;

const status = (head: string): number => Number(head.slice(9, 12));

const utf8 = (text: string) => Buffer.from(text);

describe("the handshake", () => {
  test("goes to the upstream as any request does, with the query", async () => {
    await serve();
    const pair = await open("/ws/a%20b?x=1&y=%2F", ["Origin: http://a.test", "Cookie: c=1"]);
    const { host } = new URL(bed.url);
    expect(pair.server.head).toStartWith("GET /ws/a%20b?x=1&y=%2F HTTP/1.1\r\n");
    const seen = Object.fromEntries(
      ["host", "origin", "cookie", "x-real-ip", "x-forwarded-for", "x-forwarded-host"].map(
        (name) => [name, header(pair.server.head, name)],
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
    expect(header(pair.server.head, "connection")).toBe("Upgrade");
    expect(header(pair.server.head, "upgrade")).toBe("websocket");
    expect(header(pair.server.head, "sec-websocket-version")).toBe("13");
    await close(pair);
  });

  test("follows proxy-rewrite and pass_host", async () => {
    await serve(
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
    const pair = await open("/ws/chat?q=1");
    expect(pair.server.head).toStartWith("GET /inner/chat?q=1 HTTP/1.1\r\n");
    expect(header(pair.server.head, "host")).toBe("inside.test");
    expect(header(pair.server.head, "x-set")).toBe("1");
    await close(pair);
  });

  test("offers no extension, so that none is agreed to", async () => {
    await serve();
    const pair = await open("/ws/chat", ["Sec-WebSocket-Extensions: permessage-deflate"]);
    expect(header(pair.server.head, "sec-websocket-extensions")).toBeNull();
    expect(header(pair.client.head, "sec-websocket-extensions")).toBeNull();
    await close(pair);
  });

  test("lets the upstream choose the subprotocol", async () => {
    await serve();
    reply = (head) => switching(head, "Sec-WebSocket-Protocol: b\r\n");
    const chosen = await open("/ws/chat", ["Sec-WebSocket-Protocol: a, b"]);
    expect(header(chosen.server.head, "sec-websocket-protocol")).toBe("a, b");
    expect(header(chosen.client.head, "sec-websocket-protocol")).toBe("b");
    await close(chosen);
    reply = switching;
    const none = await open("/ws/chat", ["Sec-WebSocket-Protocol: a, b"]);
    expect(header(none.client.head, "sec-websocket-protocol")).toBeNull();
    await close(none);
  });

  test("brings the client the upstream's headers, and those of plugins", async () => {
    await serve({ plugins: { cors: {} } });
    reply = (head) => switching(head, "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Up: 1\r\n");
    const pair = await open();
    expect(pair.client.head.match(/^set-cookie: .*$/gim)).toHaveLength(2);
    expect(header(pair.client.head, "x-up")).toBe("1");
    expect(header(pair.client.head, "server")).toBe("APISIX/3.18.0");
    expect(header(pair.client.head, "access-control-allow-origin")).toBe("*");
    expect(header(pair.client.head, "sec-websocket-accept")).toBe("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    await close(pair);
  });

  test("meets auth plugins first: the upstream hears nothing of whoever has no key", async () => {
    await serve({ plugins: { "key-auth": {} } });
    await bed.put({
      "consumers/jack": { username: "jack", plugins: { "key-auth": { key: "the-key-of-jack" } } },
    });
    const before = upstream.heads.length;
    const refused = await openRawWebSocket(`${bed.url}/ws/chat`);
    expect(status(refused.head)).toBe(401);
    refused.destroy();
    expect(upstream.heads.length).toBe(before);
    const pair = await open("/ws/chat", ["apikey: the-key-of-jack"]);
    expect(header(pair.server.head, "x-consumer-username")).toBe("jack");
    await close(pair);
  });
});

describe("enable_websocket", () => {
  const ask = async (): Promise<string> => {
    reply = () => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
    const client = await openRawWebSocket(`${bed.url}/ws/chat`);
    const server = await upstream.accepted();
    client.destroy();
    server.destroy();
    expect(status(client.head)).toBe(200);
    return header(server.head, "upgrade") ?? "not passed";
  };
  const upstreamOf = () => ({ type: "roundrobin", nodes: { [upstream.node]: 1 } });

  const cases: readonly (readonly [string, unknown, unknown, string])[] = [
    ["of the route", true, undefined, "websocket"],
    ["of the service", undefined, true, "websocket"],
    ["of the route before the service's", false, true, "not passed"],
    ["nowhere", undefined, undefined, "not passed"],
  ];
  test.each(cases)("%s decides", async (_name, route, service, expected) => {
    await bed.put({
      "services/s": { enable_websocket: service, upstream: upstreamOf() },
      "routes/ws": { uri: "/ws/*", service_id: "s", enable_websocket: route },
    });
    expect(await ask()).toBe(expected);
  });

  test("changes nothing for requests that ask for no WebSocket", async () => {
    await serve();
    reply = () => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
    for (const lines of [
      [],
      ["Connection: Upgrade", "Upgrade: h2c"],
      ["Upgrade: websocket"],
      ["Connection: Upgrade"],
    ]) {
      const client = await openRawWebSocket(`${bed.url}/ws/chat`, [], lines);
      const server = await upstream.accepted();
      expect(status(client.head)).toBe(200);
      expect(header(server.head, "upgrade")).toBeNull();
      expect(header(server.head, "connection")).toBeNull();
      client.destroy();
      server.destroy();
    }
  });
});

describe("an upstream that does not agree", () => {
  const ask = async (lines: readonly string[] = []) => {
    const response = await fetch(`${bed.url}/ws/chat`, {
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
    await serve();
    reply = () => bytes;
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
    await serve();
    reply = bytes;
    const got = await ask();
    expect(got.status).toBe(502);
    expect(got.headers.get("x-apisix-upstream-status")).toBe("502");
    expect(got.text).toContain("<h1>502 Bad Gateway</h1>");
  });

  test("in time gives 504", async () => {
    await serve({ timeout: { connect: 1, send: 1, read: 0.2 } });
    reply = () => "";
    expect((await ask()).status).toBe(504);
  });

  test("since nobody listens there gives 502, and another node is tried first", async () => {
    const gone = await startRawWebSocketServer();
    await gone.stop();
    await serve({}, { nodes: { [gone.node]: 1 } });
    expect((await ask()).status).toBe(502);
    await serve({}, { nodes: { [gone.node]: 1, [upstream.node]: 1 } });
    for (let i = 0; i < 4; i++) await close(await open());
  });

  test("though it answers 101 to a handshake that is none, gives 400", async () => {
    await serve();
    for (const lines of [["Sec-WebSocket-Key: short"], []]) {
      const client = await openRawWebSocket(
        `${bed.url}/ws/chat`,
        [],
        ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", ...lines],
      );
      // The upstream's accept of an absent key fits nothing.
      expect([400, 502]).toContain(status(client.head));
      client.destroy();
    }
  });

  test("to the version of the client is passed on, and one that agrees to it gets no further", async () => {
    await serve();
    const lines = handshakeLines.map((line) => line.replace(/: 13$/, ": 8"));
    const client = await openRawWebSocket(`${bed.url}/ws/chat`, [], lines);
    expect(status(client.head)).toBe(426);
    expect(header(client.head, "sec-websocket-version")).toBe("13");
    await (await upstream.accepted()).ended;
    client.destroy();
  });

  test("is let go as soon as the client is gone", async () => {
    await serve();
    reply = () => "";
    const { hostname, port, host } = new URL(bed.url);
    const socket = await Bun.connect({ hostname, port: Number(port), socket: { data() {} } });
    socket.write(
      `GET /ws/chat HTTP/1.1\r\nHost: ${host}\r\n${handshakeLines.join("\r\n")}\r\n\r\n`,
    );
    const server = await upstream.accepted();
    socket.end();
    await server.ended;
  });
});

describe("messages", () => {
  test("of every size go both ways, byte for byte", async () => {
    await serve();
    const pair = await open();
    const { client, server } = pair;
    for (const size of [0, 1, 3, 125, 126, 127, 4_099, 65_535, 65_536, 999_999]) {
      const bytes = Buffer.from(Array.from({ length: size }, (_, i) => (i * 31 + size) & 0xff));
      client.send(2, bytes);
      const up = await server.next();
      expect([up.opcode, up.isFinal, up.isMasked]).toEqual([2, true, true]);
      expect(up.payload.equals(bytes)).toBe(true);
      server.send(2, bytes);
      const down = await client.next();
      expect([down.opcode, down.isFinal, down.isMasked]).toEqual([2, true, false]);
      expect(down.payload.equals(bytes)).toBe(true);
    }
    for (const text of ["", "plain", "héllo ✓ \u{1f600}", "\ufeffbegins with a mark", "\0"]) {
      client.send(1, text);
      const up = await server.next();
      expect([up.opcode, up.payload.toString("hex")]).toEqual([1, utf8(text).toString("hex")]);
      server.send(1, text);
      const down = await client.next();
      expect([down.opcode, down.payload.toString("hex")]).toEqual([1, utf8(text).toString("hex")]);
    }
    await close(pair);
  });

  test("in fragments arrive whole, with a ping in between", async () => {
    await serve();
    const pair = await open();
    for (const [from, to] of [
      [pair.client, pair.server],
      [pair.server, pair.client],
    ] as const) {
      from.send(1, "on", false);
      from.send(9, "between");
      from.send(0, "", false);
      from.send(0, "e", true);
      expect(await to.next()).toMatchObject({ opcode: 9, payload: utf8("between") });
      expect(await to.next()).toMatchObject({ opcode: 1, isFinal: true, payload: utf8("one") });
      if (from === pair.client) {
        expect(await from.next()).toMatchObject({ opcode: 10, payload: utf8("between") });
      }
    }
    await close(pair);
  });

  test("sent with the head of the reply are not lost", async () => {
    const eager = await startRawWebSocketServer({
      early: Buffer.concat([
        frameOf(1, utf8("first"), true, false),
        frameOf(1, utf8("second"), true, false),
      ]),
    });
    await serve({}, { nodes: { [eager.node]: 1 } });
    const client = await openRawWebSocket(`${bed.url}/ws/chat`);
    expect(await client.next()).toMatchObject({ payload: utf8("first") });
    expect(await client.next()).toMatchObject({ payload: utf8("second") });
    client.close(1000);
    await client.ended;
    await eager.stop();
  });

  test("byte by byte are read as well", async () => {
    await serve();
    const pair = await open();
    const bytes = Buffer.concat([
      frameOf(1, utf8("é"), false, false),
      frameOf(10, utf8("p"), true, false),
      frameOf(0, Buffer.alloc(200, "x"), true, false),
    ]);
    for (const byte of bytes) {
      pair.server.write(Buffer.from([byte]));
      await Bun.sleep(0);
    }
    expect(await pair.client.next()).toMatchObject({ opcode: 10 });
    expect((await pair.client.next()).payload.toString()).toBe(`é${"x".repeat(200)}`);
    await close(pair);
  });
});

describe("pings", () => {
  test("of the client are answered by the gateway and reach the upstream, whose pong ends here", async () => {
    await serve();
    const pair = await open();
    const { client, server } = pair;
    client.send(9, "are you there");
    expect(await client.next()).toMatchObject({ opcode: 10, payload: utf8("are you there") });
    expect(await server.next()).toMatchObject({ opcode: 9, payload: utf8("are you there") });
    server.send(10, "are you there");
    server.send(10, "unasked");
    expect(await client.next()).toMatchObject({ opcode: 10, payload: utf8("unasked") });
    await close(pair);
  });

  test("of the upstream are answered by the client alone", async () => {
    await serve();
    const pair = await open();
    const { client, server } = pair;
    server.send(9, "ping");
    server.send(9, "");
    expect(await client.next()).toMatchObject({ opcode: 9, payload: utf8("ping") });
    expect(await client.next()).toMatchObject({ opcode: 9, payload: utf8("") });
    client.send(10, "ping");
    expect(await server.next()).toMatchObject({ opcode: 10, payload: utf8("ping") });
    await close(pair);
  });
});

describe("the end", () => {
  const ends: readonly (readonly [string, Buffer])[] = [
    ["1000", Buffer.from([0x03, 0xe8])],
    ["4001 with a reason", Buffer.concat([Buffer.from([0x0f, 0xa1]), utf8("so é")])],
    [
      "a reason as long as may be",
      Buffer.concat([Buffer.from([0x03, 0xf3]), Buffer.alloc(123, "r")]),
    ],
    ["no code", Buffer.alloc(0)],
  ];
  for (const side of ["client", "server"] as const) {
    test.each(ends)(`of the ${side} reaches the other side: %s`, async (_name, payload) => {
      await serve();
      const pair = await open();
      const [from, to] =
        side === "client" ? [pair.client, pair.server] : [pair.server, pair.client];
      from.send(1, "last");
      from.send(8, payload);
      expect(await to.next()).toMatchObject({ payload: utf8("last") });
      expect(await to.next()).toMatchObject({ opcode: 8, payload });
      expect(await from.next()).toMatchObject({ opcode: 8, payload });
      await Promise.all([from.ended, to.ended]);
    });

    test(`of the ${side}'s connection without a word is one for the other side, too`, async () => {
      await serve();
      const pair = await open();
      const [from, to] =
        side === "client" ? [pair.client, pair.server] : [pair.server, pair.client];
      from.send(1, "last");
      expect(await to.next()).toMatchObject({ payload: utf8("last") });
      from.destroy();
      await to.ended;
      expect(to.next()).rejects.toThrow("ended");
    });
  }

  const faults: readonly (readonly [string, Buffer, number, number])[] = [
    ["a masked frame", frameOf(1, utf8("x"), true, true), 1002, 1014],
    ["a reserved bit", frameOf(0x41, utf8("x"), true, false), 1002, 1014],
    ["an unknown opcode", frameOf(3, utf8("x"), true, false), 1002, 1014],
    ["a continuation of nothing", frameOf(0, utf8("x"), true, false), 1002, 1014],
    ["a long ping", frameOf(9, Buffer.alloc(126), true, false), 1002, 1014],
    ["a close code of 1006", frameOf(8, Buffer.from([0x03, 0xee]), true, false), 1002, 1014],
    ["a text that is not UTF-8", frameOf(1, Buffer.from([0xff]), true, false), 1007, 1014],
    ["a message that is too long", frameOf(2, Buffer.alloc(1_000_001), true, false), 1009, 1009],
  ];
  test.each(faults)("after %s of the upstream", async (_name, bytes, toServer, toClient) => {
    await serve();
    const { client, server } = await open();
    server.write(bytes);
    const [up, down] = await Promise.all([server.next(), client.next()]);
    expect([up.opcode, up.payload.readUInt16BE(0)]).toEqual([8, toServer]);
    expect([down.opcode, down.payload.readUInt16BE(0)]).toEqual([8, toClient]);
    await Promise.all([client.ended, server.ended]);
  });

  test("after a message of the client that is too long", async () => {
    await serve();
    const { client, server } = await open();
    client.send(2, Buffer.alloc(1_000_001));
    const frame = await client.next();
    expect([frame.opcode, frame.payload.readUInt16BE(0)]).toEqual([8, 1009]);
    await Promise.all([client.ended, server.ended]);
  });

  test.each([
    ["a frame without a mask", frameOf(1, utf8("x"), true, false), 1002],
    ["a reserved bit", frameOf(0x41, utf8("x"), true, true), 1002],
    ["a text that is not UTF-8", frameOf(1, Buffer.from([0xff]), true, true), 1007],
  ])("after %s of the client", async (_name, bytes, code) => {
    await serve();
    const { client, server } = await open();
    client.write(bytes);
    const frame = await client.next();
    expect([frame.opcode, frame.payload.readUInt16BE(0)]).toEqual([8, code]);
    await Promise.all([client.ended, server.ended]);
  });

  test("after the read timeout in which neither side said anything", async () => {
    await serve({ timeout: { connect: 1, send: 5, read: 0.5 } });
    const { client, server } = await open();
    const [up, down] = await Promise.all([server.next(), client.next()]);
    expect([up.opcode, up.payload.readUInt16BE(0)]).toEqual([8, 1001]);
    expect([down.opcode, down.payload.readUInt16BE(0)]).toEqual([8, 1001]);
    await Promise.all([client.ended, server.ended]);
  });
});

describe("a slow side", () => {
  const piece = Buffer.alloc(64 * 1024, "p");
  const pieces = 1_024;

  for (const slow of ["client", "server"] as const) {
    test(`makes the other wait: the ${slow}`, async () => {
      await serve();
      const pair = await open();
      const [from, to] =
        slow === "client" ? [pair.server, pair.client] : [pair.client, pair.server];
      to.pause();
      for (let i = 0; i < pieces; i++) from.send(2, piece);
      // 64 MiB: what the network and the gateway hold is a part of it, and grows no more.
      let before = -1;
      await until(async () => {
        await Bun.sleep(100);
        const now = from.backlog;
        const isStill = now === before;
        before = now;
        return isStill;
      });
      expect(from.backlog).toBeGreaterThan(32 * 1024 * 1024);
      from.close(4000, "all sent");
      to.resume();
      for (let i = 0; i < pieces; i++) {
        const frame = await to.next();
        if (frame.payload.length !== piece.length) throw new Error(`piece ${i} is not whole`);
      }
      expect((await to.next()).payload.readUInt16BE(0)).toBe(4000);
      await Promise.all([from.ended, to.ended]);
    });
  }
});

describe("around it", () => {
  test("limit-conn holds a place until the WebSocket is closed", async () => {
    await serve({
      plugins: {
        "limit-conn": {
          conn: 1,
          burst: 0,
          default_conn_delay: 0.1,
          key: "remote_addr",
          rejected_code: 429,
        },
      },
    });
    const pair = await open();
    const refused = await openRawWebSocket(`${bed.url}/ws/chat`);
    expect(status(refused.head)).toBe(429);
    refused.destroy();
    await close(pair);
    await until(() => bed.gateway.status().websockets === 0);
    await close(await open());
  });

  test("/status counts open ones", async () => {
    await serve();
    const pairs = [await open(), await open()];
    expect(bed.gateway.status().websockets).toBe(2);
    for (const pair of pairs) await close(pair);
  });

  test("a gateway that stops says so with 1001", async () => {
    const other = await startGatewayBed({ storeUrl: storeBed.url });
    await serve();
    await other.applied(bed.gateway.status().store.revision ?? 0);
    const [client, server] = await Promise.all([
      openRawWebSocket(`${other.url}/ws/chat`),
      upstream.accepted(),
    ]);
    const stopped = other.stop();
    expect((await client.next()).payload.readUInt16BE(0)).toBe(1001);
    expect((await server.next()).payload.readUInt16BE(0)).toBe(1001);
    await Promise.all([client.ended, server.ended, stopped]);
  });
});

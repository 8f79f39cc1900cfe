import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { startGatewayBed, until } from "./bed/gateway-bed.ts";
import {
  frameOf,
  openRawWebSocket,
  type RawWebSocket,
  startRawWebSocketServer,
} from "./bed/raw-web-socket.ts";
import { startWebSocketBed, statusOf, type WebSocketBed } from "./bed/web-socket-bed.ts";

const utf8 = (text: string) => Buffer.from(text);

describe.each(["wire", "elysia"] as const)("WebSockets on the %s server", (edge) => {
  let all: WebSocketBed;
  beforeAll(async () => {
    all = await startWebSocketBed({ server: edge, webSocket: { messageBytes: 1_000_000 } });
  });
  afterEach(() => all.settle());
  afterAll(() => all.stop());

  describe("messages", () => {
    test("of every size go both ways, byte for byte", async () => {
      await all.serve();
      const pair = await all.open();
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
        expect([down.opcode, down.payload.toString("hex")]).toEqual([
          1,
          utf8(text).toString("hex"),
        ]);
      }
      await all.close(pair);
    });

    test("in fragments arrive whole, with a ping in between", async () => {
      await all.serve();
      const pair = await all.open();
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
      await all.close(pair);
    });

    test("sent with the head of the reply are not lost", async () => {
      const eager = await startRawWebSocketServer({
        early: Buffer.concat([
          frameOf(1, utf8("first"), true, false),
          frameOf(1, utf8("second"), true, false),
        ]),
      });
      await all.serve({}, { nodes: { [eager.node]: 1 } });
      const client = await openRawWebSocket(`${all.bed.url}/ws/chat`);
      expect(await client.next()).toMatchObject({ payload: utf8("first") });
      expect(await client.next()).toMatchObject({ payload: utf8("second") });
      client.close(1000);
      await client.ended;
      await eager.stop();
    });

    test("byte by byte are read as well", async () => {
      await all.serve();
      const pair = await all.open();
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
      await all.close(pair);
    });
  });

  describe("pings", () => {
    test("of the client are answered by the gateway and reach the upstream, whose pong ends here", async () => {
      await all.serve();
      const pair = await all.open();
      const { client, server } = pair;
      client.send(9, "are you there");
      expect(await client.next()).toMatchObject({ opcode: 10, payload: utf8("are you there") });
      expect(await server.next()).toMatchObject({ opcode: 9, payload: utf8("are you there") });
      server.send(10, "are you there");
      server.send(10, "unasked");
      expect(await client.next()).toMatchObject({ opcode: 10, payload: utf8("unasked") });
      await all.close(pair);
    });

    test("of the upstream are answered by the client alone", async () => {
      await all.serve();
      const pair = await all.open();
      const { client, server } = pair;
      server.send(9, "ping");
      server.send(9, "");
      expect(await client.next()).toMatchObject({ opcode: 9, payload: utf8("ping") });
      expect(await client.next()).toMatchObject({ opcode: 9, payload: utf8("") });
      client.send(10, "ping");
      expect(await server.next()).toMatchObject({ opcode: 10, payload: utf8("ping") });
      await all.close(pair);
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
        await all.serve();
        const pair = await all.open();
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
        await all.serve();
        const pair = await all.open();
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
      await all.serve();
      const { client, server } = await all.open();
      server.write(bytes);
      const [up, down] = await Promise.all([server.next(), client.next()]);
      expect([up.opcode, up.payload.readUInt16BE(0)]).toEqual([8, toServer]);
      expect([down.opcode, down.payload.readUInt16BE(0)]).toEqual([8, toClient]);
      await Promise.all([client.ended, server.ended]);
    });

    test("after a message of the client that is too long", async () => {
      await all.serve();
      const { client, server } = await all.open();
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
      await all.serve();
      const { client, server } = await all.open();
      client.write(bytes);
      const frame = await client.next();
      expect([frame.opcode, frame.payload.readUInt16BE(0)]).toEqual([8, code]);
      await Promise.all([client.ended, server.ended]);
    });

    test("after the read timeout in which neither side said anything", async () => {
      await all.serve({ timeout: { connect: 1, send: 5, read: 0.5 } });
      const { client, server } = await all.open();
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
        await all.serve();
        const pair = await all.open();
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

  describe("a side that takes nothing for the send timeout", () => {
    const timeout = { connect: 5, send: 0.4, read: 60 };
    const flood = (from: RawWebSocket) => {
      for (let i = 0; i < 512; i++) from.send(2, Buffer.alloc(64 * 1024));
    };

    test("the client: it is cut off, the upstream gets 1001", async () => {
      await all.serve({ timeout });
      const { client, server } = await all.open();
      client.pause();
      flood(server);
      const frame = await server.next();
      expect([frame.opcode, frame.payload.readUInt16BE(0)]).toEqual([8, 1001]);
      await server.ended;
      client.destroy();
    });

    test("the upstream: it is cut off, and so is the client that does not hear of anything else", async () => {
      await all.serve({ timeout });
      const { client, server } = await all.open();
      server.pause();
      flood(client);
      await client.ended;
      server.destroy();
    });

    test("a client that takes a little now and then is waited for", async () => {
      await all.serve({ timeout });
      const { client, server } = await all.open();
      client.pause();
      for (let i = 0; i < 160; i++) server.send(2, Buffer.alloc(64 * 1024));
      let isThirsty = true;
      const sip = setInterval(() => {
        client.resume();
        setTimeout(() => isThirsty && client.pause(), 1);
      }, 100);
      for (let i = 0; i < 160; i++) expect((await client.next()).payload.length).toBe(64 * 1024);
      isThirsty = false;
      clearInterval(sip);
      client.resume();
      await all.close({ client, server });
    });
  });

  describe("around it", () => {
    test("a client and a server of the runtime talk through it, text and bytes", async () => {
      const service = Bun.serve({
        hostname: "127.0.0.1",
        port: 0,
        fetch: (request, server) => (server.upgrade(request) ? undefined : new Response()),
        websocket: {
          perMessageDeflate: true,
          message: (socket, message) => void socket.send(message),
        },
      });
      await all.serve({}, { nodes: { [`127.0.0.1:${service.port}`]: 1 } });
      const socket = new WebSocket(`${all.bed.url.replace("http", "ws")}/ws/echo`);
      socket.binaryType = "arraybuffer";
      const got: unknown[] = [];
      const closed = new Promise<number>((resolve) => {
        socket.onclose = ({ code }) => resolve(code);
      });
      socket.onopen = () => {
        for (let i = 0; i < 500; i++)
          socket.send(i % 2 === 0 ? `text ${i}` : new Uint8Array([i & 255]));
      };
      socket.onmessage = ({ data }) => {
        got.push(typeof data === "string" ? data : new Uint8Array(data)[0]);
        if (got.length === 500) socket.close(4002, "enough");
      };
      expect(await closed).toBe(4002);
      expect(got).toEqual(
        Array.from({ length: 500 }, (_, i) => (i % 2 === 0 ? `text ${i}` : i & 255)),
      );
      await service.stop(true);
    });

    test("limit-conn holds a place until the WebSocket is closed", async () => {
      await all.serve({
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
      const pair = await all.open();
      const refused = await openRawWebSocket(`${all.bed.url}/ws/chat`);
      expect(statusOf(refused.head)).toBe(429);
      refused.destroy();
      await all.close(pair);
      await until(() => all.bed.gateway.status().websockets === 0);
      await all.close(await all.open());
    });

    test("/status counts open ones", async () => {
      await all.serve();
      const pairs = [await all.open(), await all.open()];
      expect(all.bed.gateway.status().websockets).toBe(2);
      for (const pair of pairs) await all.close(pair);
    });

    test("a gateway that stops says so with 1001", async () => {
      const other = await startGatewayBed({ storeUrl: all.storeUrl, settings: { server: edge } });
      await all.serve();
      await other.applied(all.bed.gateway.status().store.revision ?? 0);
      const [client, server] = await Promise.all([
        openRawWebSocket(`${other.url}/ws/chat`),
        all.upstream.accepted(),
      ]);
      const stopped = other.stop();
      expect((await client.next()).payload.readUInt16BE(0)).toBe(1001);
      expect((await server.next()).payload.readUInt16BE(0)).toBe(1001);
      await Promise.all([client.ended, server.ended, stopped]);
    });
  });
});

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { until } from "./bed/gateway-bed.ts";
import { frameOf, openRawWebSocket, type RawWebSocket } from "./bed/raw-web-socket.ts";
import { tlsPortOf } from "./bed/tls-bed.ts";
import { frontAuthority, shop } from "./bed/tls-certificates.ts";
import { type Pair, startWebSocketBed, statusOf, type WebSocketBed } from "./bed/web-socket-bed.ts";

describe.each(["wire", "elysia"] as const)("WebSockets over TLS on the %s server", (edge) => {
  let all: WebSocketBed;
  beforeAll(async () => {
    all = await startWebSocketBed({
      server: edge,
      ssl: { fallbackSni: "shop.test", http2: true },
      webSocket: { messageBytes: 1_000_000 },
    });
    await all.bed.put({
      "ssls/shop": { sni: "shop.test", cert: shop.certificate, key: shop.key },
    });
    await until(() => tlsPortOf(all.bed) > 0);
  });
  afterEach(async () => {
    await all.settle();
    await until(() => all.bed.gateway.status().tls?.connections === 0);
  });
  afterAll(() => all.stop());

  const open = async (): Promise<Pair> => {
    const [client, server] = await Promise.all([
      openRawWebSocket(`https://127.0.0.1:${tlsPortOf(all.bed)}/ws/chat`),
      all.upstream.accepted(),
    ]);
    expect(statusOf(client.head)).toBe(101);
    return { client, server };
  };

  test("messages of every size go both ways", async () => {
    await all.serve();
    const { client, server } = await open();
    for (const size of [0, 1, 125, 126, 16_384, 65_535, 65_536, 999_999]) {
      const bytes = Buffer.from(Array.from({ length: size }, (_, i) => (i * 31 + size) & 0xff));
      client.send(2, bytes);
      expect((await server.next()).payload.equals(bytes)).toBe(true);
      server.send(2, bytes);
      expect((await client.next()).payload.equals(bytes)).toBe(true);
    }
    await all.close({ client, server });
  });

  test("many small ones that come together keep their order", async () => {
    await all.serve();
    const { client, server } = await open();
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      for (let i = 0; i < 5_000; i++) from.send(1, `message ${i}`);
      for (let i = 0; i < 5_000; i++) {
        const got = (await to.next()).payload.toString();
        if (got !== `message ${i}`) throw new Error(`${got} in place of message ${i}`);
      }
    }
    await all.close({ client, server });
  });

  describe("a slow side", () => {
    const piece = Buffer.alloc(64 * 1024, "p");
    const pieces = 1_024;

    for (const slow of ["client", "server"] as const) {
      test(`makes the other wait, and gets all of it: the ${slow}`, async () => {
        await all.serve();
        const pair = await open();
        const [from, to] =
          slow === "client" ? [pair.server, pair.client] : [pair.client, pair.server];
        to.pause();
        for (let i = 0; i < pieces; i++) from.send(2, piece);
        let before = -1;
        await until(async () => {
          await Bun.sleep(200);
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

    test("that is the client and takes nothing for the send timeout is cut off", async () => {
      await all.serve({ timeout: { connect: 5, send: 0.4, read: 60 } });
      const { client, server } = await open();
      client.pause();
      for (let i = 0; i < 512; i++) server.send(2, piece);
      const frame = await server.next();
      expect([frame.opcode, frame.payload.readUInt16BE(0)]).toEqual([8, 1001]);
      await server.ended;
      client.destroy();
    });
  });

  describe("the end", () => {
    test.each(["client", "server"] as const)("of the %s reaches the other", async (side) => {
      await all.serve();
      const pair = await open();
      const [from, to] =
        side === "client" ? [pair.client, pair.server] : [pair.server, pair.client];
      from.send(1, "last");
      from.close(4001, "so");
      expect((await to.next()).payload.toString()).toBe("last");
      expect((await to.next()).payload.readUInt16BE(0)).toBe(4001);
      expect((await from.next()).payload.readUInt16BE(0)).toBe(4001);
      await Promise.all([from.ended, to.ended]);
    });

    test.each(["client", "server"] as const)("of the %s without a word does, too", async (side) => {
      await all.serve();
      const pair = await open();
      const [from, to] =
        side === "client" ? [pair.client, pair.server] : [pair.server, pair.client];
      from.send(1, "last");
      expect((await to.next()).payload.toString()).toBe("last");
      from.destroy();
      await to.ended;
      expect(to.next()).rejects.toThrow("ended");
    });

    test.each([
      ["a frame without a mask", frameOf(1, Buffer.from("x"), true, false), 1002],
      ["a message that is too long", frameOf(2, Buffer.alloc(1_000_001), true, true), 1009],
    ])("after %s of the client", async (_name, bytes, code) => {
      await all.serve();
      const { client, server } = await open();
      client.write(bytes);
      const frame = await client.next();
      expect([frame.opcode, frame.payload.readUInt16BE(0)]).toEqual([8, code]);
      await Promise.all([client.ended, server.ended]);
    });
  });

  test("the runtime's own client talks to the upstream", async () => {
    await all.serve();
    const socket = new WebSocket(`wss://127.0.0.1:${tlsPortOf(all.bed)}/ws/chat`, {
      headers: { host: "shop.test" },
      tls: { ca: frontAuthority, serverName: "shop.test" },
    });
    const server: RawWebSocket = await all.upstream.accepted();
    const heard = new Promise<unknown>((resolve) => {
      socket.onmessage = ({ data }) => resolve(data);
    });
    const closed = new Promise<number>((resolve) => {
      socket.onclose = ({ code }) => resolve(code);
    });
    server.send(1, "down");
    expect(await heard).toBe("down");
    socket.send("up");
    expect((await server.next()).payload.toString()).toBe("up");
    socket.close(4002);
    expect((await server.next()).payload.readUInt16BE(0)).toBe(4002);
    expect(await closed).toBe(4002);
    await server.ended;
  });
});

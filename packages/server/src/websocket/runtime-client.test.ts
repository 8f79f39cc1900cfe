import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type HttpServer, listenHttp } from "../http-server.ts";
import type { ClientWebSocket } from "./client-web-socket.ts";
import { createWebSocketUpgrader } from "./web-socket-upgrader.ts";

type Message = string | Uint8Array<ArrayBuffer>;
type Client = ClientWebSocket<Served>;

/** What is told of one WebSocket, and who looks at it. */
class Served {
  client: Client | null = null;
  readonly got: Message[] = [];
  readonly closed = Promise.withResolvers<readonly [number, string]>();
  pings = 0;
  drains = 0;
  onMessage: ((client: Client, message: Message) => void) | null = null;
}

let server: HttpServer;
let served = Promise.withResolvers<Served>();

beforeAll(() => {
  server = listenHttp({
    hostname: "127.0.0.1",
    port: 0,
    isShared: false,
    replies: { serverHeader: "", closing: false },
    webSockets: createWebSocketUpgrader<Served>({
      maxPayloadLength: 4 * 1024 * 1024,
      open: (client) => {
        client.data.client = client;
        served.resolve(client.data);
      },
      message: ({ data }, message) => {
        const own = typeof message === "string" ? message : new Uint8Array(message);
        data.got.push(own);
        if (data.client !== null) data.onMessage?.(data.client, own);
      },
      ping: ({ data }) => void data.pings++,
      pong: () => undefined,
      drain: ({ data }) => void data.drains++,
      close: ({ data }, code, reason) => data.closed.resolve([code, reason]),
      error: (error) => {
        throw error;
      },
    }),
    answer: (request, sink) => {
      if (!request.upgrade(new Headers(), new Served())) throw new Error("not a handshake");
      sink.answer(null);
    },
  });
});
afterAll(() => server.stop(true));

/** Opens a WebSocket of the runtime's; resolves with both ends. */
async function open() {
  served = Promise.withResolvers<Served>();
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/`);
  socket.binaryType = "arraybuffer";
  const got: Message[] = [];
  const closed = new Promise<readonly [number, string]>((resolve) => {
    socket.onclose = ({ code, reason }) => resolve([code, reason]);
  });
  let onCount: (() => void) | null = null;
  socket.onmessage = ({ data }) => {
    got.push(typeof data === "string" ? data : new Uint8Array(data));
    onCount?.();
  };
  const end = await served.promise;
  await new Promise<void>((resolve) => {
    if (socket.readyState === WebSocket.OPEN) resolve();
    else socket.onopen = () => resolve();
  });
  const { client } = end;
  if (client === null) throw new Error("not open");
  return {
    socket,
    got,
    closed,
    end,
    client,
    /** Waits for so many messages. */
    hears: (count: number) =>
      new Promise<void>((resolve) => {
        onCount = () => {
          if (got.length >= count) resolve();
        };
        onCount();
      }),
  };
}

const message: fc.Arbitrary<Message> = fc.oneof(
  fc.string({ maxLength: 300, unit: "binary" }),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => new Uint8Array(bytes)),
  // Around every length of a head, and of what is gathered and joined.
  fc
    .constantFrom(0, 125, 126, 127, 16_379, 16_380, 16_384, 65_531, 65_535, 65_536, 65_537, 300_000)
    .map((size) => "x".repeat(size)),
  fc.constantFrom(65_536, 65_537, 200_001).map((size) => new Uint8Array(size).fill(0xa5)),
);

describe("with the runtime's own client", () => {
  test("any messages go both ways, in order and as they were", async () => {
    const { socket, got, end, client, closed, hears } = await open();
    end.onMessage = (to, said) => {
      if (typeof said === "string") to.sendText(said);
      else to.sendBinary(said);
    };
    const sent: Message[] = [];
    await fc.assert(
      fc.asyncProperty(fc.array(message, { maxLength: 8 }), async (messages) => {
        for (const next of messages) {
          socket.send(next);
          sent.push(next);
        }
        await hears(sent.length);
        const tail = -messages.length;
        if (messages.length === 0) return;
        expect(end.got.slice(tail)).toEqual(messages);
        expect(got.slice(tail)).toEqual(messages);
      }),
      { numRuns: 60 },
    );
    expect(got.length).toBe(sent.length);
    expect(client.getBufferedAmount()).toBe(0);
    socket.close(1000);
    expect(await closed).toEqual([1000, ""]);
    expect(await end.closed.promise).toEqual([1000, ""]);
  });

  test("any code and reason of the client's end reach us, and come back", async () => {
    const code = fc.oneof(fc.constant(1000), fc.integer({ min: 3000, max: 4999 }));
    const reason = fc
      .string({ maxLength: 40, unit: "binary" })
      .filter((text) => Buffer.byteLength(text) <= 123);
    await fc.assert(
      fc.asyncProperty(code, reason, async (given, why) => {
        const { socket, closed, end } = await open();
        socket.close(given, why);
        expect(await end.closed.promise).toEqual([given, why]);
        expect((await closed)[0]).toBe(given);
      }),
      { numRuns: 30 },
    );
  });

  test("any code and reason of ours reach the client", async () => {
    const code = fc.oneof(
      fc.constantFrom(1000, 1001, 1009, 1014),
      fc.integer({ min: 3000, max: 4999 }),
    );
    const reason = fc
      .string({ maxLength: 40, unit: "binary" })
      .filter((text) => Buffer.byteLength(text) <= 123);
    await fc.assert(
      fc.asyncProperty(code, reason, async (given, why) => {
        const { closed, client } = await open();
        client.sendText("last");
        client.close(given, why);
        expect(await closed).toEqual([given, why]);
      }),
      { numRuns: 30 },
    );
  });

  test("a client that goes without a word is 1006, and so are we for it", async () => {
    const gone = await open();
    gone.socket.terminate();
    expect((await gone.end.closed.promise)[0]).toBe(1006);
    const left = await open();
    left.client.sendText("last");
    left.client.terminate();
    await left.hears(1);
    expect((await left.closed)[0]).toBe(1006);
  });

  test("pings go both ways", async () => {
    const { socket, client, end, closed } = await open();
    const ponged = new Promise((resolve) => socket.addEventListener("pong", resolve));
    socket.ping("are you there");
    await ponged;
    expect(end.pings).toBe(1);
    client.ping(new Uint8Array([1]));
    socket.close();
    await closed;
  });

  test("a message over the limit is 1009", async () => {
    const { socket, closed, end } = await open();
    socket.send(new Uint8Array(4 * 1024 * 1024 + 1));
    expect((await closed)[0]).toBe(1009);
    expect((await end.closed.promise)[0]).toBe(1006);
  });

  test("what a client has yet to take is counted, and drains", async () => {
    const { client, got, hears, end, socket, closed } = await open();
    const piece = new Uint8Array(1024 * 1024).fill(7);
    let sent = 0;
    while (client.sendBinary(piece) !== -1) sent++;
    for (let i = 0; i < 8; i++) client.sendBinary(piece);
    sent += 9;
    expect(client.getBufferedAmount()).toBeGreaterThan(piece.byteLength);
    await hears(sent);
    expect(got.every((one) => one.length === piece.byteLength)).toBe(true);
    expect(client.getBufferedAmount()).toBe(0);
    expect(end.drains).toBeGreaterThan(0);
    socket.close();
    await closed;
  });

  test("a paused client waits, and is read on", async () => {
    const { client, end, socket, closed } = await open();
    client.pause();
    const piece = new Uint8Array(1024 * 1024);
    for (let i = 0; i < 32; i++) socket.send(piece);
    while (socket.bufferedAmount === 0) await Bun.sleep(1);
    const before = end.got.length;
    for (let i = 0; i < 5; i++) await Bun.sleep(1);
    expect(end.got.length).toBe(before);
    client.resume();
    while (end.got.length < 32) await Bun.sleep(1);
    socket.close();
    await closed;
  });
});

test("no connection is left", async () => {
  while (server.openCount > 0) await Bun.sleep(1);
  expect(server.openCount).toBe(0);
});

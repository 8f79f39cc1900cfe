import { describe, expect, test } from "bun:test";
import type { GatewayReply } from "@catena/pipeline";
import { MemorySocket } from "./conformance/memory-socket.ts";
import { get, head, post } from "./conformance/read-case.ts";
import { ok } from "./conformance/served.ts";
import { ServerConnections } from "./http-server.ts";
import { renderReply } from "./render-reply.ts";
import type { ServerConnection } from "./server-connection.ts";
import type { ServerRequest } from "./server-request.ts";

const streamOf = (...pieces: readonly (string | Uint8Array)[]): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(Buffer.from(piece));
      controller.close();
    },
  });

/** By target: every form a reply may have. */
const replies: Readonly<
  Record<string, (request: ServerRequest) => Promise<GatewayReply> | GatewayReply>
> = {
  "/text": () => ok("hello"),
  "/beyond-ascii": () => ok("é☃", ["x-a", "\xe9"]),
  "/bytes": () => ok(Buffer.from([0, 13, 10, 255])),
  "/large": () => ok(Buffer.alloc(70_000, "l")),
  "/large-text": () => ok("t".repeat(70_000)),
  "/stream": () => ok(streamOf("one", "", "two", Buffer.alloc(300, "s"))),
  "/told-stream": () => ok(streamOf("ab", "cd"), ["content-length", "4"]),
  "/nothing": () => ({ ...ok(null), status: 204 }),
  "/echo": async (request) => ok(await request.readText(1_000)),
};

async function talk(pieces: readonly Buffer[], perWrite: number): Promise<MemorySocket> {
  const connections = serving((request, send) => {
    const made = replies[request.head.target]?.(request) ?? ok(null);
    if (made instanceof Promise) void made.then(send);
    else send(made);
  });
  const socket = new MemorySocket(perWrite);
  const connection: ServerConnection = connections.open(socket, { address: "127.0.0.1", port: 1 });
  for (const piece of pieces) {
    connection.socketData(piece);
    await socket.drain(connection);
  }
  connection.socketClosed();
  expect(connections.size).toBe(0);
  return socket;
}

const conversation = (large: boolean): Buffer =>
  Buffer.from(
    [
      get("/text"),
      head("HEAD /text HTTP/1.1", "Host: a.test"),
      get("/beyond-ascii"),
      get("/stream"),
      `${post("/echo", "Content-Length: 5", "Expect: 100-continue")}hello`,
      `${post("/echo", "Transfer-Encoding: chunked")}3\r\nabc\r\n0\r\n\r\n`,
      get("/nothing"),
      get("/bytes"),
      get("/told-stream"),
      ...(large ? [get("/large"), get("/large-text")] : []),
      get("/text", "Connection: close"),
    ].join(""),
    "latin1",
  );

const everything = Number.POSITIVE_INFINITY;

describe("a conversation is the same", () => {
  test("whatever the socket takes at a time", async () => {
    const bytes = conversation(true);
    const whole = await talk([bytes], everything);
    expect(whole.text.match(/HTTP\/1\.1 20[04] /g)).toHaveLength(12);
    expect(whole.isEnded).toBe(true);
    for (const perWrite of [97, 1_000, 65_535, 65_536]) {
      const { text, isEnded } = await talk([bytes], perWrite);
      expect([perWrite, text === whole.text, isEnded]).toEqual([perWrite, true, true]);
    }
  });

  // A client that has sent nothing of its body yet is told to.
  const withoutSigns = (text: string) => text.replace("HTTP/1.1 100 Continue\r\n\r\n", "");

  test("cut at every boundary, or byte by byte", async () => {
    const bytes = conversation(false);
    const expected = (await talk([bytes], everything)).text;
    expect(expected.match(/HTTP\/1\.1 20[04] /g)).toHaveLength(10);
    for (let at = 1; at < bytes.length; at++) {
      const { text } = await talk([bytes.subarray(0, at), bytes.subarray(at)], everything);
      if (withoutSigns(text) !== expected) expect({ at, text }).toEqual({ at, text: expected });
    }
    const slow = await talk(
      [...bytes].map((byte) => Buffer.from([byte])),
      3,
    );
    expect(withoutSigns(slow.text)).toBe(expected);
  });
});

/** The connections of a server that answers as a test says. */
function serving(
  answer: (request: ServerRequest, send: (reply: GatewayReply) => void) => void,
): ServerConnections {
  return new ServerConnections({
    hostname: "127.0.0.1",
    port: 0,
    webSockets: { upgrade: () => null },
    replies: { serverHeader: "", closing: false },
    answer: (request, sink) =>
      answer(request, (reply) => sink.answer(renderReply(reply, { serverHeader: "" }))),
  });
}

describe("what nobody takes is bounded", () => {
  const KILOBYTE = 1024;
  const piece = Buffer.alloc(16 * KILOBYTE);
  const framings: readonly (readonly [string, string, Buffer])[] = [
    ["a length", post("/", `Content-Length: ${1024 * KILOBYTE}`), piece],
    [
      "chunks",
      post("/", "Transfer-Encoding: chunked"),
      Buffer.concat([Buffer.from("4000\r\n"), piece, Buffer.from("\r\n")]),
    ],
  ];

  test.each(framings)(
    "64 KiB and a piece are taken, then the client has to wait: %s",
    (_name, top, bytes) => {
      const connections = serving(() => undefined);
      const socket = new MemorySocket(Number.POSITIVE_INFINITY);
      const connection = connections.open(socket, { address: "127.0.0.1", port: 1 });
      connection.socketData(Buffer.from(top));
      let taken = 0;
      while (!socket.isPaused && taken < 1024 * KILOBYTE) {
        connection.socketData(bytes);
        taken += piece.length;
      }
      expect(taken).toBeLessThanOrEqual(80 * KILOBYTE);
      connection.destroy();
    },
  );

  test("requests that come before their turn: 64 KiB", () => {
    const connections = serving(() => undefined);
    const socket = new MemorySocket(Number.POSITIVE_INFINITY);
    const connection = connections.open(socket, { address: "127.0.0.1", port: 1 });
    const bytes = Buffer.from(get("/").repeat(100));
    let taken = 0;
    while (!socket.isPaused && taken < 1024 * KILOBYTE) {
      connection.socketData(bytes);
      taken += bytes.length;
    }
    expect(taken).toBeLessThanOrEqual(64 * KILOBYTE + 2 * bytes.length);
    connection.destroy();
  });

  test("a stream whose reader waits takes as much", async () => {
    let body: ReadableStream<Uint8Array> | null = null;
    const connections = serving((request) => {
      ({ body } = request);
    });
    const socket = new MemorySocket(Number.POSITIVE_INFINITY);
    const connection = connections.open(socket, { address: "127.0.0.1", port: 1 });
    connection.socketData(Buffer.from(post("/", `Content-Length: ${1024 * KILOBYTE}`)));
    const fill = (): number => {
      let taken = 0;
      while (!socket.isPaused && taken < 1024 * KILOBYTE) {
        connection.socketData(piece);
        taken += piece.length;
      }
      return taken;
    };
    expect(fill()).toBeLessThanOrEqual(80 * KILOBYTE);
    const reader = (body as ReadableStream<Uint8Array> | null)!.getReader();
    for (let i = 0; i < 3; i++) await reader.read();
    expect(socket.isPaused).toBe(false);
    expect(fill()).toBeLessThanOrEqual(80 * KILOBYTE);
    connection.destroy();
  });
});

test("a write that finds the connection gone ends it, and the source of the reply is told", async () => {
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({
    cancel: () => {
      cancelled = true;
    },
  });
  const connections = serving((_, answer) => answer(ok(body)));
  const socket = new MemorySocket(10);
  const connection = connections.open(socket, { address: "127.0.0.1", port: 1 });
  socket.isEnded = true;
  connection.socketData(Buffer.from(get("/")));
  expect([connections.size, cancelled, socket.isTerminated]).toEqual([0, true, true]);
});

/** A socket that takes everything, as those over TLS do, and says what it has yet to send. */
class TakingSocket extends MemorySocket {
  unsent = 0;

  override write(data: string | Uint8Array): number {
    this.unsent += data.length;
    return super.write(data);
  }
}

describe("what the socket has yet to send", () => {
  const takeLarge = (headers: readonly string[]) => {
    const connections = serving((_, send) => send(ok(Buffer.alloc(70_000, "l"))));
    const socket = new TakingSocket(100_000);
    const connection = connections.open(socket, { address: "127.0.0.1", port: 1 });
    connection.socketData(Buffer.from(head("GET / HTTP/1.1", "Host: a.test", ...headers)));
    return { socket, connection };
  };

  test.each([
    ["behind the last reply", ["Connection: close"]],
    ["between requests", []],
  ] as const)("keeps the connection %s as long as the client takes some of it", (_, headers) => {
    const { socket, connection } = takeLarge(headers);
    for (; socket.unsent > 20_000; socket.unsent -= 10_000) {
      connection.expire(connection.dueAt);
      expect(connection.dueAt).toBeFinite();
      expect(socket.isTerminated).toBe(false);
    }
    connection.expire(connection.dueAt);
    // Nothing of it since the last time.
    connection.expire(connection.dueAt);
    connection.expire(connection.dueAt);
    expect(socket.isTerminated).toBe(true);
  });
});

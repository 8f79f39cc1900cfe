import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { statusReply } from "@catena/pipeline";
import { type HttpServer, listenHttp } from "../http-server.ts";
import { renderReply } from "../render-reply.ts";
import type { ClientWebSocket } from "./client-web-socket.ts";
import { createWebSocketUpgrader } from "./web-socket-upgrader.ts";

let server: HttpServer;
/** What the next handshake is answered with. */
let headers = new Headers();

/** A server that echoes texts over every WebSocket, and answers 400 to what asks for none. */
beforeAll(() => {
  const nothing = () => undefined;
  const replies = { serverHeader: "", closing: false };
  server = listenHttp({
    hostname: "127.0.0.1",
    port: 0,
    isShared: false,
    replies,
    webSockets: createWebSocketUpgrader({
      maxPayloadLength: 1_000,
      open: nothing,
      message: (client: ClientWebSocket<object>, message: string | Buffer) => {
        client.sendText(String(message));
      },
      ping: nothing,
      pong: nothing,
      drain: nothing,
      close: nothing,
      error: nothing,
    }),
    answer: (request, sink) => {
      const isSwitched = request.upgrade(headers, {});
      sink.answer(isSwitched ? null : renderReply(statusReply(400), replies));
    },
  });
});
afterAll(() => server.stop(true));

const sound = [
  "GET / HTTP/1.1",
  "Host: a.test",
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version: 13",
] as const;

/** Frames of a client: the text `hi` under a mask of zeros, and a Close frame. */
const greeting = "\x81\x82\0\0\0\0hi";
const goodbye = "\x88\x80\0\0\0\0";

/** Sends pieces, each in a turn of its own, and returns all that came until the server ended. */
async function exchange(...pieces: readonly string[]): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let received = "";
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: server.port,
    socket: {
      data: (_socket, chunk) => {
        received += chunk.toString("latin1");
      },
      close: () => resolve(received),
    },
  });
  for (const piece of pieces) {
    socket.write(Buffer.from(piece, "latin1"));
    await Bun.sleep(1);
  }
  return promise;
}

const handshake = (lines: readonly string[] = sound) => `${lines.join("\r\n")}\r\n\r\n`;

/** A handshake in which the line that begins as this one does is replaced by it, or by none. */
const changed = (line: string, replacement = line): readonly string[] =>
  sound.flatMap((old) => {
    const isMeant = old.split(/[: ]/)[0] === line.split(/[: ]/)[0];
    if (!isMeant) return [old];
    return replacement === "" ? [] : [replacement];
  });

const switched = [
  "HTTP/1.1 101 Switching Protocols",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
];
/** The echo, and the answer to the Close frame. */
const farewell = "\x81\x02hi\x88\x00";

describe("a handshake that is sound", () => {
  test.each<[string, readonly string[]]>([
    ["as in RFC 6455 §1.2", sound],
    ["with more in Connection", changed("Connection: keep-alive, Upgrade")],
    ["in other cases", changed("Upgrade: WebSocket")],
    ["with an extension on offer", [...sound, "Sec-WebSocket-Extensions: permessage-deflate"]],
    ["with a subprotocol on offer", [...sound, "Sec-WebSocket-Protocol: a, b"]],
  ])("switches over: %s", async (_name, lines) => {
    headers = new Headers();
    expect(await exchange(handshake(lines), greeting, goodbye)).toBe(
      `${switched.join("\r\n")}\r\n\r\n${farewell}`,
    );
  });

  test("loses nothing of what the client sent with it, however it is cut", async () => {
    headers = new Headers();
    const bytes = handshake() + greeting + goodbye;
    const all = await Promise.all(
      Array.from({ length: bytes.length - 1 }, (_, i) =>
        exchange(bytes.slice(0, i + 1), bytes.slice(i + 1)),
      ),
    );
    expect(new Set(all)).toEqual(new Set([`${switched.join("\r\n")}\r\n\r\n${farewell}`]));
  });

  test("brings the headers given, but for those of the handshake and of a body", async () => {
    headers = new Headers([
      ["X-One", "1"],
      ["Set-Cookie", "a=1"],
      ["Set-Cookie", "b=2"],
      ["X-Latin", "\xe9"],
      ["Sec-WebSocket-Protocol", "b"],
      ["Upgrade", "h2c"],
      ["Connection", "close"],
      ["Sec-WebSocket-Accept", "x"],
      ["Sec-WebSocket-Extensions", "x"],
      ["Content-Length", "3"],
      ["Transfer-Encoding", "chunked"],
    ]);
    const [head = ""] = (await exchange(handshake(), goodbye)).split("\r\n\r\n");
    const lines = head.split("\r\n");
    expect(lines.slice(0, 4)).toEqual(switched);
    expect(lines.slice(4).sort()).toEqual([
      "sec-websocket-protocol: b",
      "set-cookie: a=1",
      "set-cookie: b=2",
      "x-latin: \xe9",
      "x-one: 1",
    ]);
  });

  test("agrees to no subprotocol where an empty one is given", async () => {
    headers = new Headers([["sec-websocket-protocol", ""]]);
    const lines = [...sound, "Sec-WebSocket-Protocol: a"];
    expect(await exchange(handshake(lines), goodbye)).toBe(
      `${switched.join("\r\n")}\r\n\r\n\x88\x00`,
    );
  });
});

describe("a handshake that is not sound", () => {
  test.each<[string, readonly string[]]>([
    ["another method", changed("GET", "POST / HTTP/1.1")],
    ["HTTP/1.0", changed("GET", "GET / HTTP/1.0")],
    ["no Upgrade", changed("Upgrade", "")],
    ["another protocol", changed("Upgrade: h2c")],
    ["no Connection", changed("Connection", "")],
    ["another Connection", changed("Connection: keep-alive")],
    ["no version", changed("Sec-WebSocket-Version", "")],
    ["another version", changed("Sec-WebSocket-Version: 8")],
    ["two versions", [...sound, "Sec-WebSocket-Version: 8"]],
    ["no key", changed("Sec-WebSocket-Key", "")],
    ["an empty key", changed("Sec-WebSocket-Key:")],
    ["a key of 15 bytes", changed("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j")],
    ["a key of 17 bytes", changed("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZZo=")],
    ["a key that is not base64", changed("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j*Q==")],
    ["two keys", [...sound, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]],
    ["a body", [...sound, "Content-Length: 2"]],
    ["chunks", [...sound, "Transfer-Encoding: chunked"]],
  ])("is left to be answered: %s", async (_name, lines) => {
    headers = new Headers();
    const closing = lines.includes("Connection: Upgrade")
      ? lines.map((line) => (line === "Connection: Upgrade" ? "Connection: Upgrade, close" : line))
      : [...lines, "Connection: close"];
    const body = lines.some((line) => line.startsWith("Transfer")) ? "0\r\n\r\n" : "";
    const reply = await exchange(handshake(closing) + body);
    expect(reply).toStartWith("HTTP/1.1 400 ");
  });
});

test("no connection is left", async () => {
  while (server.openCount > 0) await Bun.sleep(1);
  expect(server.openCount).toBe(0);
});

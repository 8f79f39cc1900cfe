import { expect, test } from "bun:test";
import { ok } from "./conformance/served.ts";
import { listenHttp } from "./http-server.ts";
import { renderReply } from "./render-reply.ts";

test("connections beyond the most are closed at once, until there are fewer", async () => {
  const replies = { serverHeader: "", closing: false };
  const server = listenHttp({
    hostname: "127.0.0.1",
    port: 0,
    isShared: false,
    maxConnections: 2,
    webSockets: { upgrade: () => null },
    replies,
    answer: (_, sink) => sink.answer(renderReply(ok("hello"), replies)),
  });
  /** One request; the reply's first line, empty when the connection is closed instead. */
  const ask = async () => {
    const told = Promise.withResolvers<string>();
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port: server.port,
      socket: {
        data: (_, bytes) => told.resolve(bytes.toString("latin1").split("\r\n")[0] ?? ""),
        close: () => told.resolve(""),
        error: () => told.resolve(""),
      },
    });
    socket.write("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    return { socket, line: await told.promise };
  };
  try {
    const first = await ask();
    const second = await ask();
    expect([first.line, second.line]).toEqual(["HTTP/1.1 200 OK", "HTTP/1.1 200 OK"]);
    expect((await ask()).line).toBe("");
    first.socket.end();
    while (server.openCount === 2) await new Promise((resolve) => setImmediate(resolve));
    expect((await ask()).line).toBe("HTTP/1.1 200 OK");
  } finally {
    await server.stop(true);
  }
});

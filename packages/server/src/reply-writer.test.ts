import { describe, expect, test } from "bun:test";
import { MemorySocket } from "./conformance/memory-socket.ts";
import { PieceSource } from "./conformance/piece-source.ts";
import type { RenderedReply } from "./render-reply.ts";
import { type Delivery, ReplyWriter } from "./reply-writer.ts";

describe("the writer of a piped reply", () => {
  const delivery: Delivery = { isHead: false, isOld: false, keep: true };

  function written(perWrite: number, reply: Partial<RenderedReply>, how: Partial<Delivery> = {}) {
    const source = new PieceSource();
    const socket = new MemorySocket(perWrite);
    const told: string[] = [];
    const writer = new ReplyWriter(socket, {
      replySent: () => void told.push("sent"),
      replyFailed: () => {
        told.push("failed");
        writer.stop();
      },
      writeStalled: () => void told.push("stalled"),
    });
    const rendered: RenderedReply = {
      status: 200,
      words: "HTTP/1.1 200 OK\r\n",
      isDated: true,
      declared: -1,
      body: null,
      pieces: source,
      isPassedOn: true,
      ...reply,
    };
    writer.send(rendered, { ...delivery, ...how });
    const listener = {
      socketDrained: () => writer.drained(),
      socketData: () => undefined,
      socketClosed: () => undefined,
    };
    return { source, socket, told, writer, drain: () => socket.drain(listener) };
  }

  const LOTS = Number.POSITIVE_INFINITY;

  test.each([
    ["HEAD", { declared: 9 }, { isHead: true }, "content-length: 9\r\n\r\n"],
    ["204", { status: 204 }, {}, "\r\n"],
    ["304", { status: 304 }, {}, "\r\n"],
  ] as const)("a reply without a body gives up its source: %s", (_, reply, how, end) => {
    const { source, socket, told } = written(LOTS, reply, how);
    expect(source.asked).toEqual(["cancel"]);
    expect(source.sink).toBeNull();
    expect(told).toEqual(["sent"]);
    expect(socket.text).toBe(`HTTP/1.1 200 OK\r\n${end}`);
  });

  test.each([
    ["chunks", {}, {}, "transfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"],
    ["a length", { declared: 2 }, {}, "content-length: 2\r\n\r\nab"],
    ["HTTP/1.0", {}, { isOld: true, keep: false }, "connection: close\r\n\r\nab"],
  ] as const)("a body goes out behind its head: %s", (_, reply, how, end) => {
    const { source, socket, told } = written(LOTS, reply, how);
    source.give("ab");
    source.sink?.ended();
    expect(told).toEqual(["sent"]);
    expect(socket.text).toBe(`HTTP/1.1 200 OK\r\n${end}`);
    expect(source.asked).toEqual([]);
  });

  test("a body that ends while its client is stalled is sent when all of it was taken", async () => {
    const { source, socket, told, drain } = written(7, {});
    expect(source.give("ab")).toBe(false);
    source.sink?.ended();
    expect(told).not.toContain("sent");
    await drain();
    expect(told.at(-1)).toBe("sent");
    expect(told.filter((what) => what === "sent").length).toBe(1);
    expect(socket.text).toEndWith("chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n");
    expect(source.asked).toEqual([]);
  });

  test("a client that drains lets the source go on once per stall", async () => {
    const { source, told, drain } = written(7, { declared: 4 });
    expect(source.give("ab")).toBe(false);
    await drain();
    expect(source.asked).toEqual(["resume"]);
    expect(source.give("cd")).toBe(true);
    source.sink?.ended();
    expect(told.at(-1)).toBe("sent");
  });

  test("a connection that is gone ends the reply and its source, once", () => {
    const { source, socket, told } = written(LOTS, {});
    socket.terminate();
    source.give("ab");
    source.give("cd");
    source.sink?.ended();
    expect(told).toEqual(["failed"]);
    expect(source.asked).toEqual(["cancel"]);
  });

  test("a connection that is gone when the body ends is no reply that was sent", () => {
    const { source, socket, told } = written(LOTS, {});
    socket.terminate();
    source.sink?.ended();
    expect(told).toEqual(["failed"]);
  });

  test("more than was announced destroys the connection behind what was sent", () => {
    const { source, socket, told } = written(LOTS, { declared: 1 });
    source.give("ab");
    expect(told).toEqual(["failed"]);
    expect(source.asked).toEqual(["cancel"]);
    expect(socket.text).toEndWith("content-length: 1\r\n\r\n");
  });

  test("stopped while stalled, nothing more is written", async () => {
    const { source, socket, writer, drain } = written(7, {});
    source.give("ab");
    const { text } = socket;
    writer.stop();
    await drain();
    expect(socket.text).toBe(text);
    expect(source.asked).toEqual(["cancel"]);
  });
});

import { describe, expect, test } from "bun:test";
import { DeadlineSweep, OP_BINARY, OP_CLOSE, OP_PING, OP_PONG, OP_TEXT } from "@catena/http";
import type { ByteSocket } from "../byte-socket.ts";
import { AcceptedWebSocket } from "./accepted-web-socket.ts";
import type { ClientWebSocket, WebSocketHandlers } from "./client-web-socket.ts";

/** A connection that notes what is done with it. */
class Wire implements ByteSocket {
  room = Number.POSITIVE_INFINITY;
  /** What was written, in hexadecimal. */
  written = "";
  readonly done: string[] = [];

  write(data: string | Uint8Array): number {
    const bytes = Buffer.from(data as Uint8Array);
    const taken = Math.min(this.room, bytes.length);
    this.room -= taken;
    this.written += bytes.toString("hex", 0, taken);
    return taken;
  }

  end(): void {
    this.done.push("end");
  }

  shutdown(): void {
    this.done.push("shutdown");
  }

  terminate(): void {
    this.done.push("terminate");
  }

  pause(): void {
    this.done.push("pause");
  }

  resume(): void {
    this.done.push("resume");
  }

  /** What was written since it was last asked for. */
  take(): string {
    const { written } = this;
    this.written = "";
    return written;
  }
}

interface Options {
  readonly maxPayloadLength?: number;
  /** Called for each event before it is noted. */
  readonly on?: (name: string, client: ClientWebSocket<string>) => void;
}

/** An open WebSocket; its reply to the handshake is taken already. */
function open({ maxPayloadLength = 1_000, on }: Options = {}) {
  const told: unknown[] = [];
  const wire = new Wire();
  const note = (name: string, client: ClientWebSocket<string>, ...values: readonly unknown[]) => {
    told.push(values.length === 0 ? name : [name, ...values]);
    on?.(name, client);
  };
  const socket = new AcceptedWebSocket(
    wire,
    "data",
    {
      maxPayloadLength,
      open: (client) => note("open", client),
      message: (client, message) =>
        note("message", client, typeof message === "string" ? message : message.toString("hex")),
      ping: (client, payload) => note("ping", client, payload.toString()),
      pong: (client, payload) => note("pong", client, payload.toString()),
      drain: (client) => note("drain", client),
      close: (client, code, reason) => note("close", client, code, reason),
      error: (error, client) => note("error", client, error.message),
    },
    new DeadlineSweep(),
  );
  socket.begin(Buffer.from("head"));
  wire.take();
  expect(told.shift()).toBe("open");
  return { socket, wire, told };
}

/** A frame of the client, masked with zeros. */
function frame(opcode: number, payload: string | Buffer = "", isFinal = true): Buffer {
  const bytes = Buffer.from(payload as string);
  const length =
    bytes.length < 126
      ? [0x80 | bytes.length]
      : [0x80 | 126, bytes.length >> 8, bytes.length & 0xff];
  return Buffer.concat([
    Buffer.from([(isFinal ? 0x80 : 0) | opcode, ...length, 0, 0, 0, 0]),
    bytes,
  ]);
}

const closeFrame = (code: number, reason = "") =>
  frame(OP_CLOSE, Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]));

const turn = () => Promise.resolve();

const nothing = () => undefined;
const silent: WebSocketHandlers<string> = {
  maxPayloadLength: 1,
  open: nothing,
  message: nothing,
  ping: nothing,
  pong: nothing,
  drain: nothing,
  close: nothing,
  error: nothing,
};

test("the reply to the handshake goes out before anything else", async () => {
  const wire = new Wire();
  wire.room = 2;
  const handlers = {
    ...silent,
    open: (client: ClientWebSocket<string>) => void client.sendText(client.data),
  };
  const socket = new AcceptedWebSocket(wire, "a", handlers, new DeadlineSweep());
  expect(socket.begin(Buffer.from("head"))).toBe(true);
  await turn();
  expect(Buffer.from(wire.take(), "hex").toString()).toBe("he");
  wire.room = 100;
  socket.socketDrained();
  expect(Buffer.from(wire.take(), "hex").toString("latin1")).toBe("ad\x81\x01a");
});

test("a connection that is gone is not taken over", () => {
  const wire = new Wire();
  wire.write = () => -1;
  let opened = 0;
  const handlers = { ...silent, open: () => void opened++ };
  const socket = new AcceptedWebSocket(wire, "", handlers, new DeadlineSweep());
  expect([socket.begin(Buffer.from("head")), opened]).toEqual([false, 0]);
});

test("messages are told, and sent as frames without a mask", async () => {
  const { socket, wire, told } = open();
  socket.socketData(Buffer.concat([frame(OP_TEXT, "é"), frame(OP_BINARY, Buffer.from([1, 2]))]));
  expect(told).toEqual([
    ["message", "é"],
    ["message", "0102"],
  ]);
  expect(socket.sendText("é")).toBe(4);
  expect(socket.sendBinary(new Uint8Array([1]))).toBe(3);
  expect(socket.ping(new Uint8Array([2]))).toBe(3);
  expect(socket.pong(new Uint8Array(0))).toBe(2);
  await turn();
  expect(wire.take()).toBe("8102c3a9" + "820101" + "890102" + "8a00");
  expect(socket.sendBinary(new Uint8Array(70_000).fill(0xee))).toBe(70_010);
  expect(wire.take()).toBe(`827f0000000000011170${"ee".repeat(70_000)}`);
});

describe("pings", () => {
  test("are answered and told, pongs told", async () => {
    const { socket, wire, told } = open();
    socket.socketData(Buffer.concat([frame(OP_PING, "a"), frame(OP_PONG, "b")]));
    await turn();
    expect(wire.take()).toBe("8a0161");
    expect(told).toEqual([
      ["ping", "a"],
      ["pong", "b"],
    ]);
  });

  test("of a client that takes nothing are answered with one pong, to the last", () => {
    const { socket, wire, told } = open();
    wire.room = 0;
    socket.sendText("x");
    expect(socket.getBufferedAmount()).toBe(3);
    for (const payload of ["a", "b", "c"]) socket.socketData(frame(OP_PING, payload));
    expect(told).toHaveLength(3);
    expect(socket.getBufferedAmount()).toBe(3);
    wire.room = 100;
    socket.socketDrained();
    expect(socket.getBufferedAmount()).toBe(0);
    expect(wire.take()).toBe("810178" + "8a0163");
  });
});

describe("a Close frame of the client", () => {
  test.each([
    ["with a code", closeFrame(4000, "by"), [4000, "by"], "88040fa06279"],
    ["without one", frame(OP_CLOSE), [1005, ""], "8800"],
  ])("is answered and told once: %s", (_name, bytes, values, answer) => {
    const { socket, wire, told } = open();
    socket.socketData(bytes);
    expect(told).toEqual([["close", ...values]]);
    expect([wire.take(), wire.done]).toEqual([answer, ["end"]]);
    socket.socketData(frame(OP_TEXT, "late"));
    socket.socketClosed();
    expect(told).toHaveLength(1);
  });

  test("is answered behind what the client has yet to take", () => {
    const { socket, wire, told } = open();
    wire.room = 1;
    socket.sendText("abc");
    expect(socket.getBufferedAmount()).toBe(4);
    socket.socketData(closeFrame(1000));
    expect([told, wire.done]).toEqual([[["close", 1000, ""]], []]);
    wire.room = 100;
    socket.socketDrained();
    expect([wire.take(), wire.done]).toEqual(["8103616263" + "880203e8", ["end"]]);
    expect(told).toHaveLength(1);
  });
});

describe("close", () => {
  test("sends a Close frame and waits for the client's, whatever comes before", () => {
    const { socket, wire, told } = open();
    socket.close(4001, "x");
    expect([wire.take(), wire.done, told]).toEqual(["88030fa178", [], [["close", 4001, "x"]]]);
    socket.socketData(Buffer.concat([frame(OP_TEXT, "late"), frame(OP_PING), frame(OP_PONG)]));
    socket.socketData(closeFrame(4001));
    expect([wire.take(), wire.done]).toEqual(["", ["end"]]);
    socket.socketClosed();
    expect(told).toHaveLength(1);
  });

  test("of 1005 sends no code", () => {
    const { socket, wire, told } = open();
    socket.close(1005, "not sent");
    expect([wire.take(), told]).toEqual(["8800", [["close", 1005, "not sent"]]]);
  });

  test("is the end of sending", async () => {
    const { socket, wire } = open();
    socket.close(1000, "");
    wire.take();
    socket.close(1001, "");
    const one = new Uint8Array(1);
    expect([
      socket.sendText("a"),
      socket.sendBinary(one),
      socket.ping(one),
      socket.pong(one),
    ]).toEqual([0, 0, 0, 0]);
    await turn();
    expect(wire.take()).toBe("");
  });

  test("reads on where it was paused, or the client's would not be seen", () => {
    const { socket, wire } = open();
    socket.pause();
    socket.close(1000, "");
    socket.pause();
    expect(wire.done).toEqual(["pause", "resume"]);
  });

  test("waits for a bounded time: from when the client last took something", () => {
    const { socket, wire, told } = open();
    const before = performance.now();
    wire.room = 1;
    socket.close(1000, "");
    const { dueAt } = socket;
    expect(dueAt).toBeGreaterThan(before);
    expect(dueAt).toBeLessThan(performance.now() + 60_000);
    socket.socketDrained();
    expect(socket.dueAt).toBe(dueAt);
    wire.room = 100;
    socket.socketDrained();
    expect(socket.dueAt).toBeGreaterThanOrEqual(dueAt);
    socket.expire();
    expect([wire.done, told.length]).toEqual([["terminate"], 1]);
  });
});

describe("the end of a connection", () => {
  test("without a Close frame is 1006", () => {
    const { socket, told } = open();
    socket.socketClosed();
    expect(told).toEqual([["close", 1006, ""]]);
    expect([socket.sendText("a"), socket.getBufferedAmount()]).toEqual([0, 0]);
  });

  test("by terminate is in order when all is sent, and told at once", () => {
    const { socket, wire, told } = open();
    socket.sendText("a");
    socket.terminate();
    expect([wire.take(), wire.done, told]).toEqual(["810161", ["end"], [["close", 1006, ""]]]);
    socket.socketData(frame(OP_TEXT, "late"));
    socket.terminate();
    socket.socketClosed();
    expect([wire.done, told.length]).toEqual([["end", "terminate"], 1]);
  });

  test("by terminate is a cut when the client takes nothing", () => {
    const { socket, wire, told } = open();
    wire.room = 0;
    socket.sendText("a");
    socket.terminate();
    socket.socketClosed();
    expect([wire.done, told]).toEqual([["terminate"], [["close", 1006, ""]]]);
  });
});

describe("a client that breaks the protocol", () => {
  const faults: readonly (readonly [string, Buffer, number])[] = [
    ["a frame without a mask", Buffer.from([0x81, 0]), 1002],
    ["a reserved bit", frame(0x41), 1002],
    ["an unknown opcode", frame(3), 1002],
    ["a continuation of nothing", frame(0), 1002],
    ["a fragmented ping", frame(OP_PING, "", false), 1002],
    ["a ping that is too long", frame(OP_PING, Buffer.alloc(126)), 1002],
    ["a close code that must not be sent", closeFrame(1006), 1002],
    ["a text that is not UTF-8", frame(OP_TEXT, Buffer.from([0xff])), 1007],
    ["a message over the limit", frame(OP_BINARY, Buffer.alloc(1_001)), 1009],
  ];
  test.each(faults)(
    "gets the code for %s; what it still sends is dropped",
    (_name, bytes, code) => {
      const { socket, wire, told } = open();
      socket.socketData(bytes);
      expect(told).toEqual([["close", 1006, expect.any(String)]]);
      const sent = Buffer.from(wire.take(), "hex");
      expect([sent[0], sent.readUInt16BE(2)]).toEqual([0x88, code]);
      // Not its end: bytes that are not read would reset the connection, and take the frame with it.
      expect(wire.done).toEqual(["shutdown"]);
      socket.socketData(frame(OP_TEXT, "late"));
      expect([told.length, wire.take()]).toEqual([1, ""]);
      socket.expire();
      expect(wire.done).toEqual(["shutdown", "terminate"]);
    },
  );

  test("after our Close frame gets no other", () => {
    const { socket, wire, told } = open();
    socket.close(1000, "");
    wire.take();
    socket.socketData(frame(3));
    expect([told.length, wire.take(), wire.done]).toEqual([1, "", ["shutdown"]]);
  });
});

describe("back-pressure", () => {
  test("is told by what a send returns, and when there is room again", () => {
    const { socket, wire, told } = open();
    wire.room = 20_000;
    expect(socket.sendBinary(new Uint8Array(30_000))).toBe(-1);
    expect(socket.getBufferedAmount()).toBe(10_004);
    expect(socket.sendText("a")).toBe(-1);
    expect(socket.getBufferedAmount()).toBe(10_007);
    wire.room = 10_000;
    socket.socketDrained();
    expect([socket.getBufferedAmount(), told]).toEqual([7, ["drain"]]);
    wire.room = 100;
    socket.socketDrained();
    expect([socket.getBufferedAmount(), told]).toEqual([0, ["drain", "drain"]]);
    expect(socket.sendText("a")).toBe(3);
  });

  test("counts what the connection itself keeps", () => {
    const { socket, wire } = open();
    Reflect.set(wire, "unsent", 500);
    expect(socket.getBufferedAmount()).toBe(500);
  });

  test("in the other direction: pause and resume", () => {
    const { socket, wire } = open();
    socket.resume();
    socket.pause();
    socket.pause();
    socket.resume();
    socket.resume();
    expect(wire.done).toEqual(["pause", "resume"]);
  });
});

describe("a handler that throws", () => {
  test.each([
    ["message", frame(OP_TEXT, "a")],
    ["ping", frame(OP_PING)],
    ["pong", frame(OP_PONG)],
    ["close", closeFrame(1000)],
  ])("is told to error: %s", (thrower, bytes) => {
    const { socket, told } = open({
      on: (name) => {
        if (name === thrower) throw new Error("boom");
      },
    });
    socket.socketData(bytes);
    expect(told.at(-1)).toEqual(["error", "boom"]);
  });

  test("does not do so in an event of the socket either", () => {
    const { socket, told } = open({
      on: (name) => {
        if (name === "drain" || name === "close") throw new Error(name);
      },
    });
    socket.socketDrained();
    socket.socketClosed();
    expect(told.filter((event) => Array.isArray(event) && event[0] === "error")).toEqual([
      ["error", "drain"],
      ["error", "close"],
    ]);
  });
});

test("a handler may end the WebSocket: what came with the message is not told", () => {
  const { socket, told } = open({
    on: (name, client) => {
      if (name === "message") client.terminate();
    },
  });
  socket.socketData(Buffer.concat([frame(OP_TEXT, "a"), frame(OP_TEXT, "b")]));
  expect(told).toEqual([
    ["message", "a"],
    ["close", 1006, ""],
  ]);
});

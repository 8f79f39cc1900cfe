import { expect, test } from "bun:test";
import { DeadlineSweep, maskedFrame } from "@catena/http";
import fc from "fast-check";
import type { ByteSocket } from "../byte-socket.ts";
import { AcceptedWebSocket } from "./accepted-web-socket.ts";
import type { ClientWebSocket } from "./client-web-socket.ts";

/** A connection with room for so many bytes, until one of us ends it. */
class Wire implements ByteSocket {
  room = 50_000;
  isOpen = true;
  readonly written: Buffer[] = [];

  write(data: string | Uint8Array): number {
    if (!this.isOpen) return -1;
    const bytes = Buffer.from(data as Uint8Array);
    const taken = Math.min(this.room, bytes.length);
    this.room -= taken;
    this.written.push(bytes.subarray(0, taken));
    return taken;
  }

  end(): void {
    this.isOpen = false;
  }

  shutdown(): void {
    this.isOpen = false;
  }

  terminate(): void {
    this.isOpen = false;
  }

  pause(): void {}

  resume(): void {}
}

type Socket = AcceptedWebSocket<null>;
type Step = (socket: Socket, wire: Wire) => void;

const payload = fc.oneof(
  fc.uint8Array({ maxLength: 8 }),
  fc.constantFrom(125, 126, 16_380, 70_000).map((size) => new Uint8Array(size)),
);
const opcode = fc.constantFrom(0, 1, 2, 3, 8, 9, 10);

/** What may happen to a WebSocket, sound or not, in any order. */
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: payload.map(
      (bytes): Step =>
        (socket) =>
          void socket.sendBinary(new Uint8Array(bytes)),
    ),
  },
  fc.string({ maxLength: 20 }).map(
    (text): Step =>
      (socket) =>
        void socket.sendText(text),
  ),
  payload.map(
    (bytes): Step =>
      (socket) =>
        void socket.ping(new Uint8Array(bytes.subarray(0, 125))),
  ),
  {
    weight: 6,
    arbitrary: fc.tuple(opcode, payload).map(
      ([code, bytes]): Step =>
        (socket) =>
          socket.socketData(Buffer.from(maskedFrame(code, bytes))),
    ),
  },
  fc.uint8Array({ maxLength: 6 }).map(
    (bytes): Step =>
      (socket) =>
        socket.socketData(Buffer.from(bytes)),
  ),
  {
    weight: 3,
    arbitrary: fc.nat(80_000).map(
      (room): Step =>
        (socket, wire) => {
          wire.room = room;
          if (wire.isOpen) socket.socketDrained();
        },
    ),
  },
  fc.constantFrom<Step[]>(
    (socket) => socket.pause(),
    (socket) => socket.resume(),
    (socket) => void socket.getBufferedAmount(),
    (socket) => socket.close(1000, "enough"),
    (socket) => socket.terminate(),
    (socket) => socket.dueAt < Number.POSITIVE_INFINITY && socket.expire(),
  ),
);

/** The opcodes of what was written behind the head, the last frame's even if it is not whole. */
function opcodesOf(wire: Wire): readonly number[] {
  const bytes = Buffer.concat(wire.written.slice(1));
  const opcodes: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    const first = bytes.readUInt8(at);
    // Final, and no reserved bit.
    expect(first & 0xf0).toBe(0x80);
    opcodes.push(first & 0x0f);
    const short = bytes[at + 1] ?? 0;
    // Not masked.
    expect(short).toBeLessThan(128);
    const size = short < 126 ? 0 : short === 126 ? 2 : 8;
    if (bytes.length < at + 2 + size) break;
    at +=
      2 +
      size +
      (size === 0 ? short : bytes.readUIntBE(at + (size === 2 ? 2 : 4), size === 2 ? 2 : 6));
  }
  return opcodes;
}

test("whatever happens in whatever order, what is told and sent makes sense", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.nat(25), async (steps, turnAt) => {
      const told: string[] = [];
      const note = (name: string) => (_client: ClientWebSocket<null>) => void told.push(name);
      const wire = new Wire();
      const socket: Socket = new AcceptedWebSocket(
        wire,
        null,
        {
          maxPayloadLength: 100_000,
          open: note("open"),
          message: note("message"),
          ping: note("ping"),
          pong: note("pong"),
          drain: note("drain"),
          close: note("close"),
          error: (error) => {
            throw error;
          },
        },
        new DeadlineSweep(),
      );
      socket.begin(Buffer.from("head"));
      for (const [i, next] of steps.entries()) {
        next(socket, wire);
        if (i === turnAt) await Promise.resolve();
      }
      await Promise.resolve();
      wire.isOpen = false;
      socket.socketClosed();
      // Told of its end once, and of nothing after.
      expect(told.filter((name) => name === "close")).toHaveLength(1);
      expect(told.at(-1)).toBe("close");
      // No frame but of these kinds, and none behind a Close frame.
      const opcodes = opcodesOf(wire);
      expect([1, 2, 8, 9, 10]).toEqual(expect.arrayContaining([...opcodes]));
      expect(opcodes.slice(0, -1)).not.toContain(8);
      expect([socket.getBufferedAmount(), socket.sweepSlot]).toEqual([0, -1]);
    }),
    { numRuns: 500 },
  );
});

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isCloseCode } from "./close-code.ts";
import { MessageReader } from "./message-reader.ts";
import { OP_BINARY, OP_CLOSE, OP_PING, OP_PONG, OP_TEXT } from "./opcodes.ts";
import { maskedFrame } from "./write-frame.ts";

/** Everything a reader told of the pieces, in order. */
function read(pieces: readonly Buffer[], maxBytes = 1_000): readonly unknown[] {
  const told: unknown[] = [];
  const hex = (payload: Buffer) => payload.toString("hex");
  const reader = new MessageReader(
    {
      onMessage: (message) => told.push(typeof message === "string" ? message : hex(message)),
      onPing: (payload) => told.push(["ping", hex(payload)]),
      onPong: (payload) => told.push(["pong", hex(payload)]),
      onClose: (code, reason) => told.push(["close", code, reason]),
      onFault: (code, reason) => told.push(["fault", code, reason]),
    },
    maxBytes,
    "server",
  );
  for (const piece of pieces) reader.push(piece);
  return told;
}

/** A frame of a server. */
function frame(first: number, payload: Buffer): Buffer {
  const { length } = payload;
  const head =
    length < 126
      ? Buffer.from([first, length])
      : Buffer.from([first, 126, length >> 8, length & 0xff]);
  return Buffer.concat([head, payload]);
}

const final = (opcode: number, text = "") => frame(0x80 | opcode, Buffer.from(text));
const bytes = (...values: readonly number[]) => Buffer.from(values);

describe("the frames of a server", () => {
  const cases: readonly (readonly [string, readonly Buffer[], readonly unknown[]])[] = [
    ["text", [final(OP_TEXT, "é\ufeff")], ["é\ufeff"]],
    ["a byte order mark in front", [final(OP_TEXT, "\ufeffa")], ["\ufeffa"]],
    ["an empty text", [final(OP_TEXT)], [""]],
    ["bytes", [frame(0x82, bytes(0, 255))], ["00ff"]],
    ["an empty message of bytes", [final(OP_BINARY)], [""]],
    ["fragments", [frame(1, bytes(0xc3)), frame(0, bytes()), frame(0x80, bytes(0xa9))], ["é"]],
    [
      "a ping between fragments",
      [frame(2, bytes(1)), final(OP_PING, "p"), frame(0x80, bytes(2))],
      [["ping", "70"], "0102"],
    ],
    ["a pong", [final(OP_PONG)], [["pong", ""]]],
    [
      "a close without a code, and nothing after",
      [final(OP_CLOSE), final(OP_TEXT, "x")],
      [["close", 1005, ""]],
    ],
    ["a close", [frame(0x88, bytes(0x0f, 0xa0, 0x62, 0x79))], [["close", 4000, "by"]]],
  ];
  test.each(cases)("%s", (_name, pieces, told) => {
    expect(read(pieces)).toEqual(told);
  });

  const faults: readonly (readonly [string, Buffer, number])[] = [
    ["a mask", bytes(0x81, 0x80, 0, 0, 0, 0), 1002],
    ["a reserved bit", bytes(0xc1, 0), 1002],
    ["an unknown opcode", bytes(0x83, 0), 1002],
    ["an unknown control opcode", bytes(0x8b, 0), 1002],
    ["a continuation of nothing", bytes(0x80, 0), 1002],
    ["a text within a message", Buffer.concat([bytes(1, 0), bytes(0x81, 0)]), 1002],
    ["a fragmented ping", bytes(0x09, 0), 1002],
    ["a ping of 126 bytes", bytes(0x89, 126, 0, 126), 1002],
    ["a close code of one byte", bytes(0x88, 1, 3), 1002],
    ["a close code of 1005", bytes(0x88, 2, 0x03, 0xed), 1002],
    ["a close reason that is not UTF-8", bytes(0x88, 3, 0x03, 0xe8, 0xff), 1007],
    ["a text that is not UTF-8", bytes(0x81, 1, 0xff), 1007],
    ["a text that ends within a character", bytes(0x81, 1, 0xc3), 1007],
    ["a message over the limit", bytes(0x82, 126, 0x03, 0xe9), 1009],
    ["a message of 2^63 bytes", bytes(0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0), 1009],
    [
      "fragments over the limit",
      Buffer.concat([frame(2, Buffer.alloc(600)), bytes(0x80, 126, 0x01, 0x91)]),
      1009,
    ],
  ];
  test.each(faults)("%s is a fault, and the end", (_name, piece, code) => {
    const told = read([piece, final(OP_TEXT, "after")]);
    expect(told).toEqual([["fault", code, expect.any(String)]]);
  });

  test("say the same however they are cut", () => {
    const some = fc.oneof(
      fc.constantFrom(
        ...cases.flatMap(([, pieces]) => pieces),
        ...faults.map(([, piece]) => piece),
      ),
      fc.uint8Array({ maxLength: 12 }).map((array) => Buffer.from(array)),
      fc.uint8Array({ maxLength: 300 }).map((array) => frame(0x82, Buffer.from(array))),
    );
    fc.assert(
      fc.property(
        fc.array(some, { maxLength: 6 }),
        fc.infiniteStream(fc.nat(9)),
        (pieces, cuts) => {
          const whole = Buffer.concat(pieces);
          const cut: Buffer[] = [];
          for (let at = 0; at < whole.length; ) {
            const end = at + (cuts.next().value ?? 0);
            cut.push(Buffer.from(whole.subarray(at, end)));
            at = end;
          }
          expect(read(cut)).toEqual(read([whole]));
        },
      ),
    );
  });
});

describe("a frame of ours", () => {
  test.each([0, 1, 2, 3, 4, 5, 125, 126, 127, 65_535, 65_536, 65_537])(
    "of %d bytes is final and masked, with the shortest length",
    (length) => {
      const payload = Buffer.from(Array.from({ length }, (_, i) => (i * 7) & 0xff));
      const written = Buffer.from(maskedFrame(OP_BINARY, payload));
      const headerBytes = length < 126 ? 2 : length < 65_536 ? 4 : 10;
      expect(written.length).toBe(headerBytes + 4 + length);
      expect(written[0]).toBe(0x82);
      expect(written[1]).toBe(0x80 | (length < 126 ? length : length < 65_536 ? 126 : 127));
      if (headerBytes === 4) expect(written.readUInt16BE(2)).toBe(length);
      if (headerBytes === 10) expect(written.readBigUInt64BE(2)).toBe(BigInt(length));
      const key = written.subarray(headerBytes, headerBytes + 4);
      const plain = written.subarray(headerBytes + 4).map((byte, i) => byte ^ (key[i & 3] ?? 0));
      expect(payload.equals(plain)).toBe(true);
    },
  );

  test("has a mask of its own each time", () => {
    const masks = new Set(
      Array.from({ length: 3_000 }, () =>
        Buffer.from(maskedFrame(OP_TEXT, new Uint8Array(0))).toString("hex"),
      ),
    );
    expect(masks.size).toBeGreaterThan(2_990);
  });
});

test.each([
  [999, false],
  [1000, true],
  [1003, true],
  [1004, false],
  [1005, false],
  [1006, false],
  [1007, true],
  [1014, true],
  [1015, false],
  [2999, false],
  [3000, true],
  [4999, true],
  [5000, false],
])("whether %d may be sent as a close code: %p", (code, expected) => {
  expect(isCloseCode(code)).toBe(expected);
});

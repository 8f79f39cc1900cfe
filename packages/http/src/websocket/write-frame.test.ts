import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { applyMask } from "./apply-mask.ts";
import { OP_BINARY, OP_TEXT } from "./opcodes.ts";
import { maskedFrame, plainFrame, plainHead, plainTextFrame } from "./write-frame.ts";

const lengths = [0, 1, 2, 3, 4, 5, 125, 126, 127, 131, 132, 133, 65_535, 65_536, 65_537];

const payloadOf = (length: number) => Buffer.from(Array.from({ length }, (_, i) => (i * 7) & 0xff));

const lengthBytes = (length: number) => (length < 126 ? 0 : length < 65_536 ? 2 : 8);

/** Checks the first bytes, with the length in its shortest form; returns what follows. */
function expectHead(frame: Uint8Array, opcode: number, maskBit: number, length: number): Buffer {
  const written = Buffer.from(frame);
  const size = lengthBytes(length);
  expect(written[0]).toBe(0x80 | opcode);
  expect(written[1]).toBe(maskBit | (size === 0 ? length : size === 2 ? 126 : 127));
  if (size === 2) expect(written.readUInt16BE(2)).toBe(length);
  if (size === 8) expect(written.readBigUInt64BE(2)).toBe(BigInt(length));
  return written.subarray(2 + size);
}

describe.each(lengths)("a frame of %d bytes", (length) => {
  const payload = payloadOf(length);

  test("of a client is masked", () => {
    const rest = expectHead(maskedFrame(OP_BINARY, payload), OP_BINARY, 0x80, length);
    const plain = rest.subarray(4).map((byte, i) => byte ^ (rest[i & 3] ?? 0));
    expect(payload.equals(plain)).toBe(true);
  });

  test("of a server is not", () => {
    expect(expectHead(plainFrame(OP_BINARY, payload), OP_BINARY, 0, length).equals(payload)).toBe(
      true,
    );
    expect(expectHead(plainHead(OP_BINARY, length), OP_BINARY, 0, length).length).toBe(0);
    const text = "x".repeat(length);
    expect(expectHead(plainTextFrame(text), OP_TEXT, 0, length).toString()).toBe(text);
  });
});

test.each(["", "é", "\ufeffbegins with a mark", "\u{1f600}", "é".repeat(63), "\0"])(
  "the length of a text is that of its bytes: %j",
  (text) => {
    const bytes = Buffer.from(text);
    const rest = expectHead(plainTextFrame(text), OP_TEXT, 0, bytes.length);
    expect(rest.equals(bytes)).toBe(true);
  },
);

test("half a surrogate pair becomes the replacement character, in the length as well", () => {
  expect(expectHead(plainTextFrame("a\ud800"), OP_TEXT, 0, 4).toString()).toBe("a\ufffd");
});

test("every frame of a client has a mask of its own", () => {
  const masks = new Set(
    Array.from({ length: 3_000 }, () =>
      Buffer.from(maskedFrame(OP_TEXT, new Uint8Array(0))).toString("hex"),
    ),
  );
  expect(masks.size).toBeGreaterThan(2_990);
});

test("bytes are masked wherever they begin, and nothing beside them", () => {
  const key = fc.uint8Array({ minLength: 4, maxLength: 4 });
  fc.assert(
    fc.property(
      key,
      fc.nat(300),
      fc.nat(9),
      fc.nat(9),
      fc.nat(3),
      (mask, size, from, after, phase) => {
        // At an offset of its buffer, as the pieces of a socket are.
        const bytes = Buffer.from(new ArrayBuffer(size + 40), 3, from + size + after);
        for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 31) & 0xff;
        const expected = bytes.map((byte, i) =>
          i < from || i >= from + size ? byte : byte ^ (mask[(i - from + phase) & 3] ?? 0),
        );
        applyMask(bytes, from, from + size, Buffer.from(mask).readUInt32LE(0), phase);
        expect(bytes.equals(expected)).toBe(true);
      },
    ),
  );
});

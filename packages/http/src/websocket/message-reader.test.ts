import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type MessagePeer, MessageReader } from "./message-reader.ts";
import { OP_BINARY, OP_CLOSE, OP_PING, OP_PONG, OP_TEXT } from "./opcodes.ts";

/** Everything a reader told of the pieces, in order. */
function read(peer: MessagePeer, pieces: readonly Buffer[], maxBytes = 1_000): readonly unknown[] {
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
    peer,
  );
  // A mask is taken off in place.
  for (const piece of pieces) reader.push(Buffer.from(piece));
  return told;
}

/** The same bytes in pieces that end at the places given. */
function cutAt(bytes: Buffer, places: readonly number[]): readonly Buffer[] {
  const ends = [...places, bytes.length];
  return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
}

const bytes = (...values: readonly number[]) => Buffer.from(values);

/** A frame as a peer sends it: a client masks. */
type MakeFrame = (first: number, payload: Buffer, claimed?: number) => Buffer;

function frameOf(peer: MessagePeer): MakeFrame {
  return (first, payload, claimed = payload.length) => {
    const length = claimed < 126 ? [claimed] : [126, claimed >> 8, claimed & 0xff];
    if (peer === "server") return Buffer.concat([bytes(first, ...length), payload]);
    length[0] = (length[0] ?? 0) | 0x80;
    const key = [0x91, 0x02, 0xf3, 0x64];
    const masked = payload.map((byte, i) => byte ^ (key[i & 3] ?? 0));
    return Buffer.concat([bytes(first, ...length, ...key), masked]);
  };
}

type Case = readonly [string, readonly Buffer[], readonly unknown[]];

const soundCases = (frame: MakeFrame): readonly Case[] => {
  const final = (opcode: number, text = "") => frame(0x80 | opcode, Buffer.from(text));
  const long = Buffer.from(Array.from({ length: 700 }, (_, i) => (i * 7) & 0xff));
  return [
    ["text", [final(OP_TEXT, "é\ufeff")], ["é\ufeff"]],
    ["a byte order mark in front", [final(OP_TEXT, "\ufeffa")], ["\ufeffa"]],
    ["an empty text", [final(OP_TEXT)], [""]],
    ["bytes", [frame(0x82, bytes(0, 255))], ["00ff"]],
    ["many bytes", [frame(0x82, long)], [long.toString("hex")]],
    ["an empty message of bytes", [final(OP_BINARY)], [""]],
    ["fragments", [frame(1, bytes(0xc3)), frame(0, bytes()), frame(0x80, bytes(0xa9))], ["é"]],
    ["fragments without bytes", [frame(2, bytes()), frame(0x80, bytes())], [""]],
    [
      "a ping between fragments",
      [frame(2, bytes(1)), final(OP_PING, "p"), frame(0x80, bytes(2))],
      [["ping", "70"], "0102"],
    ],
    ["a pong", [final(OP_PONG)], [["pong", ""]]],
    [
      "a ping as long as may be",
      [frame(0x89, long.subarray(0, 125))],
      [["ping", long.toString("hex", 0, 125)]],
    ],
    [
      "several messages",
      [final(OP_TEXT, "a"), final(OP_TEXT, "b"), frame(0x82, bytes(1))],
      ["a", "b", "01"],
    ],
    [
      "a close without a code, and nothing after",
      [final(OP_CLOSE), final(OP_TEXT, "x")],
      [["close", 1005, ""]],
    ],
    ["a close", [frame(0x88, bytes(0x0f, 0xa0, 0x62, 0x79))], [["close", 4000, "by"]]],
  ];
};

type Fault = readonly [string, Buffer, number];

const faultCases = (frame: MakeFrame, wrong: MakeFrame): readonly Fault[] => [
  ["the mask of the other side, or none,", wrong(0x81, bytes(65)), 1002],
  ["the same without a payload", wrong(0x81, bytes()), 1002],
  ["a reserved bit", frame(0xc1, bytes()), 1002],
  ["an unknown opcode", frame(0x83, bytes()), 1002],
  ["an unknown control opcode", frame(0x8b, bytes()), 1002],
  ["a continuation of nothing", frame(0x80, bytes()), 1002],
  ["a text within a message", Buffer.concat([frame(1, bytes()), frame(0x81, bytes())]), 1002],
  ["a fragmented ping", frame(0x09, bytes()), 1002],
  ["a ping of 126 bytes", frame(0x89, bytes(), 126), 1002],
  ["a close code of one byte", frame(0x88, bytes(3)), 1002],
  ["a close code of 1005", frame(0x88, bytes(0x03, 0xed)), 1002],
  ["a close reason that is not UTF-8", frame(0x88, bytes(0x03, 0xe8, 0xff)), 1007],
  ["a text that is not UTF-8", frame(0x81, bytes(0xff)), 1007],
  ["a text that ends within a character", frame(0x81, bytes(0xc3)), 1007],
  ["a message over the limit", frame(0x82, bytes(), 1_001), 1009],
  [
    "fragments over the limit",
    Buffer.concat([frame(2, Buffer.alloc(600)), frame(0x80, bytes(), 401)]),
    1009,
  ],
];

const sides = [
  ["client", "server"],
  ["server", "client"],
] as const;

describe.each(sides)("the frames of a %s", (peer, other) => {
  const frame = frameOf(peer);
  const cases = soundCases(frame);
  const faults = faultCases(frame, frameOf(other));

  test.each(cases)("%s", (_name, pieces, told) => {
    expect(read(peer, pieces)).toEqual(told);
  });

  test.each(cases)("cut at every byte: %s", (_name, pieces, told) => {
    const whole = Buffer.concat(pieces);
    for (let at = 0; at <= whole.length; at++) expect(read(peer, cutAt(whole, [at]))).toEqual(told);
    expect(
      read(
        peer,
        cutAt(
          whole,
          Array.from(whole, (_, i) => i),
        ),
      ),
    ).toEqual(told);
  });

  test.each(faults)("%s is a fault, and the end", (_name, piece, code) => {
    const after = frame(0x81, Buffer.from("after"));
    const told = [["fault", code, expect.any(String)]];
    expect(read(peer, [piece, after])).toEqual(told);
    for (let at = 0; at <= piece.length; at++)
      expect(read(peer, cutAt(Buffer.concat([piece, after]), [at]))).toEqual(told);
  });

  test("a length of 2^63 bytes is over every limit", () => {
    const mask = peer === "client" ? 0x80 : 0;
    const head = bytes(0x82, mask | 127, 0x80, 0, 0, 0, 0, 0, 0, 0, ...(mask ? [1, 2, 3, 4] : []));
    expect(read(peer, [head])).toEqual([["fault", 1009, expect.any(String)]]);
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
          const places: number[] = [];
          for (let at = cuts.next().value ?? 0; at < whole.length; at += cuts.next().value ?? 1)
            places.push(at);
          expect(read(peer, cutAt(whole, places))).toEqual(read(peer, [whole]));
        },
      ),
    );
  });
});

test("a reader that was stopped tells nothing, not of what it has half of either", () => {
  const frame = frameOf("client");
  const told: unknown[] = [];
  const reader = new MessageReader(
    {
      onMessage: (message) => {
        told.push(message);
        reader.stop();
      },
      onPing: () => told.push("ping"),
      onPong: () => told.push("pong"),
      onClose: () => told.push("close"),
      onFault: () => told.push("fault"),
    },
    1_000,
    "client",
  );
  reader.push(Buffer.concat([frame(0x81, Buffer.from("a")), frame(0x81, Buffer.from("b"))]));
  reader.push(frame(0x89, bytes()));
  expect(told).toEqual(["a"]);
});

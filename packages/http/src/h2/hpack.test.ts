import { describe, expect, test } from "bun:test";
import { HpackDecoder } from "./hpack-decoder.ts";
import { HpackEncoder } from "./hpack-encoder.ts";

function decode(decoder: HpackDecoder, hex: string) {
  const block = Buffer.from(hex.replaceAll(" ", ""), "hex");
  return decoder.decode(block, 0, block.length);
}

const open = (): HpackDecoder => new HpackDecoder(256, 65_536);

/** RFC 7541 Appendix C: blocks of one connection after another, and what they say. */
const examples: [string, [string, string[]][]][] = [
  [
    "C.2.1",
    [["400a637573746f6d2d6b65790d637573746f6d2d686561646572", ["custom-key", "custom-header"]]],
  ],
  ["C.2.2", [["040c2f73616d706c652f70617468", [":path", "/sample/path"]]]],
  ["C.2.3", [["100870617373776f726406736563726574", ["password", "secret"]]]],
  ["C.2.4", [["82", [":method", "GET"]]]],
  [
    "C.3",
    [
      [
        "828684410f7777772e6578616d706c652e636f6d",
        [":method", "GET", ":scheme", "http", ":path", "/", ":authority", "www.example.com"],
      ],
      [
        "828684be58086e6f2d6361636865",
        [
          ...[":method", "GET", ":scheme", "http", ":path", "/", ":authority", "www.example.com"],
          ...["cache-control", "no-cache"],
        ],
      ],
      [
        "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
        [
          ...[":method", "GET", ":scheme", "https", ":path", "/index.html"],
          ...[":authority", "www.example.com", "custom-key", "custom-value"],
        ],
      ],
    ],
  ],
  [
    "C.4, Huffman codes",
    [
      [
        "828684418cf1e3c2e5f23a6ba0ab90f4ff",
        [":method", "GET", ":scheme", "http", ":path", "/", ":authority", "www.example.com"],
      ],
      [
        "828684be5886a8eb10649cbf",
        [
          ...[":method", "GET", ":scheme", "http", ":path", "/", ":authority", "www.example.com"],
          ...["cache-control", "no-cache"],
        ],
      ],
      [
        "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
        [
          ...[":method", "GET", ":scheme", "https", ":path", "/index.html"],
          ...[":authority", "www.example.com", "custom-key", "custom-value"],
        ],
      ],
    ],
  ],
  [
    // As C.6, whose table has 256 bytes: the size is told first.
    "C.6, Huffman codes and a small table",
    [
      [
        "3fe101 488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
        [
          ...[":status", "302", "cache-control", "private"],
          ...["date", "Mon, 21 Oct 2013 20:13:21 GMT", "location", "https://www.example.com"],
        ],
      ],
      [
        "4883640effc1c0bf",
        [
          ...[":status", "307", "cache-control", "private"],
          ...["date", "Mon, 21 Oct 2013 20:13:21 GMT", "location", "https://www.example.com"],
        ],
      ],
      [
        "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
        [
          ...[
            ":status",
            "200",
            "cache-control",
            "private",
            "date",
            "Mon, 21 Oct 2013 20:13:22 GMT",
          ],
          ...["location", "https://www.example.com", "content-encoding", "gzip"],
          ...["set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"],
        ],
      ],
    ],
  ],
];

test.each(examples)("decodes the blocks of RFC 7541 %s", (_, blocks) => {
  const decoder = open();
  for (const [hex, fields] of blocks) expect(decode(decoder, hex)).toEqual(fields);
});

const unsound: [string, string][] = [
  ["an index of 0", "80"],
  ["an index beyond the tables", "be"],
  ["a name beyond the tables", "7e0131"],
  ["a string longer than the block", "400a6375"],
  ["a name without a value", "40016b"],
  ["an integer without end", "ff"],
  ["an integer of too many bytes", "ffffffffffff7f"],
  ["a table larger than is allowed", "3fe21f"],
  ["a table size behind a field", "8220"],
  ["Huffman padding of zeros", "4001788100"],
  ["Huffman padding of eight bits", "400178 82f8ff"],
  ["the end mark in Huffman codes", "40017884ffffffff"],
];
test.each(unsound)("refuses %s", (_, hex) => {
  expect(decode(open(), hex)).toBeNull();
});

describe("limits", () => {
  test("fields are counted; the next block is understood", () => {
    const decoder = new HpackDecoder(2, 65_536);
    expect(decode(decoder, "82 86 84")).toBe("too large");
    expect(decode(decoder, "82 86")).toEqual([":method", "GET", ":scheme", "http"]);
  });

  test("bytes are counted with 32 for each; what was too large is in the table", () => {
    const decoder = new HpackDecoder(256, 60);
    expect(decode(decoder, `400a637573746f6d2d6b657914${"78".repeat(20)}`)).toBe("too large");
    expect(decode(decoder, "82")).toEqual([":method", "GET"]);
    expect(decode(decoder, "be")).toBe("too large");
  });

  test("an entry larger than the table empties it", () => {
    const decoder = open();
    expect(decode(decoder, "400161 0131")).toEqual(["a", "1"]);
    // 5000 bytes: 0x7f, then 4873 in two groups of seven bits.
    const large = `40 01 62 7f8926${"78".repeat(5_000)}`;
    expect(decode(decoder, large)).toEqual(["b", "x".repeat(5_000)]);
    expect(decode(decoder, "be")).toBeNull();
  });
});

test("what the encoder writes, the decoder reads, whatever the text", () => {
  const encoder = new HpackEncoder();
  const decoder = open();
  const every = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte)).join("");
  const blocks = [
    [":method", "GET", ":path", "/", ":authority", "a.test", "cookie", "a=1"],
    [":status", "204"],
    ["x-every", every, "content-type", "text/plain", "x-long", "y".repeat(20_000)],
    [],
  ];
  for (const fields of blocks) {
    const block = encoder.encode(fields);
    expect(decoder.decode(block, 0, block.length)).toEqual(fields);
  }
});

test("secrets are marked as never to be indexed", () => {
  const encoder = new HpackEncoder();
  encoder.encode([]);
  expect(encoder.encode(["authorization", "x"])[0]).toBe(0x1f);
  expect(encoder.encode(["accept", "x"])[0]).toBe(0x0f);
});

test("any bytes decode to fields or are refused", () => {
  let seed = 7;
  const random = (): number => {
    seed = (seed * 1_103_515_245 + 12_345) & 0x7fff_ffff;
    return seed >>> 16;
  };
  for (let round = 0; round < 3_000; round++) {
    const block = Buffer.from(Array.from({ length: random() % 60 }, () => random() & 0xff));
    const fields = open().decode(block, 0, block.length);
    if (fields !== null && fields !== "too large") expect(fields.length % 2).toBe(0);
  }
});

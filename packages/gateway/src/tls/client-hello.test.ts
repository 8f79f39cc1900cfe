import { describe, expect, test } from "bun:test";
import { createServer } from "node:net";
import { connect } from "node:tls";
import { readClientHello } from "./client-hello.ts";

/** The first bytes that a real client sends. */
async function helloOf(options: {
  readonly servername?: string;
  readonly ALPNProtocols?: string[];
}): Promise<Buffer> {
  const { promise, resolve } = Promise.withResolvers<Buffer>();
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", (bytes: Buffer) => {
      resolve(bytes);
      socket.destroy();
    });
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const client = connect({ host: "127.0.0.1", port, ...options });
  client.on("error", () => undefined);
  const bytes = await promise;
  client.destroy();
  await new Promise((closed) => server.close(closed));
  return bytes;
}

const uint16 = (value: number) => [value >> 8, value & 255];
const record = (bytes: Iterable<number>) => {
  const body = [...bytes];
  return [22, 3, 1, ...uint16(body.length), ...body];
};

interface Sketch {
  readonly names?: readonly (readonly [type: number, name: string])[];
  readonly extensionsEarly?: readonly number[];
  readonly endsBeforeExtensions?: boolean;
}

/** A ClientHello made by hand, for what no client sends. */
function message({ names, extensionsEarly = [], endsBeforeExtensions = false }: Sketch): number[] {
  const list = (names ?? []).flatMap(([type, name]) => {
    const bytes = [...Buffer.from(name, "latin1")];
    return [type, ...uint16(bytes.length), ...bytes];
  });
  const serverName = [...uint16(0), ...uint16(list.length + 2), ...uint16(list.length), ...list];
  const extensions = [...extensionsEarly, ...(names === undefined ? [] : serverName)];
  const body = [
    3,
    3,
    ...Buffer.alloc(32, 7),
    0,
    ...uint16(2),
    0x13,
    0x01,
    1,
    0,
    ...(endsBeforeExtensions ? [] : [...uint16(extensions.length), ...extensions]),
  ];
  return [1, 0, ...uint16(body.length), ...body];
}

const read = (bytes: Iterable<number>) => readClientHello(Uint8Array.from(bytes));

test("the name is read from what real clients send", async () => {
  const named = await helloOf({ servername: "Shop.test", ALPNProtocols: ["h2", "http/1.1"] });
  expect(readClientHello(named)).toEqual({ kind: "hello", serverName: "shop.test" });
  expect(readClientHello(await helloOf({}))).toEqual({ kind: "hello", serverName: null });
});

test("nothing is said before the end is there, however it is cut", async () => {
  const bytes = await helloOf({ servername: "shop.test" });
  for (let end = 0; end < bytes.length; end++) {
    expect(readClientHello(bytes.subarray(0, end))).toEqual({ kind: "incomplete" });
  }
});

test("a message may be spread over records", async () => {
  const whole = await helloOf({ servername: "shop.test" });
  const body = whole.subarray(5);
  for (const size of [1, 3, 100, body.length - 1]) {
    const records: number[] = [];
    for (let at = 0; at < body.length; at += size) {
      records.push(...record(body.subarray(at, at + size)));
    }
    expect(read(records)).toEqual({ kind: "hello", serverName: "shop.test" });
    expect(read(records.slice(0, -1))).toEqual({ kind: "incomplete" });
  }
});

describe("messages by hand", () => {
  const cases: [what: string, bytes: number[], reading: ReturnType<typeof read>][] = [
    [
      "a name",
      record(message({ names: [[0, "a.test"]] })),
      { kind: "hello", serverName: "a.test" },
    ],
    [
      "a final dot",
      record(message({ names: [[0, "a.test."]] })),
      { kind: "hello", serverName: "a.test" },
    ],
    ["no extension", record(message({})), { kind: "hello", serverName: null }],
    [
      "no place for extensions",
      record(message({ endsBeforeExtensions: true })),
      { kind: "hello", serverName: null },
    ],
    [
      "an extension before it",
      record(message({ names: [[0, "a.test"]], extensionsEarly: [0, 23, 0, 0] })),
      { kind: "hello", serverName: "a.test" },
    ],
    ["a NUL in the name", record(message({ names: [[0, "a.test\0b"]] })), { kind: "malformed" }],
    [
      "a name beyond ASCII",
      record(message({ names: [[0, "b\u00fccher.test"]] })),
      { kind: "malformed" },
    ],
    ["an empty name", record(message({ names: [[0, ""]] })), { kind: "malformed" }],
    ["no name in the list", record(message({ names: [] })), { kind: "malformed" }],
    ["a name of another type", record(message({ names: [[1, "a.test"]] })), { kind: "malformed" }],
    [
      "an extension that is longer than the rest",
      record(message({ extensionsEarly: [0, 23, 0, 9, 1] })),
      { kind: "malformed" },
    ],
    ["another handshake message", record([2, 0, 0, 1, 0]), { kind: "malformed" }],
    ["a message that is too long", record([1, 1, 0, 0, 0]), { kind: "malformed" }],
    ["an empty record", [22, 3, 1, 0, 0], { kind: "malformed" }],
    ["an alert", [21, 3, 1, 0, 2, 1, 0], { kind: "malformed" }],
    ["a request in clear text", [...Buffer.from("GET / HTTP/1.1\r\n")], { kind: "malformed" }],
    ["SSL 2", [0x80, 0x2e, 1, 3, 1], { kind: "malformed" }],
  ];
  test.each(cases)("%s", (_, bytes, reading) => {
    expect(read(bytes)).toEqual(reading);
  });
});

test("whatever is changed of a message, an answer is given", async () => {
  const bytes = await helloOf({ servername: "shop.test" });
  for (let at = 0; at < bytes.length; at++) {
    for (const value of [0, 1, 127, 255]) {
      const changed = Buffer.from(bytes);
      changed[at] = value;
      const reading = readClientHello(changed);
      if (reading.kind !== "hello" || reading.serverName === null) continue;
      expect(reading.serverName).toMatch(/^[a-z0-9._-]+$/);
    }
  }
});

import { describe, expect, test } from "bun:test";
import { chunkCases, lengthCases, transferEncodingCases } from "./conformance/framing-cases.ts";
import { connectionCases, headerCases, requestLineCases } from "./conformance/head-cases.ts";
import { get, post, type ReadCase, type ReadRequest } from "./conformance/read-case.ts";
import type { HeadFault, RequestHead } from "./request-head.ts";
import { RequestReader, type RequestSink } from "./request-reader.ts";

interface Reading {
  readonly requests: readonly Required<ReadRequest>[];
  /** A request that has begun and has not ended. */
  readonly begun: boolean;
  readonly refused: number | null;
}

/** Reads pieces as a connection does: the next request when the one before it has ended. */
function read(pieces: readonly Buffer[]): Reading {
  const requests: Required<ReadRequest>[] = [];
  let current: { head: RequestHead; body: Buffer[] } | null = null;
  let refused: number | null = null;
  const sink: RequestSink = {
    onHead: (head) => {
      current = { head, body: [] };
    },
    onBody: (chunk, from, to) => current?.body.push(chunk.subarray(from, to)),
    onRequestEnd: () => {
      const { head, body } = current!;
      const { method, target, host, keepAlive, expectsContinue, headers } = head;
      const text = Buffer.concat(body).toString("latin1");
      requests.push({ method, target, host, keepAlive, expectsContinue, headers, body: text });
      current = null;
    },
    onFault: (fault: HeadFault) => {
      refused = fault.status;
    },
  };
  const reader = new RequestReader(sink);
  for (const piece of pieces) {
    for (let at = 0; at < piece.length && refused === null; ) {
      if (!reader.isReading) reader.begin();
      at += reader.push(piece.subarray(at));
    }
  }
  return { requests, begun: current !== null, refused };
}

const bytesOf = (text: string): Buffer => Buffer.from(text, "latin1");

const tables: readonly (readonly [string, readonly ReadCase[]])[] = [
  ["request line", requestLineCases],
  ["headers", headerCases],
  ["connection and Expect", connectionCases],
  ["length", lengthCases],
  ["Transfer-Encoding", transferEncodingCases],
  ["chunks", chunkCases],
];

for (const [what, cases] of tables) {
  describe(what, () => {
    for (const found of cases) {
      const verdict = found.refused === undefined ? "read" : `refused with ${found.refused}`;
      const bytes = bytesOf(found.bytes);

      test(`${found.name}: ${verdict}`, () => {
        const { requests, refused, begun } = read([bytes]);
        expect(refused).toBe(found.refused ?? null);
        expect(requests).toHaveLength(found.requests.length);
        for (const [i, expected] of found.requests.entries())
          expect(requests[i]).toMatchObject(expected as object);
        if (refused === null) expect(begun).toBe(false);
      });

      test(`${found.name}: however it is cut`, () => {
        const whole = read([bytes]);
        expect(read([...bytes].map((byte) => Buffer.from([byte])))).toEqual(whole);
        // Of long ones every boundary at which something happens, and a sample of the rest.
        const step = Math.max(1, Math.floor(bytes.length / 400));
        for (let at = 1; at < bytes.length; at += at < 300 || at > bytes.length - 300 ? 1 : step) {
          const cut = read([bytes.subarray(0, at), bytes.subarray(at)]);
          if (!Bun.deepEquals(cut, whole)) expect({ at, ...cut }).toEqual({ at, ...whole });
        }
      });
    }
  });
}

test("a head of three pieces at every two boundaries", () => {
  const bytes = bytesOf(
    `\r\n${post("/p", "X-A: 1", "Transfer-Encoding: chunked")}1\r\na\r\n0\r\n\r\n${get("/2")}`,
  );
  const whole = read([bytes]);
  expect(whole.requests).toHaveLength(2);
  for (let i = 1; i < bytes.length - 1; i++) {
    for (let j = i + 1; j < bytes.length; j++) {
      const cut = read([bytes.subarray(0, i), bytes.subarray(i, j), bytes.subarray(j)]);
      if (!Bun.deepEquals(cut, whole)) expect({ i, j, ...cut }).toEqual({ i, j, ...whole });
    }
  }
});

describe("a long head", () => {
  const headOf = (bytes: number): string => {
    const short = get("/", "X-Long: ");
    return get("/", `X-Long: ${"v".repeat(bytes - short.length)}`);
  };

  test.each([
    [32 * 1024, null],
    [32 * 1024 + 1, 431],
    [40 * 1024, 431],
    [1024 * 1024, 431],
  ])("of %d bytes: %p", (length, refused) => {
    const bytes = bytesOf(headOf(length));
    expect(bytes).toHaveLength(length);
    expect(read([bytes]).refused).toBe(refused);
    for (const size of [1_000, 4_096, 16_384, 32_767, 32_768, 32_769]) {
      const pieces: Buffer[] = [];
      for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
      expect(read(pieces).refused).toBe(refused);
    }
  });

  test("is refused before its end came", () => {
    expect(read([bytesOf(`GET / HTTP/1.1\r\nX-A: ${"v".repeat(33 * 1024)}`)]).refused).toBe(431);
    expect(read([bytesOf(`GET /${"u".repeat(33 * 1024)}`)]).refused).toBe(431);
  });
});

test("what is no request is refused at its first byte", () => {
  for (const byte of ["\x16", "g", " ", "\n", "\x00", "0", "<"])
    expect(read([bytesOf(byte)]).refused).toBe(400);
});

test("nothing is taken behind the end of a request before the next one is begun", () => {
  const seen: string[] = [];
  const reader = new RequestReader({
    onHead: (head) => seen.push(head.target),
    onBody: () => {},
    onRequestEnd: () => {},
    onFault: () => {},
  });
  const bytes = bytesOf(get("/1") + get("/2"));
  const at = reader.push(bytes);
  expect([at, reader.isReading, reader.isAtEnd]).toEqual([get("/1").length, false, true]);
  expect(reader.push(bytes.subarray(at))).toBe(0);
  expect(seen).toEqual(["/1"]);
  reader.begin();
  expect(reader.isAtStart).toBe(true);
  reader.push(bytes.subarray(at));
  expect(seen).toEqual(["/1", "/2"]);
});

test("a sink that gives up within a body gets no more of it", () => {
  let pieces = 0;
  const reader = new RequestReader({
    onHead: () => {},
    onBody: () => {
      pieces += 1;
      reader.stop();
    },
    onRequestEnd: () => {
      pieces += 100;
    },
    onFault: () => {
      pieces += 1_000;
    },
  });
  reader.push(bytesOf(post("/", "Content-Length: 4")));
  reader.push(bytesOf("ab"));
  reader.push(bytesOf("cd"));
  expect(pieces).toBe(1);
  expect(reader.isAtEnd).toBe(false);
});

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { replyCases } from "../../conformance/reply-cases.ts";
import { ReplyReader, type ReplySink } from "./read-reply.ts";
import type { ReplyHead } from "./reply-head.ts";

interface Outcome {
  readonly end: "done" | "bad" | "incomplete";
  readonly head?: ReplyHead;
  readonly body?: string;
  /** Whether the connection could carry another reply. */
  readonly reusable?: boolean;
}

class Recorder implements ReplySink {
  head: ReplyHead | null = null;
  body = "";
  end: "done" | "bad" | null = null;
  extra = false;
  afterEnd = 0;
  onHead(head: ReplyHead): void {
    if (this.end !== null) this.afterEnd++;
    this.head = head;
  }
  onBody(chunk: Buffer, from: number, to: number): void {
    if (this.end !== null) this.afterEnd++;
    this.body += chunk.toString("latin1", from, to);
  }
  onReplyEnd(extra: boolean): void {
    if (this.end !== null) this.afterEnd++;
    this.end = "done";
    this.extra = extra;
  }
  onBadReply(): void {
    if (this.end !== null) this.afterEnd++;
    this.end = "bad";
  }
}

/** Reads pieces, then the peer's close, and tells what a connection would make of it. */
function read(pieces: readonly Buffer[], isHead = false): Outcome {
  const sink = new Recorder();
  const reader = new ReplyReader(sink);
  reader.begin(isHead);
  let extra = false;
  for (const piece of pieces) {
    // Bytes of a later piece are what an idle connection gets: they end it too.
    if (sink.end === "done" && piece.length > 0) extra = true;
    reader.push(piece);
  }
  if (sink.end === null) reader.end();
  expect(sink.afterEnd).toBe(0);
  if (sink.end === "bad") return { end: "bad" };
  if (sink.end === null || sink.head === null) return { end: "incomplete" };
  const reusable = sink.head.keepAlive && !extra && !sink.extra;
  return { end: "done", head: sink.head, body: sink.body, reusable };
}

function cut(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map((place) => place % (bytes.length + 1)))].sort(
    (a, b) => a - b,
  );
  return [0, ...places].map((from, i) => bytes.subarray(from, places[i] ?? bytes.length));
}

describe("a reply means the same however it is cut", () => {
  const short = replyCases.filter((found) => found.reply.length < 1_000);
  test.each(short.map((found) => [found.name, found] as const))("%s", (_, found) => {
    const bytes = Buffer.from(found.reply, "latin1");
    const isHead = found.method === "HEAD";
    const whole = read([bytes], isHead);
    for (let at = 1; at < bytes.length; at++)
      expect(read([bytes.subarray(0, at), bytes.subarray(at)], isHead)).toEqual(whole);
    const single = Array.from(bytes, (_byte, at) => bytes.subarray(at, at + 1));
    expect(read(single, isHead)).toEqual(whole);
  });

  test.each(
    replyCases.filter((found) => found.reply.length >= 1_000).map((f) => [f.name, f] as const),
  )("%s, in pieces of many sizes", (_, found) => {
    const bytes = Buffer.from(found.reply, "latin1");
    const whole = read([bytes]);
    for (const size of [1, 7, 1_024, 4_095, 4_096, 4_097, 65_535, 65_536, 65_540]) {
      const places = Array.from({ length: Math.floor(bytes.length / size) }, (_v, i) => i * size);
      expect(read(cut(bytes, places))).toEqual(whole);
    }
  });
});

describe("limits of a head", () => {
  const head = (bytes: number): Buffer => {
    const start = "HTTP/1.1 204 No Content\r\nX-A: ";
    return Buffer.from(`${start}${"a".repeat(bytes - start.length - 4)}\r\n\r\n`, "latin1");
  };

  test.each([
    [65_535, "done"],
    [65_536, "done"],
    [65_537, "bad"],
    [65_540, "bad"],
    [65_541, "bad"],
    [200_000, "bad"],
  ] as const)("a head of %d bytes is %s", (bytes, end) => {
    expect(read([head(bytes)]).end).toBe(end);
    expect(read(cut(head(bytes), [1, 4_096, 65_000, 65_534])).end).toBe(end);
  });

  test.each([
    [256, "done"],
    [257, "bad"],
  ] as const)("%d headers are %s", (count, end) => {
    const lines = "X-A: 1\r\n".repeat(count);
    expect(read([Buffer.from(`HTTP/1.1 204 X\r\n${lines}\r\n`)]).end).toBe(end);
  });

  test("interim replies without end are refused", () => {
    const interim = "HTTP/1.1 102 Processing\r\n\r\n";
    const final = "HTTP/1.1 204 X\r\n\r\n";
    expect(read([Buffer.from(interim.repeat(16) + final)]).end).toBe("done");
    expect(read([Buffer.from(interim.repeat(17) + final)]).end).toBe("bad");
  });
});

describe("whether a connection can be kept", () => {
  test.each([
    ["HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true],
    ["HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n", false],
    ["HTTP/1.1 200 OK\r\nConnection: x, close\r\nContent-Length: 0\r\n\r\n", false],
    ["HTTP/1.1 200 OK\r\nConnection: closed\r\nContent-Length: 0\r\n\r\n", true],
    ["HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", false],
    ["HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", true],
    ["HTTP/1.1 204 OK\r\n\r\n", true],
    ["HTTP/1.1 204 OK\r\nContent-Length: 5\r\n\r\n", false],
    ["HTTP/1.1 304 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false],
    ["HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nX", false],
  ])("%j: %p", (reply, reusable) => {
    expect(read([Buffer.from(reply)])).toMatchObject({ end: "done", reusable });
  });

  test("not after a HEAD whose reply announces a body", () => {
    const reply = Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    expect(read([reply], true)).toMatchObject({ end: "done", body: "", reusable: false });
  });

  test.each([
    ["timeout=5", 5_000],
    ["max=100, timeout=7", 7_000],
    ["timeout=x", Number.POSITIVE_INFINITY],
  ])("the peer's Keep-Alive: %s is %d ms", (value, keepAliveMs) => {
    const reply = `HTTP/1.1 200 OK\r\nKeep-Alive: ${value}\r\nContent-Length: 0\r\n\r\n`;
    expect(read([Buffer.from(reply)]).head?.keepAliveMs).toBe(keepAliveMs);
  });
});

describe("anything may arrive", () => {
  const anyCuts = fc.array(fc.nat(4_000), { maxLength: 12 });
  const piece = fc.constantFrom(
    ..."HTTP/1.1 200 OK|\r\n|\r|\n|\r\n\r\n|Content-Length: 3|Transfer-Encoding: chunked|5;a=b|0|X: y|hello|\0| |:".split(
      "|",
    ),
  );
  const likely = fc.array(piece, { maxLength: 20 }).map((parts) => Buffer.from(parts.join("")));
  const mutated = fc
    .record({ index: fc.nat(replyCases.length - 1), at: fc.nat(), byte: fc.nat(255) })
    .map(({ index, at, byte }) => {
      const bytes = Buffer.from(replyCases[index]!.reply, "latin1");
      if (bytes.length > 0) bytes[at % bytes.length] = byte;
      return bytes;
    });
  const random = fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes));

  test.each([
    ["random bytes", random],
    ["pieces of replies", likely],
    ["replies with a wrong byte", mutated],
  ] as const)("%s: no throw, and the same result in one piece", (_, bytes) => {
    fc.assert(
      fc.property(bytes, anyCuts, fc.boolean(), (input, cuts, isHead) => {
        expect(read(cut(input, cuts), isHead)).toEqual(read([input], isHead));
      }),
      { numRuns: 600 },
    );
  });
});

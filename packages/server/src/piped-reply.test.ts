import { describe, expect, test } from "bun:test";
import { PieceSource } from "./conformance/piece-source.ts";
import { PipedReply } from "./piped-reply.ts";
import type { StreamSink } from "./streamed-reply.ts";

const HEAD = "HEAD\r\n\r\n";

/** Notes each write, and what is told of the reply. */
class Sink implements StreamSink {
  readonly writes: Uint8Array[] = [];
  readonly told: string[] = [];
  hasRoom = true;
  get texts(): string[] {
    return this.writes.map((bytes) => Buffer.from(bytes).toString("latin1"));
  }
  sendPiece(bytes: Uint8Array): boolean {
    this.writes.push(bytes);
    return this.hasRoom;
  }
  streamEnded(): void {
    this.told.push("ended");
  }
  streamFailed(): void {
    this.told.push("failed");
  }
}

interface Framing {
  readonly declared?: number;
  readonly isOld?: boolean;
}

function piped({ declared = -1, isOld = false }: Framing = {}, source = new PieceSource()) {
  const sink = new Sink();
  const reply = new PipedReply(HEAD, source, sink, declared, isOld);
  reply.begin();
  return { source, sink, reply };
}

type Act = (source: PieceSource, sink: Sink, reply: PipedReply) => void;

/** What breaks a reply: framing, acts, the writes, what is told, what the source is asked. */
const broken: readonly (readonly [string, Framing, Act, string[], string[], string[]])[] = [
  [
    "more than was announced, at once",
    { declared: 3 },
    (source) => void source.give("ab", "cd"),
    [HEAD],
    ["failed"],
    ["cancel"],
  ],
  [
    "more than was announced, later",
    { declared: 3 },
    (source) => {
      source.give("abc");
      source.give("d");
    },
    [HEAD, "abc"],
    ["failed"],
    ["cancel"],
  ],
  [
    "more than was announced, with the end",
    { declared: 1 },
    (source) => {
      source.sink?.piece(Buffer.from("ab"));
      source.sink?.ended();
    },
    [HEAD],
    ["failed"],
    ["cancel"],
  ],
  [
    "less than was announced",
    { declared: 3 },
    (source) => {
      source.give("ab");
      source.sink?.ended();
    },
    [HEAD, "ab"],
    ["failed"],
    ["cancel"],
  ],
  [
    "nothing of what was announced",
    { declared: 3 },
    (source) => source.sink?.ended(),
    [HEAD],
    ["failed"],
    ["cancel"],
  ],
  [
    "a source that failed, with chunks",
    {},
    (source) => {
      source.give("ab");
      source.sink?.failed();
    },
    [HEAD, "2\r\nab\r\n"],
    ["failed"],
    [],
  ],
  [
    "a source that failed, with a length that was reached",
    { declared: 2 },
    (source) => {
      source.give("ab");
      source.sink?.failed();
    },
    [HEAD, "ab"],
    ["failed"],
    [],
  ],
  [
    "a source that failed, to HTTP/1.0",
    { isOld: true },
    (source) => source.sink?.failed(),
    [HEAD],
    ["failed"],
    [],
  ],
  [
    "a source that says more than one end",
    {},
    (source) => {
      source.sink?.failed();
      source.sink?.failed();
      source.sink?.ended();
      source.give("late");
    },
    [HEAD],
    ["failed"],
    [],
  ],
  [
    "a source that goes on when it was given up",
    { declared: 1 },
    (source) => {
      source.give("ab");
      source.give("c");
      source.sink?.ended();
      source.sink?.failed();
    },
    [HEAD],
    ["failed"],
    ["cancel"],
  ],
  [
    "stopped",
    {},
    (source, _, reply) => {
      source.give("ab");
      reply.stop();
      reply.stop();
      source.give("c");
      source.sink?.ended();
      source.sink?.failed();
      reply.drained();
    },
    [HEAD, "2\r\nab\r\n"],
    [],
    ["cancel"],
  ],
  [
    "stopped behind its end",
    {},
    (source, _, reply) => {
      source.sink?.ended();
      reply.stop();
    },
    [HEAD, "0\r\n\r\n"],
    ["ended"],
    [],
  ],
];

/** Replies in order: framing, acts, the writes. */
const whole: readonly (readonly [string, Framing, Act, string[]])[] = [
  [
    "chunks: pieces that arrive together are one",
    {},
    (source) => {
      source.give("ab", "c", "d".repeat(13));
      source.give("e");
      source.sink?.ended();
    },
    [HEAD, `10\r\nabc${"d".repeat(13)}\r\n`, "1\r\ne\r\n", "0\r\n\r\n"],
  ],
  [
    "chunks: the last is in one write with the last pieces",
    {},
    (source) => {
      source.give("ab");
      source.sink?.piece(Buffer.from("c"));
      source.sink?.piece(Buffer.from("d"));
      source.sink?.ended();
    },
    [HEAD, "2\r\nab\r\n", "2\r\ncd\r\n0\r\n\r\n"],
  ],
  ["chunks: of an empty body", {}, (source) => source.sink?.ended(), [HEAD, "0\r\n\r\n"]],
  [
    "chunks: nothing arrived, or nothing but empty pieces: no chunk, which would be the last",
    {},
    (source) => {
      source.give();
      source.give("");
      source.give("a");
      source.sink?.ended();
    },
    [HEAD, "1\r\na\r\n", "0\r\n\r\n"],
  ],
  [
    "a length: pieces that arrive together are one write",
    { declared: 4 },
    (source) => {
      source.give("ab", "c");
      source.give("d");
      source.sink?.ended();
    },
    [HEAD, "abc", "d"],
  ],
  [
    "a length: the end comes with the last pieces",
    { declared: 3 },
    (source) => {
      source.give("a");
      source.sink?.piece(Buffer.from("bc"));
      source.sink?.ended();
    },
    [HEAD, "a", "bc"],
  ],
  ["a length of nothing", { declared: 0 }, (source) => source.sink?.ended(), [HEAD]],
  [
    "HTTP/1.0 without a length: as it comes",
    { isOld: true },
    (source) => {
      source.give("ab", "c");
      source.sink?.ended();
    },
    [HEAD, "abc"],
  ],
  [
    "HTTP/1.0 with a length",
    { isOld: true, declared: 2 },
    (source) => {
      source.give("ab");
      source.sink?.ended();
    },
    [HEAD, "ab"],
  ],
];

describe("a reply that is piped", () => {
  test.each(broken)("is broken off: %s", (_, framing, act, texts, told, asked) => {
    const { source, sink, reply } = piped(framing);
    act(source, sink, reply);
    expect(sink.texts).toEqual(texts);
    expect(sink.told).toEqual(told);
    expect(source.asked).toEqual(asked);
  });

  test.each(whole)("%s", (_, framing, act, texts) => {
    const { source, sink, reply } = piped(framing);
    act(source, sink, reply);
    expect(sink.texts).toEqual(texts);
    expect(sink.told).toEqual(["ended"]);
    expect(source.asked).toEqual([]);
  });

  test("its head goes out with the pieces that are there, and with all of a body that is", () => {
    const begun = new PieceSource((sink) => {
      sink.piece(Buffer.from("ab"));
      sink.flush();
    });
    expect(piped({}, begun).sink.texts).toEqual([`${HEAD}2\r\nab\r\n`]);
    const all = new PieceSource((sink) => {
      sink.piece(Buffer.from("ab"));
      sink.ended();
    });
    expect(piped({}, all).sink.texts).toEqual([`${HEAD}2\r\nab\r\n0\r\n\r\n`]);
    const none = new PieceSource((sink) => sink.ended());
    expect(piped({ declared: 0 }, none).sink.texts).toEqual([HEAD]);
  });

  test("its head goes nowhere when the body failed before", () => {
    const { sink } = piped({}, new PieceSource((begun) => begun.failed()));
    expect(sink.texts).toEqual([]);
    expect(sink.told).toEqual(["failed"]);
  });

  test("a lone piece that needs no framing is passed on without a copy", () => {
    const { source, sink } = piped({ declared: 5 });
    const piece = Buffer.from("alone");
    source.sink?.piece(piece);
    source.sink?.flush();
    expect(sink.writes[1]).toBe(piece);
  });

  test("bytes of a head and a body that are not ASCII stay what they are", () => {
    const source = new PieceSource();
    const sink = new Sink();
    new PipedReply("x: \u00ff\r\n\r\n", source, sink, 2, false).begin();
    source.give("\u00c3\u00a9");
    expect(sink.texts).toEqual(["x: \u00ff\r\n\r\n", "\u00c3\u00a9"]);
  });
});

describe("a client that is slow", () => {
  test("has no room until it drained, whatever arrives meanwhile, and the source goes on once", () => {
    const { source, sink, reply } = piped();
    expect(source.give("a")).toBe(true);
    sink.hasRoom = false;
    expect(source.give("b")).toBe(false);
    expect(source.give()).toBe(false);
    sink.hasRoom = true;
    reply.drained();
    expect(source.asked).toEqual(["resume"]);
    expect(source.give("c")).toBe(true);
  });

  test("drains after the end: the source is asked nothing", () => {
    const { source, sink, reply } = piped();
    sink.hasRoom = false;
    source.give("a");
    source.sink?.ended();
    reply.drained();
    expect(source.asked).toEqual([]);
    expect(sink.told).toEqual(["ended"]);
  });
});

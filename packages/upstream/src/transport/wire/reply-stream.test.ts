import { describe, expect, test } from "bun:test";
import { upstreamErrors } from "../../errors.ts";
import type { PieceSink } from "../transport.ts";
import { type ReplySource, ReplyStream } from "./reply-stream.ts";

const fault = upstreamErrors.UPSTREAM_RESET({ origin: "a", sent: true, reason: "closed" });
const gone = upstreamErrors.UPSTREAM_CANCELLED({ origin: "a", sent: true, reason: "client-gone" });
const BUFFERED_BYTES = 65_536;

/** As a connection does, it fails the stream that is given up. */
class Source implements ReplySource {
  readonly asked: string[] = [];
  readonly stream: ReplyStream = new ReplyStream(this);
  resumeReading(): void {
    this.asked.push("resume");
  }
  abandonReply(): void {
    this.asked.push("abandon");
    this.stream.fail(gone);
  }
  /** Pieces that arrived together. */
  give(...pieces: readonly string[]): boolean {
    for (const piece of pieces) this.stream.push(Buffer.from(piece));
    return this.stream.flush();
  }
}

/** Notes what it is given; `|` stands for a flush. */
class Sink implements PieceSink {
  text = "";
  hasRoom = true;
  piece(bytes: Uint8Array): void {
    this.text += Buffer.from(bytes).toString();
  }
  flush(): boolean {
    this.text += "|";
    return this.hasRoom;
  }
  ended(): void {
    this.text += " ended";
  }
  failed(): void {
    this.text += " failed";
  }
}

/** What a reader of the stream gets: its text, and how it ends. */
async function read(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  try {
    for await (const bytes of stream) text += Buffer.from(bytes).toString();
  } catch (error) {
    return `${text} ${error === fault ? "failed" : error === gone ? "gone" : String(error)}`;
  }
  return `${text} ended`;
}

type Act = (source: Source) => void;

/** What happens before anybody takes the body, to what a sink and a reader of a stream get of it. */
const before: readonly (readonly [string, Act, string, string])[] = [
  [
    "a body that failed",
    (source) => {
      source.give("ab");
      source.stream.fail(fault);
    },
    "ab failed",
    "failed",
  ],
  ["a body that failed at once", (source) => source.stream.fail(fault), " failed", "failed"],
  ["a body that was given up", (source) => source.stream.cancel(), " failed", "gone"],
  [
    "a body that was given up with pieces there",
    (source) => {
      source.give("ab");
      source.stream.cancel();
      source.give("c");
      source.stream.close();
    },
    " failed",
    "gone",
  ],
  [
    "a body that says more than one end",
    (source) => {
      source.give("ab");
      source.stream.close();
      source.stream.fail(fault);
      source.give("c");
    },
    "ab ended",
    "ab ended",
  ],
  [
    "a body that failed and then ends",
    (source) => {
      source.stream.fail(fault);
      source.stream.close();
    },
    " failed",
    "failed",
  ],
  [
    "a body that is complete",
    (source) => {
      source.give("ab", "c");
      source.give("d");
      source.stream.close();
    },
    "abcd ended",
    "abcd ended",
  ],
  ["an empty body", (source) => source.stream.close(), " ended", " ended"],
];

describe("a body that nobody took before", () => {
  test.each(before)("%s, as pieces", (_, act, text) => {
    const source = new Source();
    act(source);
    const sink = new Sink();
    source.stream.flow(sink);
    expect(sink.text).toBe(text);
  });

  test.each(before)("%s, as a stream", async (_, act, __, text) => {
    const source = new Source();
    act(source);
    expect((await read(source.stream.readable)).trim()).toBe(text.trim());
  });

  test("has room up to its bound, and reading goes on when somebody takes it", async () => {
    for (const take of [
      ({ stream }: Source) => stream.flow(new Sink()),
      async ({ stream }: Source) => {
        const reader = stream.readable.getReader();
        for (let bytes = 0; bytes < BUFFERED_BYTES; )
          bytes += (await reader.read()).value?.byteLength ?? BUFFERED_BYTES;
      },
    ]) {
      const source = new Source();
      expect(source.give("x".repeat(BUFFERED_BYTES - 1))).toBe(true);
      expect(source.give("x")).toBe(false);
      expect(source.asked).toEqual([]);
      await take(source);
      expect(source.asked[0]).toBe("resume");
    }
  });

  test("does not go on for a sink that has no room for what is there", () => {
    const source = new Source();
    source.give("x".repeat(BUFFERED_BYTES));
    const sink = new Sink();
    sink.hasRoom = false;
    source.stream.flow(sink);
    expect(source.asked).toEqual([]);
    source.stream.resume();
    expect(source.asked).toEqual(["resume"]);
  });

  test("does not go on for a stream that nobody reads", () => {
    const source = new Source();
    source.give("x".repeat(BUFFERED_BYTES));
    expect(source.stream.readable.locked).toBe(false);
    expect(source.asked).toEqual([]);
    expect(source.give("x")).toBe(false);
  });
});

describe("a body that is taken as pieces", () => {
  function flowing(begun: string) {
    const source = new Source();
    source.give(begun);
    const sink = new Sink();
    source.stream.flow(sink);
    return { source, sink };
  }

  test("gives what was there in one flush, and what comes in one flush each", () => {
    const { source, sink } = flowing("ab");
    source.give("c", "d");
    source.give("e");
    source.stream.close();
    expect(sink.text).toBe("ab|cd|e| ended");
  });

  test("flushes at once when nothing is there, so that a head can go out", () => {
    expect(flowing("").sink.text).toBe("|");
  });

  test("skips empty pieces", () => {
    const { source, sink } = flowing("");
    source.give("", "a", "");
    expect(sink.text).toBe("|a|");
  });

  test("has the room that its sink has", () => {
    const { source, sink } = flowing("");
    expect(source.give("a")).toBe(true);
    sink.hasRoom = false;
    expect(source.give("b")).toBe(false);
  });

  test("fails behind the pieces that came", () => {
    const { source, sink } = flowing("ab");
    source.give("c");
    source.stream.fail(fault);
    source.stream.close();
    source.give("d");
    expect(sink.text).toBe("ab|c| failed");
  });

  test("tells nothing more to a sink that gave it up, and its source once", () => {
    const { source, sink } = flowing("ab");
    source.asked.length = 0;
    source.stream.cancel();
    source.stream.cancel();
    expect(source.give("c")).toBe(true);
    source.stream.close();
    expect(sink.text).toBe("ab|");
    expect(source.asked).toEqual(["abandon"]);
  });

  test("is no one's to give up behind its end", () => {
    const { source } = flowing("ab");
    source.asked.length = 0;
    source.stream.close();
    source.stream.cancel();
    expect(source.asked).toEqual([]);
  });
});

describe("a body that is taken as a stream", () => {
  test("is one stream however often it is asked for", () => {
    const { stream } = new Source();
    expect(stream.readable).toBe(stream.readable);
  });

  test("has what was there, what comes, and the end", async () => {
    const source = new Source();
    source.give("ab");
    const reading = read(source.stream.readable);
    source.give("c", "", "d");
    source.stream.close();
    expect(await reading).toBe("abcd ended");
  });

  test("fails when it is cut short", async () => {
    const source = new Source();
    const reading = read(source.stream.readable);
    source.give("ab");
    source.stream.fail(fault);
    expect(await reading).toEndWith("failed");
  });

  test("given up by its reader gives up the reply, once", async () => {
    const source = new Source();
    source.give("ab");
    const { readable } = source.stream;
    source.asked.length = 0;
    await readable.cancel();
    source.stream.cancel();
    source.give("c");
    source.stream.close();
    expect(source.asked).toEqual(["abandon"]);
  });

  test("given up beside its reader fails for it", async () => {
    const source = new Source();
    const reading = read(source.stream.readable);
    source.stream.cancel();
    expect(await reading).toEndWith("gone");
  });
});

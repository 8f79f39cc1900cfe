import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { SendQueue } from "./send-queue.ts";

/** A socket with room for so many bytes, which notes each write. */
class Sink {
  room = Number.POSITIVE_INFINITY;
  readonly writes: string[] = [];
  stalls = 0;
  readonly queue = new SendQueue(this, () => {
    this.stalls += 1;
  });

  get text(): string {
    return this.writes.join("");
  }

  write(bytes: Uint8Array): number {
    if (this.room < 0) return -1;
    const taken = Math.min(this.room, bytes.byteLength);
    this.room -= taken;
    if (taken > 0) this.writes.push(Buffer.from(bytes.subarray(0, taken)).toString("latin1"));
    return taken;
  }
}

const b = (text: string) => Buffer.from(text, "latin1");

test("what is sent in one turn is one write at its end", async () => {
  const sink = new Sink();
  for (const text of ["a", "b", "c"]) expect(sink.queue.send(b(text))).toBe(true);
  expect([sink.writes, sink.queue.length]).toEqual([[], 3]);
  await Promise.resolve();
  expect([sink.writes, sink.queue.length]).toEqual([["abc"], 0]);
  sink.queue.send(b("d"));
  await Promise.resolve();
  expect(sink.writes).toEqual(["abc", "d"]);
});

test("each socket gets its own", async () => {
  const sinks = [new Sink(), new Sink()];
  for (const text of ["1", "2"]) for (const { queue } of sinks) queue.send(b(text));
  await Promise.resolve();
  expect(sinks.map(({ writes }) => writes)).toEqual([["12"], ["12"]]);
});

test("much is written at once", () => {
  const sink = new Sink();
  const pieces = ["a".repeat(10_000), "b".repeat(10_000), "c".repeat(100_000)];
  for (const piece of pieces) sink.queue.send(b(piece));
  expect(sink.text === pieces.join("")).toBe(true);
  expect(sink.queue.length).toBe(0);
});

describe("a socket without room", () => {
  test("is not written to until it drained", () => {
    const sink = new Sink();
    sink.room = 2;
    sink.queue.send(b("abc"));
    sink.queue.flush();
    expect([sink.writes, sink.queue.length, sink.queue.isStalled, sink.stalls]).toEqual([
      ["ab"],
      1,
      true,
      1,
    ]);
    sink.room = 100;
    expect(sink.queue.send(b("de"))).toBe(false);
    sink.queue.flush();
    expect([sink.writes, sink.queue.length]).toEqual([["ab"], 3]);
    expect(sink.queue.drain()).toBe(true);
    expect([sink.writes, sink.queue.length, sink.queue.isStalled, sink.stalls]).toEqual([
      ["ab", "cde"],
      0,
      false,
      1,
    ]);
  });

  test("may take a part only, or nothing", () => {
    const sink = new Sink();
    sink.room = 0;
    sink.queue.send(b("abcd"));
    sink.queue.flush();
    expect(sink.queue.drain()).toBe(false);
    sink.room = 3;
    expect(sink.queue.drain()).toBe(true);
    expect([sink.text, sink.queue.length, sink.queue.isStalled]).toEqual(["abc", 1, true]);
  });

  test("that is gone takes nothing", () => {
    const sink = new Sink();
    sink.room = -1;
    sink.queue.send(b("abcd"));
    sink.queue.flush();
    expect([sink.queue.length, sink.queue.isStalled]).toEqual([4, true]);
    sink.queue.clear();
    expect([sink.queue.length, sink.queue.isStalled]).toEqual([0, false]);
  });
});

test("what was cleared is not written", async () => {
  const sink = new Sink();
  sink.queue.send(b("a"));
  sink.queue.clear();
  await Promise.resolve();
  expect(sink.writes).toEqual([]);
});

test("every byte is written once and in order, however much room there is", async () => {
  const step = fc.oneof(
    fc.record({ send: fc.integer({ min: 0, max: 40_000 }) }),
    fc.record({ room: fc.integer({ min: 0, max: 50_000 }) }),
    fc.constant({ turn: true }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const sink = new Sink();
      sink.room = 30_000;
      let expected = "";
      for (const next of steps) {
        if ("send" in next) {
          const piece = String.fromCharCode(97 + (expected.length % 26)).repeat(next.send);
          expected += piece;
          sink.queue.send(b(piece));
        } else if ("room" in next) {
          sink.room = next.room;
          sink.queue.drain();
        } else await Promise.resolve();
        if (expected.length - sink.text.length !== sink.queue.length)
          throw new Error("a wrong length");
      }
      sink.room = Number.POSITIVE_INFINITY;
      sink.queue.drain();
      if (sink.text !== expected) throw new Error("other bytes");
    }),
    { numRuns: 100 },
  );
});

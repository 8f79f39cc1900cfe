import { afterEach, describe, expect, test } from "bun:test";
import { type RawPeer, startRawServer } from "@catena/testkit";
import { callOf, originOf, until } from "../../conformance/call-fixture.ts";
import type { BodyPieces, PieceSink } from "../transport.ts";
import { createWireTransport } from "./wire-transport.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** Takes a body, and has room for so many bytes before it must be told to go on. */
class Taker implements PieceSink {
  text = "";
  bytes = 0;
  end = "";
  stalls = 0;
  readonly #room: number;
  #since = 0;
  constructor(room = Number.POSITIVE_INFINITY) {
    this.#room = room;
  }
  piece(bytes: Uint8Array): void {
    this.bytes += bytes.byteLength;
    this.#since += bytes.byteLength;
    if (this.bytes < 1_000) this.text += Buffer.from(bytes).toString("latin1");
  }
  flush(): boolean {
    if (this.#since <= this.#room) return true;
    this.#since = 0;
    this.stalls += 1;
    return false;
  }
  ended(): void {
    this.end += "ended";
  }
  failed(): void {
    this.end += "failed";
  }
}

/** A reply of which the head and `first` came, and the peer that sends the rest. */
async function begun(framing: string, first: string) {
  const peers: RawPeer[] = [];
  const server = startRawServer({
    onRequest: (_, peer) => {
      peers.push(peer);
      peer.write(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n${first}`);
    },
  });
  const transport = createWireTransport();
  cleanups.push(
    () => server.stop(),
    () => transport.close(),
  );
  const reply = await transport.send(callOf(originOf(server.port), { buffered: false }));
  const pieces = reply.pieces?.() ?? null;
  const [peer] = peers;
  if (pieces === null || peer === undefined) throw new Error("the body is not on its way");
  const isIdle = () => transport.stats().activeCalls === 0;
  return { server, transport, pieces, peer, isIdle };
}

const CHUNKED = "Transfer-Encoding: chunked";
const FOUR = "Content-Length: 4";

/** Framing, what comes with the head, what comes later, whether the peer closes then; text and end. */
const bodies: readonly (readonly [
  string,
  { framing: string; first: string; rest: string; ends: boolean },
  string,
])[] = [
  ["a length cut short", { framing: FOUR, first: "ab", rest: "c", ends: true }, "failed"],
  [
    "chunks cut short",
    { framing: CHUNKED, first: "2\r\nab\r\n", rest: "1\r\nc\r\n", ends: true },
    "failed",
  ],
  ["bad chunks", { framing: CHUNKED, first: "2\r\nab\r\n", rest: "zz\r\n", ends: false }, "failed"],
  ["a length", { framing: FOUR, first: "ab", rest: "cd", ends: false }, "ended"],
  [
    "chunks",
    { framing: CHUNKED, first: "2\r\nab\r\n", rest: "2\r\ncd\r\n0\r\n\r\n", ends: false },
    "ended",
  ],
  ["until the end", { framing: "Connection: close", first: "ab", rest: "cd", ends: true }, "ended"],
];

const takers: readonly (readonly [string, (pieces: BodyPieces) => Promise<() => string>])[] = [
  [
    "as pieces",
    async (pieces) => {
      const taker = new Taker();
      pieces.flow(taker);
      await until(() => taker.end !== "", "the body is over");
      return () => `${taker.text} ${taker.end}`;
    },
  ],
  [
    "as a stream",
    async (pieces) => {
      let text = "";
      let end = "ended";
      try {
        for await (const bytes of pieces.readable) text += Buffer.from(bytes).toString("latin1");
      } catch {
        end = "failed";
      }
      return () => `${text} ${end}`;
    },
  ],
];

describe.each(takers)("a body that comes in parts, taken %s", (_, take) => {
  test.each(bodies)("%s", async (_name, { framing, first, rest, ends }, end) => {
    const { pieces, peer, isIdle } = await begun(framing, first);
    const taken = take(pieces);
    peer.write(rest);
    if (ends) peer.end();
    const outcome = (await taken)();
    expect(outcome).toEndWith(` ${end}`);
    if (end === "ended") expect(outcome).toBe("abcd ended");
    expect(isIdle()).toBe(true);
  });

  test.each(bodies)("%s, after it is over", async (_name, { framing, first, rest, ends }, end) => {
    const { pieces, peer, isIdle } = await begun(framing, first);
    peer.write(rest);
    if (ends) peer.end();
    await until(isIdle, "the call is over");
    const outcome = (await take(pieces))();
    expect(outcome).toEndWith(` ${end}`);
    if (end === "ended") expect(outcome).toBe("abcd ended");
  });
});

const BYTES = 20_000_000;

describe("back-pressure", () => {
  test("holds before anybody takes the body, and nothing is lost", async () => {
    const { pieces, peer, isIdle } = await begun(`Content-Length: ${BYTES}`, "x");
    peer.write(Buffer.alloc(BYTES - 1, "x"));
    expect(peer.backlog).toBeGreaterThan(0);
    const taker = new Taker();
    pieces.flow(taker);
    await until(() => taker.end !== "", "the body is over");
    expect([taker.bytes, taker.end]).toEqual([BYTES, "ended"]);
    expect(isIdle()).toBe(true);
  });

  test("holds while a sink has no room, and goes on each time it has", async () => {
    const { pieces, peer } = await begun(`Content-Length: ${BYTES}`, "x");
    peer.write(Buffer.alloc(BYTES - 1, "x"));
    const taker = new Taker(1_000_000);
    pieces.flow(taker);
    for (let stalls = 1; taker.end === ""; stalls++) {
      await until(() => taker.stalls === stalls || taker.end !== "", "the sink is full");
      const { bytes } = taker;
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (taker.end === "") expect(taker.bytes).toBe(bytes);
      pieces.resume();
    }
    expect([taker.bytes, taker.end]).toEqual([BYTES, "ended"]);
    expect(taker.stalls).toBeGreaterThan(5);
  });
});

describe("a reply that is given up", () => {
  test.each([
    ["before anybody took it", (pieces: BodyPieces) => pieces.cancel()],
    [
      "by the sink that took it",
      (pieces: BodyPieces) => {
        pieces.flow(new Taker());
        pieces.cancel();
      },
    ],
    [
      "by a sink that has no room",
      (pieces: BodyPieces) => {
        pieces.flow(new Taker(0));
        pieces.cancel();
      },
    ],
    ["as a stream", (pieces: BodyPieces) => void pieces.readable.cancel()],
    [
      "twice",
      (pieces: BodyPieces) => {
        pieces.cancel();
        pieces.cancel();
      },
    ],
  ])("leaves no connection: %s", async (_, giveUp) => {
    const { server, transport, pieces, peer } = await begun(`Content-Length: ${BYTES}`, "x");
    peer.write(Buffer.alloc(BYTES / 2, "x"));
    giveUp(pieces);
    expect(transport.stats()).toEqual({ openConnections: 0, idleConnections: 0, activeCalls: 0 });
    await until(() => server.openCount === 0, "the peer's end is closed");
  });

  test("is not complete for whoever takes it then", async () => {
    const { pieces } = await begun(FOUR, "ab");
    pieces.cancel();
    const taker = new Taker();
    pieces.flow(taker);
    expect(taker.end).toBe("failed");
  });

  test("behind its end leaves the connection to the next call", async () => {
    const { transport, pieces, peer, isIdle } = await begun(FOUR, "ab");
    peer.write("cd");
    await until(isIdle, "the call is over");
    pieces.cancel();
    expect(transport.stats()).toEqual({ openConnections: 1, idleConnections: 1, activeCalls: 0 });
  });
});

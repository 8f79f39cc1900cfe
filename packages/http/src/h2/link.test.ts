import { expect, test } from "bun:test";
import { CLIENT_PREFACE, FLAG, FRAME, makeFrame, makeNumberFrame } from "./frames.ts";
import { HpackEncoder } from "./hpack-encoder.ts";
import { H2Link, type LinkOptions } from "./link.ts";

/** A link whose socket takes `room` bytes at a time, and what it heard and wrote. */
function fixture(options: LinkOptions, room = Number.POSITIVE_INFINITY) {
  const heard: string[] = [];
  const written: Buffer[] = [];
  let left = room;
  const socket = {
    write: (bytes: Uint8Array): number => {
      const taken = Math.min(left, bytes.byteLength);
      left -= taken;
      if (taken > 0) written.push(Buffer.from(bytes.subarray(0, taken)));
      return taken;
    },
  };
  const sinkOf = (id: () => number) => ({
    onFields: (fields: readonly string[] | "too large", isLast: boolean) =>
      heard.push(`${id()} fields ${String(fields)} ${isLast}`),
    onData: (chunk: Buffer, from: number, to: number) =>
      heard.push(`${id()} data ${chunk.toString("latin1", from, to)}`),
    onEnd: () => heard.push(`${id()} end`),
    onRoom: () => heard.push(`${id()} room`),
    onBroken: (how: string, reason: string) => heard.push(`${id()} ${how} ${reason}`),
  });
  const link = new H2Link(
    socket,
    {
      onSettings: () => heard.push("settings"),
      onGoaway: () => heard.push("goaway"),
      onStream: (stream) => sinkOf(() => stream.id),
      onStreamClosed: () => heard.push("closed"),
      onFault: (reason) => heard.push(`fault ${reason}`),
    },
    options,
  );
  const drain = (): void => {
    left = room;
    link.drained();
  };
  const output = (): Buffer => Buffer.concat(written);
  return { link, heard, drain, output, sinkOf };
}

let seed = 11;
const random = (below: number): number => {
  seed = (seed * 1_103_515_245 + 12_345) & 0x7fff_ffff;
  return (seed >>> 8) % below;
};

/** What a client could send: mostly frames that are sound, some that are not. */
function anyFrames(): Buffer {
  const encoder = new HpackEncoder();
  const head = [":method", "GET", ":path", "/", ":scheme", "http", ":authority", "a.test"];
  const frames = [CLIENT_PREFACE, makeFrame(FRAME.SETTINGS, 0, 0)];
  for (let i = 0; i < 12; i++) {
    const id = 1 + 2 * random(4);
    const flags = random(2) * FLAG.END_STREAM;
    const bytes = Buffer.from(Array.from({ length: random(40) }, () => random(256)));
    switch (random(8)) {
      case 0:
      case 1:
        frames.push(makeFrame(FRAME.HEADERS, flags | FLAG.END_HEADERS, id, encoder.encode(head)));
        break;
      case 2:
      case 3:
        frames.push(makeFrame(FRAME.DATA, flags, id, bytes));
        break;
      case 4:
        frames.push(makeNumberFrame(FRAME.WINDOW_UPDATE, random(2) * id, 1 + random(9)));
        break;
      case 5:
        frames.push(makeNumberFrame(FRAME.RST_STREAM, id, random(14)));
        break;
      case 6:
        frames.push(makeFrame(FRAME.PING, random(2), 0, Buffer.alloc(8)));
        break;
      default:
        frames.push(makeFrame(random(12), random(256), random(10), bytes));
    }
  }
  return Buffer.concat(frames);
}

test("the same bytes come to the same, however they are cut, and never throw", () => {
  for (let round = 0; round < 400; round++) {
    const bytes = anyFrames();
    const whole = fixture({ maxStreams: 3 });
    whole.link.push(bytes);
    const cut = fixture({ maxStreams: 3 });
    for (let at = 0; at < bytes.length; ) {
      const size = 1 + random(30);
      cut.link.push(Buffer.from(bytes.subarray(at, at + size)));
      at += size;
    }
    expect(cut.heard).toEqual(whole.heard);
    expect(cut.output().equals(whole.output())).toBe(true);
  }
});

test("two streams take turns, and the end of each comes behind its data", () => {
  const { link, drain, output, sinkOf } = fixture({ maxStreams: null }, 40_000);
  link.open();
  link.push(Buffer.concat([makeFrame(FRAME.SETTINGS, 0, 0)]));
  const [one, two] = [1, 3].map((id) =>
    link.openStream(
      sinkOf(() => id),
      [":method", "POST"],
      null,
      false,
    ),
  );
  one?.send(Buffer.alloc(60_000, "a"), true);
  two?.send(Buffer.alloc(60_000, "b"), true);
  for (let i = 0; i < 8; i++) {
    drain();
    link.push(makeNumberFrame(FRAME.WINDOW_UPDATE, 0, 20_000));
  }
  const ids: number[] = [];
  const sizes = new Map<number, number>();
  const bytes = output();
  for (let at = CLIENT_PREFACE.length; at < bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
    if (bytes[at + 3] !== FRAME.DATA) continue;
    const id = bytes.readUInt32BE(at + 5);
    ids.push(id);
    sizes.set(id, (sizes.get(id) ?? 0) + bytes.readUIntBE(at, 3));
    expect(bytes[at + 4] === FLAG.END_STREAM).toBe(sizes.get(id) === 60_000);
  }
  expect(sizes).toEqual(
    new Map([
      [1, 60_000],
      [3, 60_000],
    ]),
  );
  expect(ids.lastIndexOf(1)).toBeLessThan(ids.lastIndexOf(3));
  expect(link.streamCount).toBe(2);
});

test("windows that are made smaller hold back what is open", () => {
  const { link, heard, output, sinkOf } = fixture({ maxStreams: null });
  link.open();
  // SETTINGS_INITIAL_WINDOW_SIZE of 10, then of 0: five bytes were sent, so that five are too many.
  const settings = (size: number): Buffer => Buffer.from([0, 4, 0, 0, 0, size]);
  link.push(makeFrame(FRAME.SETTINGS, 0, 0, settings(10)));
  const stream = link.openStream(
    sinkOf(() => 1),
    [":method", "POST"],
    Buffer.from("12345"),
    false,
  );
  link.push(makeFrame(FRAME.SETTINGS, 0, 0, settings(0)));
  expect(stream.sendWindow).toBe(-5);
  expect(stream.send(Buffer.from("678"), true)).toBe(false);
  link.push(makeNumberFrame(FRAME.WINDOW_UPDATE, 1, 7));
  expect(output().includes("678")).toBe(false);
  link.push(makeNumberFrame(FRAME.WINDOW_UPDATE, 1, 1));
  expect(output().toString("latin1")).toEndWith("8");
  expect(heard.at(-1)).toBe("1 room");
  expect(stream.isLocalEnd).toBe(true);
});

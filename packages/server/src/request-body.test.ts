import { describe, expect, test } from "bun:test";
import { PieceList } from "./piece-list.ts";
import { RequestBody } from "./request-body.ts";

const source = { bodyWanted: () => undefined, resumeBody: () => undefined };
const bytes = Buffer.from(Array.from({ length: 40_000 }, (_, at) => at % 251));

/** Pushes `bytes` from `from` up to `to` one by one. */
function pushEach(body: RequestBody, from: number, to: number): void {
  for (let at = from; at < to; at++) body.push(bytes, at, at + 1);
}

describe("a body that comes byte by byte", () => {
  test("is kept in few pieces, in order, whatever comes between", () => {
    const list = new PieceList();
    for (let at = 0; at < 20_000; at++) list.add(bytes, at, at + 1);
    list.add(bytes, 20_000, 30_000);
    for (let at = 30_000; at < 40_000; at += 400) list.add(bytes, at, at + 400);
    expect(list.length).toBe(bytes.length);
    const pieces = list.take();
    expect(pieces.length).toBeLessThan(20);
    expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
  });

  test("is read whole", async () => {
    const body = new RequestBody(source, -1);
    const read = body.readBytes(100_000);
    pushEach(body, 0, bytes.length);
    body.end();
    expect(Buffer.from(await read).equals(bytes)).toBe(true);
  });

  test("is streamed in few pieces to a reader that is slower, and at once to one that waits", async () => {
    const body = new RequestBody(source, -1);
    pushEach(body, 0, 100);
    const reader = body.stream().getReader();
    const pieces: Uint8Array[] = [];
    const readOne = async (): Promise<boolean> => {
      const { done, value } = await reader.read();
      if (value !== undefined) pieces.push(value);
      return !done;
    };
    await readOne();
    pushEach(body, 100, 20_000);
    while (pieces.reduce((sum, { length }) => sum + length, 0) < 20_000) await readOne();
    const waiting = readOne();
    pushEach(body, 20_000, 20_001);
    await waiting;
    pushEach(body, 20_001, bytes.length);
    body.end();
    while (await readOne());
    expect(pieces.length).toBeLessThan(30);
    expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
  });

  test("has no room for more when so much of it waits", () => {
    const body = new RequestBody(source, -1);
    body.stream();
    let hasRoom = true;
    let pushed = 0;
    for (; hasRoom && pushed < 200_000; pushed++) hasRoom = body.push(bytes, 0, 1);
    expect(pushed).toBe(65_536);
  });
});

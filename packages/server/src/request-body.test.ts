import { describe, expect, test } from "bun:test";
import { requestErrors } from "@catena/pipeline";
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

describe("a body that is at hand", () => {
  /** Pushes each piece as a part of a larger chunk, as it comes from a socket. */
  function bodyOf(pieces: readonly string[], isEnded = true): RequestBody {
    const body = new RequestBody(source, -1);
    for (const piece of pieces) {
      const chunk = Buffer.from(`<<${piece}>>`);
      body.push(chunk, 2, chunk.length - 2);
    }
    if (isEnded) body.end();
    return body;
  }

  const short = "x".repeat(16_384);
  const isText = (whole: string | Uint8Array | null) => typeof whole === "string";
  const textOf = (whole: string | Uint8Array | null) =>
    whole === null || typeof whole === "string" ? whole : Buffer.from(whole).toString();

  test.each<[string, () => RequestBody | Promise<RequestBody>]>([
    ["it is not complete", () => bodyOf(["ab"], false)],
    ["nothing came", () => bodyOf([], false)],
    [
      "it is dropped",
      () => {
        const body = bodyOf(["ab"]);
        body.drop();
        return body;
      },
    ],
    [
      "it failed",
      () => {
        const body = bodyOf(["ab"], false);
        body.fail(requestErrors.REQUEST_BODY_LOST({}));
        body.end();
        return body;
      },
    ],
    [
      "it was taken as a stream",
      () => {
        const body = bodyOf(["ab"]);
        body.stream();
        return body;
      },
    ],
    [
      "it was taken as a stream before its end",
      () => {
        const body = bodyOf(["ab"], false);
        body.stream();
        body.end();
        return body;
      },
    ],
    [
      "its stream was given up",
      async () => {
        const body = bodyOf(["ab"], false);
        await body.stream().cancel();
        body.end();
        return body;
      },
    ],
  ])("is not when %s", async (_, make) => {
    expect((await make()).whole()).toBeNull();
  });

  test.each<[string, readonly string[], string, boolean]>([
    ["not ASCII", ["caf\u00e9"], "caf\u00e9", false],
    ["one character over the bound", [`${short}y`], `${short}y`, false],
    ["in two pieces", ["ab", "cd"], "abcd", false],
    ["in many pieces, large and small", ["a", short, "b", "c"], `a${short}bc`, false],
    ["empty", [], "", false],
    ["one piece of ASCII", ["ab\u0000\u007f"], "ab\u0000\u007f", true],
    ["as long as the bound", [short], short, true],
  ])("is %s", (_, pieces, text, asText) => {
    const body = bodyOf(pieces);
    const whole = body.whole();
    expect(textOf(whole)).toBe(text);
    expect(isText(whole)).toBe(asText);
  });

  test("is there again, and to be read and streamed, when it was looked at", async () => {
    for (const pieces of [["ab"], ["ab", "cd"], []]) {
      const text = pieces.join("");
      const body = bodyOf(pieces);
      body.whole();
      expect(textOf(body.whole())).toBe(text);
      expect(Buffer.from(await body.readBytes(9)).toString()).toBe(text);
      expect(await body.readText(9)).toBe(text);
      expect(await new Response(body.stream()).text()).toBe(text);
      expect(body.whole()).toBeNull();
    }
  });

  test("is bytes that belong to it: bytes that are not UTF-8 stay what they are", () => {
    const body = new RequestBody(source, 2);
    body.push(Buffer.from([0xff, 0xfe]), 0, 2);
    body.end();
    expect(body.whole()).toEqual(Buffer.from([0xff, 0xfe]));
  });
});

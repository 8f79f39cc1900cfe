import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { GatewayReply } from "@catena/pipeline";
import { PieceSource } from "./piece-source.ts";
import { IN_FLIGHT, type Served, serve, untilSettled } from "./served.ts";

let served: Served;
let source: PieceSource;
/** Headers of the reply, whose body comes from `source`. */
let headers: readonly string[] = [];

beforeEach(() => {
  source = new PieceSource();
  headers = [];
  served = serve(reply);
});
afterEach(() => served.stop());

const reply = (): GatewayReply => ({
  status: 200,
  headers: [...headers],
  body: null,
  source: "upstream",
  untouchedPieces: () => source,
});

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const old = "GET / HTTP/1.0\r\n\r\n";
const LENGTH = ["content-length", "4"];

/** A client that has the head, sent while nothing of the body is there. */
async function headed(request: string, list: readonly string[] = []) {
  headers = list;
  const client = await served.send(request);
  await client.until(() => client.received.includes("\r\n\r\n"));
  return client;
}

describe("a body that comes in pieces", () => {
  test.each([
    ["more than its length", LENGTH, ["ab", "cde"]],
    ["less than its length", LENGTH, ["ab"]],
    ["nothing of its length", LENGTH, []],
  ] as const)("destroys the connection when it is %s", async (_, list, parts) => {
    const client = await headed(get + get, list);
    for (const part of parts) source.give(part);
    source.sink?.ended();
    await client.until(() => client.isClosed);
    expect(client.replies()).toMatchObject([{ isWhole: false }]);
    expect(source.asked).toEqual(["cancel"]);
    expect(served.requests.length).toBe(1);
  });

  test.each([
    ["with a length", get, LENGTH],
    ["in chunks", get, []],
    ["to HTTP/1.0", old, []],
  ] as const)("destroys the connection when its source fails, %s", async (_, request, list) => {
    const client = await headed(request, list);
    source.give("ab");
    source.sink?.failed();
    await client.until(() => client.isClosed);
    expect(client.received).not.toContain("0\r\n\r\n");
    expect(source.asked).toEqual([]);
  });

  test.each([
    ["with a length", LENGTH],
    ["in chunks", []],
  ] as const)("is whole, and the connection carries the next one, %s", async (_, list) => {
    const client = await headed(get, list);
    source.give("ab", "c");
    source.give("d");
    source.sink?.ended();
    await client.answered(1);
    source = new PieceSource((sink) => {
      sink.piece(Buffer.from("wxyz"));
      sink.ended();
    });
    client.write(get);
    const replies = await client.answered(2);
    expect(replies.map(({ body }) => body)).toEqual(["abcd", "wxyz"]);
  });

  test("ends with the connection for HTTP/1.0", async () => {
    const client = await headed(old);
    source.give("ab");
    source.sink?.ended();
    const [only] = await client.ended();
    expect(only?.body).toBe("ab");
  });

  test("is given up once when its client leaves", async () => {
    const client = await headed(get);
    source.give("ab");
    client.reset();
    await untilSettled(() => source.asked.length > 0 || served.server.openCount === 0);
    source.give("cd");
    source.sink?.ended();
    expect(source.asked).toEqual(["cancel"]);
  });

  test("waits for a client that takes nothing, and goes on when it does", async () => {
    const client = await headed(get);
    client.pause();
    const piece = "x".repeat(1024 * 1024);
    let given = 0;
    for (let hasRoom = true; hasRoom && given < IN_FLIGHT; given += piece.length)
      hasRoom = source.give(piece);
    expect(given).toBeLessThan(IN_FLIGHT);
    expect(source.asked).toEqual([]);
    client.resume();
    await untilSettled(() => source.asked.length > 0);
    expect(source.asked).toEqual(["resume"]);
    source.sink?.ended();
    const [only] = await client.answered(1);
    expect(only?.isWhole).toBe(true);
    expect(client.receivedBytes).toBeGreaterThan(given);
  });
});

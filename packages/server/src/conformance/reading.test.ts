import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chunkCases, lengthCases, transferEncodingCases } from "./framing-cases.ts";
import { connectionCases, headerCases, requestLineCases } from "./head-cases.ts";
import { get, post } from "./read-case.ts";
import {
  echo,
  IN_FLIGHT,
  ok,
  type Served,
  serve,
  standsStill,
  turns,
  untilSettled,
} from "./served.ts";

let served: Served;
beforeEach(() => {
  served = serve(echo);
});
afterEach(() => served.stop());

const behind = get("/behind");

describe("what the reader refuses is refused, and nothing behind it is answered", () => {
  const cases = [
    ...requestLineCases,
    ...headerCases,
    ...connectionCases,
    ...lengthCases,
    ...transferEncodingCases,
    ...chunkCases,
  ].flatMap((found) => (found.refused === undefined ? [] : [{ ...found, status: found.refused }]));

  test.each(cases)("$name: $status", async ({ bytes, requests, status }) => {
    const client = await served.send(bytes + behind);
    const replies = await client.ended();
    expect(replies.map((reply) => reply.status)).toEqual([...requests.map(() => 200), status]);
    expect(replies.every(({ isWhole }) => isWhole)).toBe(true);
    expect(replies.at(-1)?.headers["connection"]).toBe("close");
    expect(served.requests.map(({ head }) => head.target)).not.toContain("/behind");
  });
});

describe("what the reader takes is answered, and what is behind it as well", () => {
  const cases = [
    ...requestLineCases,
    ...headerCases,
    ...lengthCases,
    ...transferEncodingCases,
    ...chunkCases,
  ].filter(({ refused, requests }) => refused === undefined && requests[0]?.keepAlive !== false);

  test.each(cases)("$name", async ({ bytes, requests }) => {
    const isOld = bytes.includes("HTTP/1.0");
    const client = await served.send(bytes + get("/behind", "Connection: close"));
    const replies = await client.ended();
    const count = isOld ? requests.length : requests.length + 1;
    expect(replies.map(({ status }) => status)).toEqual(Array(count).fill(200));
    for (const [i, { target, body }] of requests.entries()) {
      const echoed = Buffer.from(replies[i]?.body ?? "", "latin1").toString();
      if (target !== undefined) expect(echoed).toStartWith(`${target} `);
      if (body !== undefined) expect(echoed).toEndWith(` ${body}`);
    }
    if (!isOld) expect(replies.at(-1)?.body).toBe("/behind ");
  });
});

test("a request byte by byte is answered as in one piece", async () => {
  const bytes = `${post("/p", "Transfer-Encoding: chunked")}3\r\nabc\r\n0\r\n\r\n${get("/2")}`;
  const client = await served.connect();
  for (const byte of bytes) {
    client.write(byte);
    // So that each is a segment of its own.
    await turns(1);
  }
  const replies = await client.answered(2);
  expect(replies.map(({ body }) => body)).toEqual(["/p abc", "/2 "]);
});

describe("pipelined requests are answered in order", () => {
  const targets = (count: number) => Array.from({ length: count }, (_, i) => `/${i + 1}`);
  /** Every other request later than the one behind it could be. */
  const mixed = (target: string) =>
    Number(target.slice(1)) % 2 === 0
      ? ok(target)
      : new Promise<ReturnType<typeof ok>>((resolve) => setImmediate(() => resolve(ok(target))));

  for (const count of [2, 3, 100]) {
    test.each([
      ["at once", (target: string) => ok(target)],
      ["later", async (target: string) => ok(target)],
      ["now and then later", mixed],
    ])(`${count} in one segment, answered %s`, async (_, answer) => {
      served.answer = ({ head }) => answer(head.target);
      const client = await served.send(
        targets(count)
          .map((target) => get(target))
          .join(""),
      );
      const replies = await client.answered(count);
      expect(replies.map(({ body }) => body)).toEqual(targets(count));
    });
  }

  test("with bodies, cut anywhere", async () => {
    const bytes = `${post("/1", "Content-Length: 3")}abc${post("/2", "Transfer-Encoding: chunked")}2\r\nde\r\n0\r\n\r\n${get("/3")}`;
    for (let at = 1; at < bytes.length; at += 7) {
      const client = await served.send(bytes.slice(0, at));
      await turns(2);
      client.write(bytes.slice(at));
      const replies = await client.answered(3);
      expect(replies.map(({ body }) => body)).toEqual(["/1 abc", "/2 de", "/3 "]);
      client.close();
    }
  });

  test("one at a time: the next is not begun before the reply to the last is sent", async () => {
    const gate = Promise.withResolvers<void>();
    served.answer = async ({ head }) => {
      if (head.target === "/1") await gate.promise;
      return ok(head.target);
    };
    const client = await served.send(get("/1") + get("/2"));
    await untilSettled(() => served.requests.length > 0);
    await turns(20);
    expect(served.requests).toHaveLength(1);
    gate.resolve();
    expect((await client.answered(2)).map(({ body }) => body)).toEqual(["/1", "/2"]);
  });

  test("megabytes of them do not pile up while the first is worked on", async () => {
    const gate = Promise.withResolvers<void>();
    served.answer = async ({ head }) => {
      if (head.target === "/0") await gate.promise;
      return ok("");
    };
    const client = await served.connect();
    client.write(get("/0"));
    client.write(get("/n").repeat(1_000_000));
    await standsStill(() => client.sentBytes);
    expect(client.sentBytes).toBeLessThan(IN_FLIGHT);
    client.reset();
    gate.resolve();
  });
});

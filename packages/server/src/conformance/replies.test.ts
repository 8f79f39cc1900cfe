import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { GatewayReply } from "@catena/pipeline";
import { get, head } from "./read-case.ts";
import { IN_FLIGHT, ok, type Served, serve, standsStill, turns, untilSettled } from "./served.ts";

const MEGABYTE = 1024 * 1024;

let served: Served;
beforeEach(() => {
  served = serve(() => ok());
});
afterEach(() => served.stop());

const streamOf = (...pieces: readonly (string | Uint8Array)[]): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(Buffer.from(piece));
      controller.close();
    },
  });

/** What is sent of a reply: framing, length and body; the next one on the connection shows its end. */
async function sent(reply: () => GatewayReply, method = "GET") {
  served.answer = ({ head: { target } }) => (target === "/" ? reply() : ok("next"));
  const request = (target: string, verb: string, ...lines: readonly string[]) =>
    head(`${verb} ${target} HTTP/1.1`, "Host: a.test", ...lines);
  const client = await served.send(
    request("/", method) + request("/next", "GET", "Connection: close"),
  );
  const [first, next, ...more] = await client.ended(method);
  expect([next?.body, more]).toEqual(["next", []]);
  const { "content-length": length, "transfer-encoding": coding } = first?.headers ?? {};
  return { framing: first?.framing, length, coding, body: first?.body };
}

describe("the end of a body is told", () => {
  const none = { framing: "none", length: undefined, coding: undefined, body: "" };
  const chunked = { framing: "chunked", length: undefined, coding: "chunked" };
  const passed = (reply: GatewayReply): GatewayReply => ({ ...reply, source: "upstream" });
  const status = (code: number, reply: GatewayReply): GatewayReply => ({ ...reply, status: code });
  const length = (text: string) => ({
    framing: "length",
    length: String(Buffer.byteLength(text)),
    coding: undefined,
    body: Buffer.from(text).toString("latin1"),
  });

  const cases: readonly (readonly [string, string, () => GatewayReply, object])[] = [
    ["a text", "GET", () => ok("hello"), length("hello")],
    ["a text beyond ASCII", "GET", () => ok("héllo ☃ 😀"), length("héllo ☃ 😀")],
    ["an empty text", "GET", () => ok(""), length("")],
    [
      "bytes",
      "GET",
      () => ok(new Uint8Array([0, 255, 13, 10])),
      { ...length("1234"), body: "\x00\xff\r\n" },
    ],
    ["no bytes", "GET", () => ok(new Uint8Array(0)), length("")],
    ["nothing", "GET", () => ok(null), length("")],
    ["a stream", "GET", () => ok(streamOf("one", "two")), { ...chunked, body: "onetwo" }],
    ["a stream of nothing", "GET", () => ok(streamOf()), { ...chunked, body: "" }],
    [
      "a stream with empty pieces",
      "GET",
      () => ok(streamOf("", "a", "", "b", "")),
      { ...chunked, body: "ab" },
    ],
    [
      "a stream of told length",
      "GET",
      () => ok(streamOf("ab", "c"), ["Content-Length", "3"]),
      length("abc"),
    ],
    ["a stream of told length 0", "GET", () => ok(streamOf(), ["Content-Length", "0"]), length("")],
    ["a text with a wrong length", "GET", () => ok("abc", ["Content-Length", "99"]), length("abc")],
    [
      "a text said to be chunked",
      "GET",
      () => ok("abc", ["Transfer-Encoding", "chunked"]),
      length("abc"),
    ],
    [
      "a length that is none",
      "GET",
      () => ok(streamOf("abc"), ["Content-Length", "3, 3"]),
      { ...chunked, body: "abc" },
    ],
    ["a text to HEAD", "HEAD", () => ok("hello"), { ...none, length: "5" }],
    ["a stream to HEAD", "HEAD", () => ok(streamOf("hello")), none],
    [
      "a stream of told length to HEAD",
      "HEAD",
      () => ok(streamOf("hello"), ["content-length", "5"]),
      { ...none, length: "5" },
    ],
    ["nothing to HEAD", "HEAD", () => ok(null), { ...none, length: "0" }],
    ["nothing of an upstream to HEAD", "HEAD", () => passed(ok(null)), none],
    [
      "a length of an upstream to HEAD",
      "HEAD",
      () => passed(ok(null, ["Content-Length", "12"])),
      { ...none, length: "12" },
    ],
    ["nothing with 204", "GET", () => status(204, ok(null)), none],
    ["a text with 204", "GET", () => status(204, ok("dropped")), none],
    ["a stream with 204", "GET", () => status(204, ok(streamOf("dropped"))), none],
    ["a length with 204", "GET", () => status(204, ok(null, ["Content-Length", "7"])), none],
    ["nothing with 304", "GET", () => status(304, ok(null)), none],
    [
      "a length with 304",
      "GET",
      () => status(304, ok(null, ["Content-Length", "7"])),
      { ...none, length: "7" },
    ],
    ["a stream with 304", "GET", () => status(304, ok(streamOf("dropped"))), none],
    ["nothing with 404", "GET", () => status(404, ok(null)), length("")],
  ];

  test.each(cases)("of %s (%s)", async (_name, method, reply, expected) => {
    expect(await sent(reply, method)).toEqual(expected as never);
  });

  test("of a stream that is not wanted to its source", async () => {
    let cancelled = 0;
    const reply = () =>
      ok(
        new ReadableStream<Uint8Array>({
          cancel: () => {
            cancelled += 1;
          },
        }),
      );
    await sent(reply, "HEAD");
    await sent(() => ({ ...reply(), status: 204 }));
    expect(cancelled).toBe(2);
  });
});

describe("a head", () => {
  const ask = async (reply: GatewayReply, ...lines: readonly string[]) => {
    served.answer = () => reply;
    const client = await served.send(get("/", ...lines));
    const [first] = await client.answered(1);
    client.close();
    return first;
  };

  test("has the headers in their order, repeated ones apart, and the date last", async () => {
    const reply = await ask(
      ok("", ["X-A", "1", "set-cookie", "a=1", "x-b", "", "Set-Cookie", "b=2"]),
    );
    expect(reply?.statusLine).toBe("HTTP/1.1 200 OK");
    expect(reply?.lines.map((line) => line.replace(/^date: .*/, "date"))).toEqual([
      "X-A: 1",
      "set-cookie: a=1",
      "x-b: ",
      "Set-Cookie: b=2",
      "date",
      "content-length: 0",
    ]);
    const { date = "" } = reply?.headers ?? {};
    expect(new Date(date).toUTCString()).toBe(date);
  });

  test("has the date that it was given", async () => {
    const date = "Mon, 01 Jan 2001 00:00:00 GMT";
    const reply = await ask(ok("", ["Date", date]));
    expect(reply?.lines.filter((line) => /^date:/i.test(line))).toEqual([`Date: ${date}`]);
  });

  test("says who we are, instead of what it was given", async () => {
    served.replies.serverHeader = "us/1";
    const reply = await ask(ok("", ["Server", "them"]));
    expect(reply?.lines.filter((line) => /^server:/i.test(line))).toEqual(["server: us/1"]);
    served.replies.serverHeader = "";
    const theirs = await ask(ok("", ["Server", "them"]));
    expect(theirs?.lines.filter((line) => /^server:/i.test(line))).toEqual(["Server: them"]);
  });

  test("has what belongs to the connection from us alone", async () => {
    const reply = await ask(
      ok("", ["Connection", "close", "Keep-Alive", "timeout=5", "Transfer-Encoding", "gzip"]),
    );
    expect(Object.keys(reply?.headers ?? {}).sort()).toEqual(["content-length", "date"]);
  });

  test("has values beyond ASCII byte by byte, before a body in UTF-8", async () => {
    const reply = await ask(ok("é", ["x-a", "\xe9"]));
    expect([reply?.headers["x-a"], reply?.body]).toEqual(["\xe9", "\xc3\xa9"]);
  });

  test.each([
    [200, "HTTP/1.1 200 OK"],
    [299, "HTTP/1.1 299 "],
    [418, "HTTP/1.1 418 I'm a teapot"],
    [599, "HTTP/1.1 599 "],
  ])("has the status %d", async (status, expected) => {
    expect((await ask({ ...ok(), status }))?.statusLine).toBe(expected);
  });

  test.each([0, 100, 101, 199, 600, 999, -1, 200.5, Number.NaN])(
    "has 502 for the status %d",
    async (status) => {
      const reply = await ask({ ...ok("lost", ["x-a", "1"]), status });
      expect([reply?.status, reply?.body, reply?.headers["x-a"]]).toEqual([502, "", undefined]);
    },
  );
});

describe("HTTP/1.0", () => {
  const old = (...lines: readonly string[]) => head("GET / HTTP/1.0", ...lines);

  test("gets a stream without a length until the connection ends, even if it would keep it", async () => {
    served.answer = () => ok(streamOf("one", "two"));
    const client = await served.send(old("Connection: keep-alive"));
    const [reply] = await client.ended();
    expect(reply).toMatchObject({ framing: "close", body: "onetwo" });
    expect(reply?.headers["connection"]).toBe("close");
  });

  test("gets a stream of told length, and keeps the connection where it asks so", async () => {
    served.answer = () => ok(streamOf("abc"), ["content-length", "3"]);
    const client = await served.send(old("Connection: keep-alive") + old());
    const replies = await client.ended();
    expect(replies.map(({ body, headers }) => [body, headers["connection"]])).toEqual([
      ["abc", "keep-alive"],
      ["abc", "close"],
    ]);
  });
});

describe("a stream that comes to no good end", () => {
  const cut = async (body: ReadableStream<Uint8Array>, ...headers: readonly string[]) => {
    served.answer = () => ok(body, headers);
    const client = await served.send(get("/") + get("/behind"));
    await client.until(() => client.isClosed);
    return client.replies();
  };
  const failing = (): ReadableStream<Uint8Array> => {
    let pulled = 0;
    return new ReadableStream({
      pull(controller) {
        pulled += 1;
        if (pulled === 1) controller.enqueue(Buffer.from("half"));
        else controller.error(new Error("the source failed"));
      },
    });
  };

  test("never looks complete: chunks", async () => {
    for (const { isWhole } of await cut(failing())) expect(isWhole).toBe(false);
  });

  test("never looks complete: a length", async () => {
    for (const { isWhole } of await cut(failing(), "content-length", "9"))
      expect(isWhole).toBe(false);
  });

  test("is shorter than its length: never looks complete", async () => {
    for (const { isWhole } of await cut(streamOf("abc"), "content-length", "4"))
      expect(isWhole).toBe(false);
  });

  test("is longer than its length: no byte beyond it is sent, and the connection ends", async () => {
    const replies = await cut(streamOf("abc", "defg"), "content-length", "4");
    expect(replies.length).toBeLessThan(2);
    for (const { body } of replies) expect(body.length).toBeLessThanOrEqual(4);
  });

  test("is told that nobody takes it when its client leaves", async () => {
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(Buffer.from("first")),
      cancel: () => {
        cancelled = true;
      },
    });
    served.answer = () => ok(body);
    const client = await served.send(get("/"));
    await client.until(() => client.received.includes("first"));
    client.reset();
    await untilSettled(() => cancelled);
    expect(served.server.openCount).toBe(0);
  });
});

describe("a reader that is slow", () => {
  const take = async (answer: () => GatewayReply, length: number) => {
    served.answer = answer;
    const client = await served.connect(false);
    client.pause();
    client.write(get("/", "Connection: close"));
    await untilSettled(() => served.requests.length > 0);
    await turns(20);
    client.resume();
    await client.until(() => client.hasEnded);
    expect(client.receivedBytes).toBeGreaterThan(length);
    expect(client.receivedBytes).toBeLessThan(length * 1.01 + 1_000);
  };

  test.each([
    ["1 MB of text", () => ok("x".repeat(MEGABYTE)), MEGABYTE],
    ["1 MB of bytes", () => ok(Buffer.alloc(MEGABYTE)), MEGABYTE],
    ["50 MB of text", () => ok("x".repeat(50 * MEGABYTE)), 50 * MEGABYTE],
    ["50 MB of bytes", () => ok(Buffer.alloc(50 * MEGABYTE)), 50 * MEGABYTE],
  ])("gets %s", (_name, answer, length) => take(answer, length));

  test("holds a stream of 50 MB back, then gets it whole", async () => {
    const piece = Buffer.alloc(MEGABYTE / 4, "x");
    let left = 50 * MEGABYTE;
    served.answer = () =>
      ok(
        new ReadableStream<Uint8Array>({
          pull(controller) {
            left -= piece.length;
            controller.enqueue(piece);
            if (left === 0) controller.close();
          },
        }),
      );
    const client = await served.connect(false);
    client.pause();
    client.write(get("/", "Connection: close"));
    await untilSettled(() => left < 50 * MEGABYTE);
    await standsStill(() => left);
    expect(50 * MEGABYTE - left).toBeLessThan(IN_FLIGHT);
    client.resume();
    await client.until(() => client.hasEnded);
    expect(left).toBe(0);
    expect(client.receivedBytes).toBeGreaterThan(50 * MEGABYTE);
  });
});

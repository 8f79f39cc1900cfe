import { afterEach, describe, expect, test } from "bun:test";
import { outcomeOf, plainReply, until } from "../../conformance/call-fixture.ts";
import type { UpstreamCall } from "../transport.ts";
import { cleanUp } from "./peer-fixture.ts";
import { type Answer, echo, ok, serverFixture } from "./server-fixture.ts";

afterEach(cleanUp);

describe("requests", () => {
  const seen = async (more: Partial<UpstreamCall>) => {
    const { transport, call } = await serverFixture(echo);
    const { body } = await plainReply(await transport.send({ ...call, ...more }));
    return JSON.parse(Buffer.from(body ?? "", "latin1").toString()) as {
      headers: Record<string, string>;
      body: string;
    };
  };

  test("the Host is the authority, names are in lower case, trailers are asked for", async () => {
    const headers = ["Host", "a.test:8080", "X-One", "1", "X-TWO", " 2\t"];
    const { headers: sent } = await seen({ method: "PATCH", target: "/a/../b?c=%20", headers });
    expect(sent).toEqual({
      ":method": "PATCH",
      ":scheme": "http",
      ":authority": "a.test:8080",
      ":path": "/a/../b?c=%20",
      "x-one": "1",
      "x-two": "2",
      te: "trailers",
      "content-length": "0",
    });
  });

  test("headers of HTTP/1.1 connections are left out", async () => {
    const ofConnection = ["Connection", "a", "Keep-Alive", "1", "Upgrade", "x", "TE", "gzip"];
    const { headers: sent } = await seen({ headers: ["Host", "a.test", ...ofConnection] });
    expect(Object.keys(sent)).toEqual([":method", ":scheme", ":authority", ":path", "te"]);
  });

  test("a value may be latin1, a name that of a JavaScript object", async () => {
    const { headers: sent } = await seen({ headers: ["Host", "a.test", "constructor", "caf\xe9"] });
    expect(sent["constructor"]).toBe("caf\xe9");
  });

  test("a head of many frames arrives", async () => {
    const many = Array.from({ length: 80 }, (_, i) => [`x-${i}`, "v".repeat(500)]).flat();
    const { headers: sent } = await seen({ headers: ["Host", "a.test", ...many] });
    expect(sent["x-79"]).toBe("v".repeat(500));
  });

  const bodies: [string, () => UpstreamCall["body"], string, string | undefined][] = [
    ["text", () => "hello", "hello", "5"],
    ["text beyond ASCII, as UTF-8", () => "h\u00e9", "h\xc3\xa9", "3"],
    ["bytes", () => new Uint8Array([0, 255, 13, 10]), "\0\xff\r\n", "4"],
    ["empty text", () => "", "", "0"],
    ["nothing", () => null, "", "0"],
    ["a stream", () => new Blob(["he", "llo"]).stream(), "hello", undefined],
    ["an empty stream", () => new Blob([]).stream(), "", undefined],
    ["a megabyte", () => Buffer.alloc(1_000_000, "x"), "x".repeat(1_000_000), "1000000"],
  ];
  test.each(bodies)("a body arrives: %s", async (_, body, text, length) => {
    const sent = await seen({ method: "POST", body: body(), idempotent: false });
    expect(sent.body).toBe(text);
    expect(sent.headers["content-length"]).toBe(length as string);
  });

  const unwritable: [string, Partial<UpstreamCall>][] = [
    ["CR LF in a header value", { headers: ["Host", "a", "X-A", "1\r\nX-B: 2"] }],
    ["a colon in a header name", { headers: ["Host", "a", ":path", "/b"] }],
    ["no host", { headers: ["X-A", "1"] }],
    ["a length of its own", { headers: ["Host", "a", "content-length", "5"] }],
    ["CONNECT", { method: "CONNECT" }],
    ["a space in the target", { target: "/a b" }],
  ];
  test.each(unwritable)("refuses a call with %s, before anything is sent", async (_, more) => {
    const { transport, call, connections } = await serverFixture();
    await expect(transport.send({ ...call, ...more })).rejects.toMatchObject({
      code: "UPSTREAM_BAD_CALL",
      details: { sent: false },
    });
    expect(connections()).toBe(0);
  });
});

describe("replies", () => {
  const answerOf = async (answer: Answer, more: Partial<UpstreamCall> = {}) => {
    const { transport, call } = await serverFixture(answer);
    return transport.send({ ...call, ...more });
  };

  test.each([true, false])("head, body and trailers arrive, buffered: %s", async (buffered) => {
    const reply = await answerOf(
      (stream) => {
        const head = { ":status": 200, "content-type": "application/grpc" };
        stream.respond(head, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
        stream.end("hello");
      },
      { buffered },
    );
    expect(await plainReply(reply)).toMatchObject({
      status: 200,
      headers: { "content-type": "application/grpc" },
      body: "hello",
    });
    expect(reply.trailers?.()).toEqual(["grpc-status", "0"]);
  });

  test("trailers are empty until the body was read", async () => {
    const reply = await answerOf(
      (stream) => {
        stream.respond({ ":status": 200 }, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
        stream.write("first");
        setTimeout(() => stream.end("last"), 20);
      },
      { buffered: false },
    );
    expect(reply.body).toBeInstanceOf(ReadableStream);
    expect(reply.trailers?.()).toEqual([]);
    expect((await plainReply(reply)).body).toBe("firstlast");
    expect(reply.trailers?.()).toEqual(["grpc-status", "0"]);
  });

  const bodiless: [string, number, string][] = [
    ["HEAD", 200, "HEAD"],
    ["204", 204, "GET"],
    ["304", 304, "GET"],
  ];
  test.each(bodiless)("%s has no body", async (_, status, method) => {
    const reply = await answerOf(
      (stream) => stream.respond({ ":status": status }, { endStream: true }),
      { method },
    );
    expect(reply).toMatchObject({ status, body: null });
  });

  test("an empty body is one; repeated headers stay apart; 103 is skipped", async () => {
    const reply = await answerOf((stream) => {
      stream.additionalHeaders({ ":status": 103, link: "</a>" });
      const head = { ":status": 200, "set-cookie": ["a=1", "b=2"], "x-a": ["1", "2"] };
      stream.respond(head, { endStream: true });
    });
    expect(reply.body).toEqual(new Uint8Array(0));
    const own = reply.headers.slice(0, 8);
    expect(own).toEqual(["set-cookie", "a=1", "set-cookie", "b=2", "x-a", "1", "x-a", "2"]);
  });

  test("a body may be as large as the limit, not larger", async () => {
    const { transport, call } = await serverFixture();
    for (const buffered of [true, false]) {
      const limited = (maxBodyBytes: number) =>
        outcomeOf(transport, { ...call, buffered, maxBodyBytes });
      expect(await limited(2)).toBe("200");
      expect(await limited(1)).toBe("UPSTREAM_TOO_LARGE");
    }
  });
});

describe("bodies of 50 MB", () => {
  const TOTAL = 50_000_000;
  /** What may be on its way when nobody reads: windows, buffers on both sides, and a piece. */
  const IN_FLIGHT = 8_000_000;
  const PIECE = Buffer.alloc(250_000, "a");

  test("a slow reader holds the upstream back", async () => {
    let given = 0;
    const { transport, call } = await serverFixture((stream) => {
      stream.respond({ ":status": 200 });
      const more = (): void => {
        while (given < TOTAL) {
          given += PIECE.length;
          if (!stream.write(PIECE)) return;
        }
        stream.end();
      };
      stream.on("drain", more);
      more();
    });
    const timeouts = { connectMs: 5_000, sendMs: 5_000, readMs: 60 };
    const { body } = await transport.send({ ...call, buffered: false, timeouts });
    if (!(body instanceof ReadableStream)) throw new Error("the body is not a stream");
    const reader = body.getReader();
    let read = (await reader.read()).value?.byteLength ?? 0;
    await settled(() => given);
    expect(given).toBeLessThan(IN_FLIGHT);
    for (let next = await reader.read(); !next.done; next = await reader.read())
      read += next.value.byteLength;
    expect(read).toBe(TOTAL);
  });

  test("a slow upstream holds the request's stream back", async () => {
    let arrived = 0;
    let begin = (): void => {};
    const { transport, call } = await serverFixture((stream) => {
      begin = () => {
        stream.on("data", (piece: Buffer) => {
          arrived += piece.length;
        });
        stream.on("end", () => ok(stream, {}));
      };
    });
    let given = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        given += PIECE.length;
        controller.enqueue(PIECE);
        if (given >= TOTAL) controller.close();
      },
    });
    const made = { ...call, method: "POST", body, idempotent: false };
    const outcome = outcomeOf(transport, made);
    await until(() => given > 0, "the request has begun");
    await settled(() => given);
    expect(given).toBeLessThan(IN_FLIGHT);
    begin();
    expect(await outcome).toBe("200");
    expect(arrived).toBe(TOTAL);
  });
});

/** Resolves when a figure has stood still for a while. */
async function settled(figure: () => number): Promise<void> {
  let last = -1;
  let still = 0;
  while (still < 10) {
    await Bun.sleep(10);
    still = figure() === last ? still + 1 : 0;
    last = figure();
  }
}

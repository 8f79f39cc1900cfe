import { afterEach, describe, expect, test } from "bun:test";
import { connect } from "node:http2";
import { isGatewayError } from "@catena/errors";
import { connectH2Peer } from "@catena/testkit";
import { echo, ok, standsStill, untilSettled } from "../conformance/served.ts";
import type { ServerRequest } from "../server-request.ts";
import { cleanUp, cleanups, client, GET, ofType, peerOf, start } from "./h2-fixture.ts";

afterEach(cleanUp);

describe("what is answered", () => {
  test("method, target, headers and body arrive as over HTTP/1.1", async () => {
    const { server, requests } = start(echo);
    const { ask } = client(server.port);
    const fields = { ":method": "POST", ":path": "/a?b=%20", cookie: ["a=1", "b=2"], "x-a": "1" };
    const { headers, body } = await ask(fields, "hello");
    expect(body.toString()).toBe("/a?b=%20 hello");
    expect(headers).toMatchObject({ ":status": 200, "content-length": "14" });
    const [request] = requests;
    expect(request?.head).toMatchObject({ method: "POST", host: "a.test", framing: -1 });
    expect(request?.headers()).toEqual(["host", "a.test", "cookie", "a=1; b=2", "x-a", "1"]);
    expect(request?.connection.remoteAddress).toBe("127.0.0.1");
  });

  test("a body of bytes, of a stream, and none; with trailers behind them", async () => {
    const trailers = (): readonly string[] => ["grpc-status", "0"];
    const bodies = ["text", new Blob(["stream"]).stream(), null];
    const { server } = start(() => ({ ...ok(bodies.shift() ?? null), trailers }));
    const { ask } = client(server.port);
    for (const expected of ["text", "stream", ""]) {
      const answered = await ask();
      expect(answered.body.toString()).toBe(expected);
      expect(answered.trailers["grpc-status"]).toBe("0");
    }
  });

  const lengths: [string, number, string | null, string[], string | undefined][] = [
    ["HEAD", 200, "hello", [], "5"],
    ["HEAD", 200, null, ["content-length", "7"], "7"],
    ["HEAD", 200, null, [], "0"],
    ["GET", 204, null, [], undefined],
    ["GET", 304, null, ["content-length", "7"], "7"],
    ["GET", 200, null, [], "0"],
  ];
  test.each(lengths)("%s, status %d, body %j, headers %j: length %p", async (...row) => {
    const [method, status, body, headers, length] = row;
    const { server } = start(() => ({ ...ok(body, headers), status }));
    const answered = await client(server.port).ask({ ":method": method });
    expect(answered.status).toBe(status);
    expect(answered.headers["content-length"]).toBe(length as string);
    expect(answered.body.length).toBe(method === "GET" && body !== null ? body.length : 0);
  });

  test("headers are in lower case, those of connections are left out, cookies stay apart", async () => {
    const headers = ["X-A", "1", "Keep-Alive", "5", "Set-Cookie", "a", "Set-Cookie", "b"];
    const { server } = start(() => ok("", headers));
    const answered = await client(server.port).ask();
    expect(answered.headers).toMatchObject({ "x-a": "1", "set-cookie": ["a", "b"] });
    expect(answered.headers["keep-alive"]).toBeUndefined();
    expect(answered.headers.date).toBeString();
  });

  test("a hundred requests at a time share a connection", async () => {
    const waiting = Promise.withResolvers<void>();
    const { server, requests } = start(async () => {
      if (requests.length === 100) waiting.resolve();
      await waiting.promise;
      return ok("together");
    });
    const { ask } = client(server.port);
    const answers = await Promise.all(Array.from({ length: 100 }, () => ask()));
    expect(new Set(answers.map(({ body }) => body.toString()))).toEqual(new Set(["together"]));
    expect(server.openCount).toBe(1);
  });

  test("a client that waits for a sign is given one", async () => {
    const { server } = start(echo);
    const session = connect(`http://127.0.0.1:${server.port}`);
    cleanups.push(() => session.destroy());
    const stream = session.request({ ":method": "POST", ":path": "/", expect: "100-continue" });
    const pieces: Buffer[] = [];
    stream.on("data", (piece: Buffer) => pieces.push(piece));
    stream.on("continue", () => stream.end("now"));
    await new Promise<void>((resolve) => stream.on("end", resolve));
    expect(Buffer.concat(pieces).toString()).toBe("/ now");
  });
});

describe("bodies of 20 MB", () => {
  const TOTAL = 20_000_000;
  const PIECE = Buffer.alloc(250_000, "a");
  const IN_FLIGHT = 8_000_000;

  test("pass in both directions", async () => {
    const { server } = start((request) => ok(request.body));
    const { body } = await client(server.port).ask({ ":method": "PUT" }, Buffer.alloc(TOTAL, "x"));
    expect(body.length).toBe(TOTAL);
  });

  test("a slow client holds the reply back", async () => {
    let given = 0;
    const { server } = start(() =>
      ok(
        new ReadableStream<Uint8Array>({
          pull(controller) {
            given += PIECE.length;
            controller.enqueue(PIECE);
            if (given >= TOTAL) controller.close();
          },
        }),
      ),
    );
    const { session } = client(server.port);
    const stream = session.request({ ":path": "/" });
    stream.pause();
    await standsStill(() => given);
    expect(given).toBeLessThan(IN_FLIGHT);
    let read = 0;
    stream.on("data", (piece: Buffer) => {
      read += piece.length;
    });
    stream.resume();
    await new Promise<void>((resolve) => stream.on("end", resolve));
    expect(read).toBe(TOTAL);
  });

  test("a request that nobody reads is held back", async () => {
    let request: ServerRequest | null = null;
    const answered = Promise.withResolvers<ReturnType<typeof ok>>();
    const { server } = start((got) => {
      request = got;
      return answered.promise;
    });
    const peer = await connectH2Peer(server.port);
    cleanups.push(() => peer.terminate());
    const head = [":method", "POST", ":scheme", "http", ":path", "/", ":authority", "a.test"];
    peer.head(1, head, false);
    for (let i = 0; i < 8; i++) peer.data(1, "x".repeat(16_384), false);
    await untilSettled(() => request !== null);
    await standsStill(() => peer.frames.length);
    const credited = (): boolean =>
      peer.frames.some(({ type, stream }) => type === 8 && stream === 1);
    expect(peer.frames.filter(({ type }) => type === 3)).toEqual([]);
    const before = credited();
    const text = (request as ServerRequest | null)?.readText(TOTAL);
    await untilSettled(credited);
    peer.data(1, "end");
    expect((await text)?.length).toBe(8 * 16_384 + 3);
    expect(before).toBe(false);
    answered.resolve(ok());
  });
});

describe("the end", () => {
  test("a client that leaves, or resets, ends its request", async () => {
    let gone = 0;
    const { server, requests } = start(async (request) => {
      request.watch(() => {
        gone += 1;
      });
      return await new Promise<never>(() => {});
    });
    const peer = await peerOf(server);
    peer.head(1, GET);
    peer.head(3, GET);
    await untilSettled(() => requests.length === 2);
    peer.reset(1, 8);
    await untilSettled(() => gone === 1);
    peer.terminate();
    await untilSettled(() => gone === 2);
  });

  test("a reply that breaks off resets its stream", async () => {
    const { server } = start(() =>
      ok(
        new ReadableStream<Uint8Array>({
          start: (controller) => controller.enqueue(Buffer.from("part")),
          pull: (controller) => controller.error(new Error("the upstream is gone")),
        }),
      ),
    );
    await expect(client(server.port).ask()).rejects.toThrow("reset 2");
  });

  test("a reply before the request is complete ends it without an error", async () => {
    const { server } = start(() => ok("enough"));
    const peer = await peerOf(server);
    peer.head(1, GET, false);
    await untilSettled(() => ofType(peer, 3).length === 1);
    expect(ofType(peer, 0).map(({ payload, flags }) => [payload.toString(), flags])).toEqual([
      ["enough", 1],
    ]);
    expect(ofType(peer, 3)[0]?.payload.readUInt32BE()).toBe(0);
  });

  test("stopping lets requests end, says so, and takes no more", async () => {
    const answer = Promise.withResolvers<ReturnType<typeof ok>>();
    const { server, requests } = start(() => answer.promise);
    const peer = await peerOf(server);
    peer.head(1, GET);
    await untilSettled(() => requests.length === 1);
    const stopping = server.stop(false);
    await untilSettled(() => ofType(peer, 7).length === 1);
    expect(ofType(peer, 7)[0]?.payload.readUInt32BE()).toBe(1);
    peer.head(3, GET);
    answer.resolve(ok("last"));
    await untilSettled(() => peer.hasEnded);
    peer.end();
    await stopping;
    expect(ofType(peer, 0).map(({ payload }) => payload.toString())).toEqual(["last"]);
    expect(requests.length).toBe(1);
  });

  test("the preface may come in pieces, and not behind a request", async () => {
    const { connect: open } = start(() => ok("one"));
    const split = await open();
    for (const piece of ["PRI", " * HTTP/2.0\r\n", "\r\nSM\r\n\r", "\n\0\0\0\x04\0\0\0\0\0"]) {
      split.write(piece);
      await Bun.sleep(2);
    }
    await untilSettled(() => split.received.length >= 9);
    expect(split.received.slice(3, 4)).toBe("\x04");
    const late = await open();
    late.write("GET / HTTP/1.1\r\nHost: a.test\r\n\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    await untilSettled(() => late.hasEnded);
    expect(late.received).toContain("HTTP/1.1 505 ");
  });

  test("errors of requests are those of HTTP/1.1", async () => {
    const { server, errors } = start(async (request) => {
      const error = await request.readBytes(3).then(
        () => null,
        (caught: unknown) => caught,
      );
      if (isGatewayError(error)) throw error;
      return ok();
    });
    const answered = await client(server.port).ask({ ":method": "POST" }, "four");
    expect(answered.status).toBe(413);
    expect(errors).toEqual(["REQUEST_TOO_LARGE"]);
  });
});

import { afterAll, beforeAll, expect } from "bun:test";
import { type RawServer, startRawServer } from "@catena/testkit";
import type { UpstreamCall } from "../transport/transport.ts";
import type { ConformanceContext } from "../transport.conformance.ts";
import { callOf, codeOf, originOf, outcomeOf } from "./call-fixture.ts";

/** What the upstream sees of a call, and calls that must not reach it. */
export function describeRequests(context: ConformanceContext): void {
  let server: RawServer;

  beforeAll(() => {
    server = startRawServer({
      onRequest: (_, peer) => peer.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    });
  });
  afterAll(() => server.stop());

  const seen = async (more: Partial<UpstreamCall>) => {
    await context.transport().send(callOf(originOf(server.port), more));
    const request = server.requests.at(-1);
    if (request === undefined) throw new Error("no request arrived");
    const { method, target } = request;
    const lines = request.headerLines.map((line) => line.toLowerCase());
    return { method, target, lines, body: request.body.toString("latin1") };
  };

  context.check("method, target and headers arrive", async () => {
    const request = await seen({
      method: "DELETE",
      target: "/a%20b//c;d?e=f&g=%00",
      headers: ["Host", "shop.test:8080", "X-A", "1", "Accept", "a/b"],
    });
    expect(request).toMatchObject({ method: "DELETE", target: "/a%20b//c;d?e=f&g=%00", body: "" });
    expect(request.lines).toContain("host: shop.test:8080");
    expect(request.lines).toContain("x-a: 1");
    expect(request.lines).toContain("accept: a/b");
  });

  context.check("a target's dots are not resolved", async () => {
    const request = await seen({ target: "/a/../b/./c" });
    expect(request.target).toBe("/a/../b/./c");
  });

  context.check("a method outside the usual ones arrives", async () => {
    expect((await seen({ method: "QUERY" })).method).toBe("QUERY");
  });

  context.check("a latin1 header value arrives as its bytes", async () => {
    const request = await seen({ headers: ["Host", "a.test", "X-A", "caf\xe9"] });
    expect(request.lines).toContain("x-a: caf\xe9");
  });

  const bodies: [string, () => UpstreamCall["body"], string, string][] = [
    ["text", () => "hello", "hello", "content-length: 5"],
    ["text beyond ASCII, as UTF-8", () => "h\u00e9", "h\xc3\xa9", "content-length: 3"],
    ["bytes", () => new Uint8Array([0, 255, 13, 10]), "\0\xff\r\n", "content-length: 4"],
    ["empty text", () => "", "", "content-length: 0"],
    ["nothing, for POST", () => null, "", "content-length: 0"],
    [
      "a stream, in chunks",
      () => streamOf(["he", "", "llo"]),
      "hello",
      "transfer-encoding: chunked",
    ],
    ["an empty stream", () => streamOf([]), "", "transfer-encoding: chunked"],
  ];
  for (const [what, body, text, framing] of bodies) {
    context.check(`a body arrives: ${what}`, async () => {
      const request = await seen({ method: "POST", body: body(), idempotent: false });
      expect(request.body).toBe(text);
      const framings = request.lines.filter((line) => /^(content-length|transfer-enc)/.test(line));
      expect(framings).toEqual([framing]);
    });
  }

  context.check("GET may have a body", async () => {
    const request = await seen({ body: "{}" });
    expect(request).toMatchObject({ method: "GET", body: "{}" });
  });

  context.check("GET without a body tells no length", async () => {
    const request = await seen({});
    expect(request.lines.filter((line) => line.startsWith("content-length"))).toEqual([]);
  });

  context.check("no header but framing is added to the call's own", async () => {
    const request = await seen({ headers: ["Host", "a.test"] });
    expect(request.lines).toEqual(["host: a.test"]);
  });

  context.check("a body of some megabytes arrives whole", async () => {
    const body = Buffer.alloc(5 * 1024 * 1024, "0123456789");
    const request = await seen({ method: "PUT", body });
    expect(request.body.length).toBe(body.length);
    expect(Bun.hash(Buffer.from(request.body, "latin1"))).toBe(Bun.hash(body));
  });

  const unwritable: [string, Partial<UpstreamCall>][] = [
    ["CR LF in a header value", { headers: ["Host", "a", "X-A", "1\r\nX-B: 2"] }],
    ["LF in a header value", { headers: ["Host", "a", "X-A", "1\n2"] }],
    ["NUL in a header value", { headers: ["Host", "a", "X-A", "1\0"] }],
    ["a character beyond latin1 in a header value", { headers: ["Host", "a", "X-A", "\u2713"] }],
    ["a space in a header name", { headers: ["Host", "a", "X A", "1"] }],
    ["a colon in a header name", { headers: ["Host", "a", "X:", "1"] }],
    ["an empty header name", { headers: ["Host", "a", "", "1"] }],
    ["a name without a value", { headers: ["Host", "a", "X-A"] }],
    ["no host", { headers: ["X-A", "1"] }],
    ["two hosts", { headers: ["Host", "a", "host", "b"] }],
    ["a length of its own", { headers: ["Host", "a", "content-length", "5"] }],
    ["a transfer-encoding of its own", { headers: ["Host", "a", "Transfer-Encoding", "chunked"] }],
    ["a request in the method", { method: "GET / HTTP/1.1\r\nX: y" }],
    ["an empty method", { method: "" }],
    ["CONNECT", { method: "CONNECT" }],
    ["a space in the target", { target: "/a b" }],
    ["CR LF in the target", { target: "/a\r\nX: y" }],
    ["a fragment", { target: "/a#b" }],
    ["raw UTF-8 in the target", { target: "/\u00e9" }],
    ["a target that is a URL", { target: "http://evil.test/" }],
  ];
  for (const [what, more] of unwritable) {
    context.check(`refuses a call with ${what}, before anything is sent`, async () => {
      const before = [server.connectionCount, server.requests.length];
      const failure = context.transport().send(callOf(originOf(server.port), more));
      await expect(failure).rejects.toMatchObject({
        code: "UPSTREAM_BAD_CALL",
        details: { sent: false },
      });
      expect([server.connectionCount, server.requests.length]).toEqual(before);
    });
  }

  context.check("an error never repeats a header value", async () => {
    const headers = ["Host", "a", "Authorization", "Bearer hunter2\n"];
    const error = await context
      .transport()
      .send(callOf(originOf(server.port), { headers }))
      .then(
        () => null,
        (caught: unknown) => caught,
      );
    expect(codeOf(error)).toBe("UPSTREAM_BAD_CALL");
    expect(Bun.inspect(error)).not.toContain("hunter2");
  });

  context.check("a port where nobody listens refuses; nothing was sent", async () => {
    const closed = startRawServer({});
    const origin = originOf(closed.port);
    closed.stop();
    await expect(context.transport().send(callOf(origin))).rejects.toMatchObject({
      code: "UPSTREAM_REFUSED",
      details: { sent: false },
    });
  });

  context.check("a name without an address is unresolved", async () => {
    const origin = originOf(80, { key: "nowhere", address: "nowhere.invalid" });
    expect(await outcomeOf(context.transport(), callOf(origin))).toBe("UPSTREAM_UNRESOLVED");
  });
}

function streamOf(pieces: readonly string[]): ReadableStream<Uint8Array> {
  const left = [...pieces];
  return new ReadableStream({
    pull(controller) {
      const piece = left.shift();
      if (piece === undefined) controller.close();
      else controller.enqueue(Buffer.from(piece));
    },
  });
}

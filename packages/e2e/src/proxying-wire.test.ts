import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { type RawPeer, type RawRequest, type RawServer, startRawServer } from "@catena/testkit";
import { type GatewayBed, servers, startGatewayBed, until } from "./bed/gateway-bed.ts";
import { askRaw, openRawClient } from "./bed/raw-client.ts";
import { type StoreBed, startSqlite } from "./bed/stores.ts";

// What a client library normalises away is shown on bare connections, on both sides of the gateway.

describe.each(servers)("with the server %s", (server) => {
  const isWire = server === "wire";
  let storeBed: StoreBed;
  let bed: GatewayBed;
  let upstream: RawServer;
  const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  /** What the upstream answers a whole request with. */
  let answer: (request: RawRequest, peer: RawPeer) => void;
  const answerWith = (reply: string, isEnd = false) => {
    answer = (_request, peer) => {
      peer.write(reply);
      if (isEnd) peer.end();
    };
  };

  beforeAll(async () => {
    storeBed = await startSqlite();
    bed = await startGatewayBed({ storeUrl: storeBed.url, settings: { server } });
    upstream = startRawServer({ onRequest: (request, peer) => answer(request, peer) });
    await serve();
  });

  beforeEach(() => answerWith(ok));

  afterAll(async () => {
    await bed.stop();
    await storeBed.stop();
    upstream.stop();
  });

  const serve = (plugins: Readonly<Record<string, unknown>> = {}) =>
    bed.put({
      "routes/proxy": {
        uri: "/*",
        plugins,
        upstream: { type: "roundrobin", nodes: { [`127.0.0.1:${upstream.port}`]: 1 } },
      },
    });

  const request = (line: string, ...headers: readonly string[]): string =>
    `${[line, "Host: a.test", ...headers].join("\r\n")}\r\n\r\n`;

  /** Lines of a head. */
  const lines = (head: string): readonly string[] =>
    head.slice(0, head.indexOf("\r\n\r\n")).split("\r\n");

  /** Names may be as the upstream wrote them. */
  const lowerLines = (head: string): readonly string[] =>
    lines(head).map((line) => line.toLowerCase());

  /** The last request the upstream saw. */
  const seen = (): RawRequest => {
    const last = upstream.requests.at(-1);
    if (last === undefined) throw new Error("the upstream saw nothing");
    return last;
  };

  const named = (request: RawRequest, name: string): readonly string[] =>
    request.headerLines.filter((line) => line.toLowerCase().startsWith(`${name}:`));

  describe("what the upstream gets", () => {
    test("is who we are in no header: no Via, and the connection is ours", async () => {
      await askRaw(
        bed.url,
        request(
          "GET / HTTP/1.1",
          "Connection: X-Hop, close",
          "X-Hop: 1",
          "Keep-Alive: 5",
          "X-End: 1",
        ),
      );
      expect(seen().headerLines.map((line) => line.split(":")[0])).toEqual([
        "Host",
        "X-Real-IP",
        "X-Forwarded-For",
        "X-Forwarded-Proto",
        "X-Forwarded-Host",
        "X-Forwarded-Port",
        "x-end",
      ]);
    });

    test("has no header that ends here or is ours, however its name is written", async () => {
      const lines = ["TE: trailers", "KEEP-ALIVE: 5", "PROXY-connection: x", "TRAILER: a"];
      const ours = ["FORWARDED: a", "X-FORWARDED-HOST: evil", "x-Forwarded-PROTO: https"];
      await askRaw(
        bed.url,
        `${request("POST / HTTP/1.1", ...lines, ...ours, "CONTENT-length: 2", "UPGRADE: x", "Connection: X-OWN, content-length", "x-Own: 1")}hi`,
        "\r\n\r\nok",
      );
      expect(seen().headerLines.map((line) => line.split(":")[0])).toEqual([
        "Host",
        "X-Real-IP",
        "X-Forwarded-For",
        "X-Forwarded-Proto",
        "X-Forwarded-Host",
        "X-Forwarded-Port",
        "Content-Length",
      ]);
      expect(named(seen(), "x-forwarded-proto")).toEqual(["X-Forwarded-Proto: http"]);
      expect(seen().body.toString()).toBe("hi");
    });

    test("has a header that came several times in one line, cookies too", async () => {
      await askRaw(
        bed.url,
        request(
          "GET / HTTP/1.1",
          "X-A: 1",
          "x-a: 2",
          "Cookie: a=1",
          "Cookie: b=2",
          "Under_Score: 1",
        ),
        "\r\n\r\nok",
      );
      // The client's order, or the runtime's; both in lower case.
      expect(
        seen()
          .headerLines.slice(6)
          .map((line) => line.split(":")[0]),
      ).toEqual(isWire ? ["x-a", "cookie", "under_score"] : ["cookie", "under_score", "x-a"]);
      expect(named(seen(), "x-a")).toEqual(["x-a: 1, 2"]);
      expect(named(seen(), "cookie")).toEqual(["cookie: a=1; b=2"]);
      expect(named(seen(), "under_score")).toEqual(["under_score: 1"]);
    });

    test.each([
      ["an empty body", "POST / HTTP/1.1", "Content-Length: 0", "Content-Length: 0"],
      ["no body of a POST", "POST / HTTP/1.1", "X-A: 1", "Content-Length: 0"],
      ["no body of a GET", "GET / HTTP/1.1", "X-A: 1", undefined],
    ])("announces %s", async (_name, line, header, expected) => {
      await askRaw(bed.url, request(line, header), "\r\n\r\nok");
      expect(named(seen(), "content-length")[0]).toBe(expected);
      expect(named(seen(), "transfer-encoding")).toEqual([]);
    });

    test("is asked for as the client says, with every method that a server knows", async () => {
      for (const method of [
        ...["PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "REPORT", "SEARCH"],
        ...[
          "PURGE",
          "QUERY",
          "LINK",
          "UNLINK",
          "MERGE",
          "NOTIFY",
          "SUBSCRIBE",
          "OPTIONS",
          "DELETE",
        ],
      ]) {
        const head = request(`${method} /dav/x HTTP/1.1`, "Content-Length: 2");
        await askRaw(bed.url, `${head}hi`, "\r\n\r\nok");
        const { method: asked, target, body } = seen();
        expect([asked, target, body.toString()]).toEqual([method, "/dav/x", "hi"]);
      }
    });

    test.each(["TRACE", "CONNECT"])("is nothing of a %s", async (method) => {
      const before = upstream.requests.length;
      const target = method === "CONNECT" ? "a.test:80" : "/";
      const reply = await askRaw(bed.url, request(`${method} ${target} HTTP/1.1`), "</html>");
      expect(lines(reply)[0]).toStartWith("HTTP/1.1 405 ");
      expect(upstream.requests.length).toBe(before);
    });

    // RFC 9112 §3.2.2 for ours; the runtime resolves the path, and keeps to Host.
    test("is the path of an absolute target, and its host", async () => {
      await askRaw(bed.url, request("GET http://b.test:81/p/../q?x=1 HTTP/1.1"), "\r\n\r\nok");
      expect([seen().target, named(seen(), "host")]).toEqual(
        isWire ? ["/p/../q?x=1", ["Host: b.test:81"]] : ["/q?x=1", ["Host: a.test"]],
      );
    });

    // As nginx forwards it where nothing rewrites it; the runtime resolves and escapes.
    test.each([
      ["/a//b/%2F?x=%20&y=+", "/a//b/%2F?x=%20&y=+"],
      ["/a/./b/../c/%2e%2E/d", "/a/d"],
      ['/a{b}\\c|^`"<>', "/a%7Bb%7D/c|%5E%60%22%3C%3E"],
      ["/a?", "/a?"],
      ["/a?b?c=[]{}|", "/a?b?c=[]{}|"],
      ["/a;b=1,c/d:e@f", "/a;b=1,c/d:e@f"],
    ])("is a path as the client sent it: %s (by the runtime %s)", async (sent, resolved) => {
      await askRaw(bed.url, request(`GET ${sent} HTTP/1.1`), "\r\n\r\nok");
      expect(seen().target).toBe(isWire ? sent : resolved);
    });

    test("is a path whose bytes beyond ASCII are escapes", async () => {
      await askRaw(bed.url, request("GET /caf\xc3\xa9?q=\xc3\xbf HTTP/1.1"), "\r\n\r\nok");
      expect(seen().target).toBe("/caf%C3%A9?q=%C3%BF");
    });

    test("is nothing of a path that climbs above the root, which the runtime stops there", async () => {
      const before = upstream.requests.length;
      const reply = await askRaw(bed.url, request("GET /../a HTTP/1.1", "Connection: close"));
      expect(reply).toStartWith(isWire ? "HTTP/1.1 400 " : "HTTP/1.1 200 ");
      expect(upstream.requests.length - before).toBe(isWire ? 0 : 1);
    });

    test("is asked for HTTP/1.1 when the client speaks HTTP/1.0, which need not name a host", async () => {
      const reply = await askRaw(bed.url, "GET /public/../a/%2e%2e/health?x HTTP/1.0\r\n\r\n");
      expect(reply).toEndWith("\r\n\r\nok");
      const path = isWire ? "/public/../a/%2e%2e/health?x" : "/health?x";
      expect([seen().target, named(seen(), "host")]).toEqual([path, ["Host: localhost"]]);
      for (const target of ["*", "health", "//\\", "/%zz"]) {
        const refused = await askRaw(bed.url, `GET ${target} HTTP/1.0\r\n\r\n`);
        if (!refused.startsWith("HTTP/1.1 200")) expect(refused).toStartWith("HTTP/1.1 400 ");
      }
    });

    test("comes while the client still sends it", async () => {
      const pieces: string[] = [];
      const streaming = startRawServer({
        onHead: () => pieces.push("head"),
        onRequest: (one, peer) => {
          pieces.push(one.body.toString());
          peer.write(ok);
        },
      });
      await bed.put({
        "routes/proxy": {
          uri: "/*",
          upstream: { type: "roundrobin", nodes: { [`127.0.0.1:${streaming.port}`]: 1 } },
        },
      });
      const client = await openRawClient(bed.url);
      client.write(request("POST / HTTP/1.1", "Transfer-Encoding: chunked"));
      for (const [i, text] of ["one", "two"].entries()) {
        client.write(`3\r\n${text}\r\n`);
        await until(() => streaming.requests.at(-1)?.bodyBytes === 3 * (i + 1));
      }
      expect(pieces).toEqual(["head"]);
      client.write("0\r\n\r\n");
      await client.receive("\r\n\r\nok");
      expect(pieces).toEqual(["head", "onetwo"]);
      client.destroy();
      streaming.stop();
      await serve();
    });

    test("is not Expect: the gateway asks for the body itself", async () => {
      const client = await openRawClient(bed.url);
      client.write(request("POST / HTTP/1.1", "Expect: 100-continue", "Content-Length: 2"));
      await client.receive("HTTP/1.1 100 Continue\r\n\r\n");
      client.write("hi");
      await client.receive("\r\n\r\nok");
      expect(named(seen(), "expect")).toEqual([]);
      expect(seen().body.toString()).toBe("hi");
      client.destroy();
    });

    test("is the body of a GET, which the runtime hides, so that it is refused", async () => {
      const before = upstream.requests.length;
      const head = request("GET / HTTP/1.1", "Content-Length: 2");
      const reply = await askRaw(bed.url, `${head}hi`, isWire ? "\r\n\r\nok" : "}\n");
      expect(reply).toStartWith(isWire ? "HTTP/1.1 200 " : "HTTP/1.1 400 ");
      const bodies = upstream.requests.slice(before).map(({ body }) => body.toString());
      expect(bodies).toEqual(isWire ? ["hi"] : []);
    });
  });

  describe("limits of what a client sends", () => {
    test("a URI of up to 8 KiB", async () => {
      const path = (bytes: number) => `/${"u".repeat(bytes - 1)}`;
      const line = (bytes: number) => request(`GET ${path(bytes)} HTTP/1.1`);
      expect(await askRaw(bed.url, line(8192), "\r\n\r\nok")).toStartWith("HTTP/1.1 200 ");
      expect(seen().target).toBe(path(8192));
      expect(await askRaw(bed.url, line(8193), "</html>")).toStartWith("HTTP/1.1 414 ");
    });

    test("a head of up to 32 KiB", async () => {
      const value = "v".repeat(31 * 1024);
      const reply = await askRaw(
        bed.url,
        request("GET / HTTP/1.1", `X-Long: ${value}`),
        "\r\n\r\nok",
      );
      expect(reply).toStartWith("HTTP/1.1 200 ");
      expect(named(seen(), "x-long")).toEqual([`${isWire ? "X-Long" : "x-long"}: ${value}`]);
      const longer = request("GET / HTTP/1.1", `X-Long: ${value}`, `X-More: ${value}`);
      expect(await askRaw(bed.url, longer)).toStartWith("HTTP/1.1 431 ");
    });

    test("a body as long as client-control lets it be, with a length and without", async () => {
      await serve({ "client-control": { max_body_size: 4 } });
      const before = upstream.requests.length;
      const length = request("POST / HTTP/1.1", "Content-Length: 5");
      const chunked = request("POST / HTTP/1.1", "Transfer-Encoding: chunked");
      expect(await askRaw(bed.url, `${length}12345`, "</html>")).toStartWith("HTTP/1.1 413 ");
      expect(await askRaw(bed.url, `${chunked}5\r\n12345\r\n0\r\n\r\n`, "</html>")).toStartWith(
        "HTTP/1.1 413 ",
      );
      expect(upstream.requests.slice(before).filter(({ bodyBytes }) => bodyBytes > 4)).toEqual([]);
      const short = `${request("POST / HTTP/1.1", "Content-Length: 4")}1234`;
      expect(await askRaw(bed.url, short, "\r\n\r\nok")).toStartWith("HTTP/1.1 200 ");
      await serve();
    });
  });

  describe("what the client gets", () => {
    const get = request("GET / HTTP/1.1");
    const names = (reply: string) =>
      lines(reply)
        .slice(1)
        .map((line) => line.slice(0, line.indexOf(":")).toLowerCase())
        .sort();

    test("is the upstream's Date, no type and no Via that it did not send, and our Server", async () => {
      const date = "Date: Mon, 01 Jan 2001 00:00:00 GMT";
      answerWith(
        `HTTP/1.1 200 OK\r\n${date}\r\nServer: theirs\r\nKeep-Alive: timeout=5\r\nContent-Length: 2\r\n\r\nok`,
      );
      const reply = await askRaw(bed.url, get, "\r\n\r\nok");
      expect(names(reply)).toEqual(["content-length", "date", "server"]);
      expect(lowerLines(reply)).toContain(date.toLowerCase());
      expect(lines(reply)).toContain("server: APISIX/3.18.0");
    });

    test("has the type that the upstream says, and no charset besides", async () => {
      answerWith("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok");
      const reply = await askRaw(bed.url, request("GET / HTTP/1.1"), "\r\n\r\nok");
      expect(lowerLines(reply).filter((line) => line.startsWith("content-type:"))).toEqual([
        "content-type: text/plain",
      ]);
    });

    test("has a header that came several times so, which the runtime joins but for Set-Cookie", async () => {
      answerWith(
        "HTTP/1.1 200 OK\r\nX-A: 1\r\nX-A: 2\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 2\r\n\r\nok",
      );
      const reply = await askRaw(bed.url, get, "\r\n\r\nok");
      expect(lowerLines(reply).filter((line) => line.startsWith("x-a"))).toEqual(
        isWire ? ["x-a: 1", "x-a: 2"] : ["x-a: 1, 2"],
      );
      expect(lines(reply).filter((line) => /^set-cookie/i.test(line))).toHaveLength(2);
    });

    test.each([
      ["a length", "Content-Length: 5", ["content-length: 5"]],
      // nginx says nothing as well; the runtime says how it would send one.
      ["no length", "X-A: 1", isWire ? [] : ["transfer-encoding: chunked"]],
      ["chunks", "Transfer-Encoding: chunked", isWire ? [] : ["transfer-encoding: chunked"]],
    ])(
      "after a HEAD is said of the body what the upstream says: %s",
      async (_name, line, expected) => {
        answerWith(`HTTP/1.1 200 OK\r\n${line}\r\n\r\n`);
        const client = await openRawClient(bed.url);
        client.write(request("HEAD / HTTP/1.1"));
        const head = await client.receive("\r\n\r\n");
        expect(lines(head).filter((one) => /^(?:content-length|transfer)/i.test(one))).toEqual(
          expected,
        );
        // The connection is in order: nothing is taken for a body.
        answerWith(ok);
        client.write(get);
        expect(await client.receive("\r\n\r\nok")).toStartWith(`${head}HTTP/1.1 200 `);
        client.destroy();
      },
    );

    test.each([
      ["204", "HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n"],
      ["304", "HTTP/1.1 304 Not Modified\r\nETag: x\r\nContent-Length: 9\r\n\r\n"],
    ])("is no body with a %s", async (status, reply) => {
      answerWith(reply);
      const client = await openRawClient(bed.url);
      client.write(get);
      const head = await client.receive("\r\n\r\n");
      expect(head).toStartWith(`HTTP/1.1 ${status} `);
      answerWith(ok);
      client.write(get);
      expect(await client.receive("\r\n\r\nok")).toStartWith(`${head}HTTP/1.1 200 `);
      client.destroy();
    });

    test("is a body without trailers, whichever way its end was told", async () => {
      for (const [reply, isEnd] of [
        [
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n2\r\nok\r\n0\r\nX-T: 1\r\n\r\n",
          false,
        ],
        ["HTTP/1.1 200 OK\r\n\r\nok", true],
        ["HTTP/1.0 200 OK\r\n\r\nok", true],
      ] as const) {
        answerWith(reply, isEnd);
        const got = await fetch(`${bed.url}/`);
        expect([got.status, await got.text()]).toEqual([200, "ok"]);
        expect([got.headers.get("trailer"), got.headers.get("x-t")]).toEqual([null, null]);
      }
    });

    test("is no chunk when it speaks HTTP/1.0, and the end of the connection", async () => {
      answerWith("HTTP/1.1 200 OK\r\n\r\nuntil the end", true);
      const reply = await askRaw(bed.url, "GET / HTTP/1.0\r\nHost: a.test\r\n\r\n");
      expect(reply).toEndWith("\r\n\r\nuntil the end");
      expect(names(reply)).not.toContain("transfer-encoding");
    });

    test("is a connection that goes on where it asks so with HTTP/1.0, which the runtime ends", async () => {
      const keep = "GET / HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n";
      const client = await openRawClient(bed.url);
      client.write(keep);
      const first = await client.receive("\r\n\r\nok");
      if (isWire) {
        expect(lines(first)).toContain("connection: keep-alive");
        client.write(get);
        expect(await client.receive("\r\n\r\nokHTTP/1.1 200 ")).toStartWith(first);
      } else expect(await client.close()).toEndWith("\r\n\r\nok");
      client.destroy();
    });

    test("is the end of the connection when it asks for it", async () => {
      expect(await askRaw(bed.url, request("GET / HTTP/1.1", "Connection: close"))).toEndWith("ok");
    });

    test("is no interim reply of the upstream", async () => {
      answerWith(
        `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${ok}`,
      );
      expect(await askRaw(bed.url, get, "\r\n\r\nok")).toStartWith("HTTP/1.1 200 ");
    });

    test.each([
      [
        "a status of the upstream from 500 on",
        "HTTP/1.1 503 Odd\r\nContent-Length: 2\r\n\r\nok",
        "503",
      ],
      ["none below", "HTTP/1.1 404 Odd\r\nContent-Length: 2\r\n\r\nok", null],
      ["what stands for a reply that is none", "nonsense\r\n\r\n", "502"],
    ])("X-APISIX-Upstream-Status is %s", async (_name, reply, expected) => {
      answerWith(reply);
      const got = await fetch(`${bed.url}/`);
      expect(got.headers.get("x-apisix-upstream-status")).toBe(expected);
      const text = await got.text();
      if (reply.startsWith("HTTP")) expect(text).toBe("ok");
      else expect(text).toContain("<center><h1>502 Bad Gateway</h1></center>");
    });

    test("is an end without an end when the upstream's body is cut short", async () => {
      answerWith("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", true);
      const client = await openRawClient(bed.url);
      client.write(get);
      await client.close();
      expect(client.received).not.toContain("\r\n0\r\n\r\n");
    });
  });

  describe("what is decided before the gateway is asked", () => {
    test("a client that pipelines is answered in order; the runtime cuts it off", async () => {
      const asked: string[] = [];
      answer = ({ target }, peer) => {
        asked.push(target);
        if (isWire) peer.write(ok);
      };
      const client = await openRawClient(bed.url);
      client.write(request("GET /1 HTTP/1.1") + request("GET /2 HTTP/1.1", "Connection: close"));
      const replies = await client.close();
      expect(replies.match(/HTTP\/1\.1 200 /g)?.length ?? 0).toBe(isWire ? 2 : 0);
      if (isWire) expect(asked).toEqual(["/1", "/2"]);
    });

    test("trailers of a request are dropped; the runtime ends it with 400", async () => {
      const head = request("POST / HTTP/1.1", "Transfer-Encoding: chunked", "Trailer: X-T");
      const bytes = `${head}2\r\nhi\r\n0\r\nX-T: 1\r\n\r\n`;
      const reply = await askRaw(bed.url, bytes, isWire ? "\r\n\r\nok" : undefined);
      expect(reply).toContain(isWire ? "HTTP/1.1 200 OK\r\n" : "HTTP/1.1 400 Bad Request\r\n");
      if (!isWire) return;
      expect([seen().body.toString(), named(seen(), "x-t")]).toEqual(["hi", []]);
      expect(named(seen(), "trailer")).toEqual([]);
    });

    test("a method that nobody knows is passed on; the runtime ends the connection without a word", async () => {
      const reply = await askRaw(bed.url, request("FOO / HTTP/1.1", "Connection: close"));
      expect(reply === "").toBe(!isWire);
      if (isWire) expect(seen().method).toBe("FOO");
    });

    // What the runtime makes of them is its own affair.
    if (!isWire) return;
    test.each([
      ["a length and chunks", ["Content-Length: 40", "Transfer-Encoding: chunked"]],
      ["two lengths", ["Content-Length: 0", "Content-Length: 40"]],
      ["an unknown coding", ["Transfer-Encoding: xchunked"]],
      ["a space before a colon", ["Transfer-Encoding : chunked"]],
      ["two hosts", ["Host: b.test"]],
    ])("%s: refused, and what is behind it is not answered", async (_name, headers) => {
      const before = upstream.requests.length;
      const behind = request("GET /behind HTTP/1.1");
      const reply = await askRaw(bed.url, request("POST / HTTP/1.1", ...headers) + behind);
      expect(reply).toMatch(/^HTTP\/1\.1 (?:400|501) /);
      expect(reply.match(/HTTP\/1\.1 /g)).toHaveLength(1);
      expect(upstream.requests.length).toBe(before);
    });
  });
});

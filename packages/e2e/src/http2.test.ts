import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from "node:http2";
import { addressServer, authority } from "@catena/upstream/test-certificates";
import { call, ref } from "./bed/chain-bed.ts";
import { type GatewayBed, servers, until } from "./bed/gateway-bed.ts";
import { type H2Answer, type H2Service, startH2Service } from "./bed/h2-service.ts";
import { askRaw } from "./bed/raw-client.ts";
import { type Service, startService } from "./bed/service.ts";
import { type StoreBed, startSqlite } from "./bed/stores.ts";
import { startTlsBed, tlsPortOf } from "./bed/tls-bed.ts";

/** A message as gRPC frames it: no compression, its length, its bytes. */
function message(text: string): Buffer {
  const bytes = Buffer.from(text);
  const framed = Buffer.alloc(5 + bytes.length);
  framed.writeUInt32BE(bytes.length, 1);
  bytes.copy(framed, 5);
  return framed;
}

const grpc = { "content-type": "application/grpc" };

/** Codes that calls were given up with. */
const givenUp: number[] = [];

/** What the services behind the gateway do, by path. */
const answer: H2Answer = (stream, headers) => {
  const path = headers[":path"] ?? "";
  const end = (status: string): void => {
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": status }));
  };
  if (path.startsWith("/shop.Stock/Echo")) {
    stream.respond({ ":status": 200, ...grpc }, { waitForTrailers: true });
    end("0");
    stream.pipe(stream);
  } else if (path === "/shop.Stock/Missing") {
    stream.respond({ ":status": 200, ...grpc, "grpc-status": "5" }, { endStream: true });
  } else if (path === "/empty") stream.respond({ ":status": 204 }, { endStream: true });
  else if (path === "/silent") stream.on("close", () => givenUp.push(stream.rstCode ?? 0));
  else if (path === "/half") {
    stream.respond({ ":status": 200 });
    stream.write("part");
    // Later than the head, or that would not be passed on at all.
    setTimeout(() => stream.destroy(new Error("broken")), 50);
  } else {
    const pieces: Buffer[] = [];
    stream.on("data", (piece: Buffer) => pieces.push(piece));
    stream.on("end", () => {
      stream.respond({ ":status": 200, "content-type": "application/json", "x-a": "1" });
      const body = Buffer.concat(pieces).toString();
      const about = { method: headers[":method"], path, authority: headers[":authority"], body };
      stream.end(headers[":method"] === "HEAD" ? undefined : JSON.stringify(about));
    });
  }
};

let store: StoreBed;
let clear: H2Service;
let secure: H2Service;
let old: Service;
beforeAll(async () => {
  store = await startSqlite();
  clear = await startH2Service(answer);
  secure = await startH2Service(answer, addressServer);
  old = startService(() => new Response("HTTP/1.1"));
});
afterAll(async () => {
  await Promise.all([clear.stop(), secure.stop(), old.stop()]);
  await store.stop();
});

const settingsFor = (server: (typeof servers)[number]) => ({
  server,
  tls: { verify: true, ca: authority.certificate },
});

const routes = () => ({
  "upstreams/svc": { scheme: "grpcs", nodes: { [secure.node]: 1 }, pass_host: "node" },
  "routes/clear": { uri: "/*", upstream: { scheme: "grpc", nodes: { [clear.node]: 1 } } },
  "routes/secure": {
    uri: "/secure/*",
    upstream_id: "svc",
    plugins: { "proxy-rewrite": { regex_uri: ["^/secure(/.*)$", "$1"] } },
  },
  "routes/old": { uri: "/old", upstream: { scheme: "grpc", nodes: { [old.node]: 1 } } },
  "routes/named": {
    uri: "/named",
    upstream: {
      scheme: "grpc",
      nodes: { [clear.node]: 1 },
      pass_host: "rewrite",
      upstream_host: "stock.test",
    },
  },
  "routes/chain": {
    uri: "/chain",
    plugins: {
      "proxy-chain": {
        v: 1,
        steps: [
          { name: "one", call: call("POST", "/one", { body: { a: 1 } }) },
          { name: "two", call: call("GET", "/two") },
        ],
        reply: { body: { one: ref("one"), two: ref("two", "path") } },
      },
    },
  },
});

describe.each(servers.map((server) => [server] as const))("with the server %s", (server) => {
  let bed: GatewayBed;
  beforeAll(async () => {
    bed = await startTlsBed(store.url, routes(), settingsFor(server));
  });
  afterAll(() => bed.stop());

  test("a client of HTTP/1.1 calls an upstream of HTTP/2", async () => {
    const headers = { host: "shop.test", "content-type": "text/plain", "x-in": "1" };
    const response = await fetch(`${bed.url}/a?b=1`, { method: "POST", body: "hello", headers });
    expect(response.status).toBe(200);
    expect(response.headers.get("x-a")).toBe("1");
    expect(await response.json()).toEqual({
      method: "POST",
      path: "/a?b=1",
      authority: "shop.test",
      body: "hello",
    });
    expect(clear.seen.at(-1)).toMatchObject({
      "content-type": "text/plain",
      "x-in": "1",
      "x-forwarded-proto": "http",
    });
  });

  test("the Host is what pass_host says", async () => {
    const response = await fetch(`${bed.url}/named`);
    expect(await response.json()).toMatchObject({ authority: "stock.test" });
  });

  test("without a body: HEAD and 204", async () => {
    const head = await fetch(`${bed.url}/a`, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    const empty = await fetch(`${bed.url}/empty`);
    expect([empty.status, await empty.text()]).toEqual([204, ""]);
  });

  test("bodies of megabytes pass in both directions; trailers are left out", async () => {
    const body = Buffer.alloc(3_000_000, "0123456789").toString();
    const streamed = new Blob([body]).stream();
    const sent = await fetch(`${bed.url}/up`, { method: "POST", body: streamed });
    expect(await sent.json()).toMatchObject({ body });
    const back = await fetch(`${bed.url}/shop.Stock/Echo`, { method: "POST", body: "short" });
    expect([await back.text(), back.headers.get("grpc-status")]).toEqual(["short", null]);
  });

  test("over TLS, with the certificate verified", async () => {
    const response = await fetch(`${bed.url}/secure/b`);
    expect(await response.json()).toMatchObject({ path: "/b" });
    expect(secure.seen.at(-1)?.[":scheme"]).toBe("https");
  });

  test("steps of a chain call services over HTTP/2, on one connection", async () => {
    const before = secure.connectionCount;
    const response = await fetch(`${bed.url}/chain`);
    expect(await response.json()).toMatchObject({
      one: { method: "POST", body: '{"a":1}' },
      two: "/two",
    });
    expect(secure.connectionCount - before).toBeLessThanOrEqual(1);
  });

  test("a service of HTTP/1.1 is a bad gateway", async () => {
    const response = await fetch(`${bed.url}/old`);
    expect(response.status).toBe(502);
    expect(response.headers.get("x-apisix-upstream-status")).toBe("502");
  });

  test("a reply that is cut short does not look complete", async () => {
    const reply = await askRaw(bed.url, "GET /half HTTP/1.1\r\nHost: shop.test\r\n\r\n");
    expect(reply).toContain("\r\npart\r\n");
    expect(reply).not.toEndWith("\r\n0\r\n\r\n");
  });
});

interface Answered {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly trailers: IncomingHttpHeaders;
}

describe.each(["in clear text", "over TLS"])("gRPC %s", (how) => {
  let bed: GatewayBed;
  let session: ClientHttp2Session;
  beforeAll(async () => {
    bed = await startTlsBed(store.url, routes(), settingsFor("wire"));
    session =
      how === "over TLS"
        ? connect(`https://127.0.0.1:${tlsPortOf(bed)}`, {
            servername: "shop.test",
            rejectUnauthorized: false,
          })
        : connect(bed.url);
    session.on("error", () => {});
  });
  afterAll(async () => {
    session.destroy();
    await bed.stop();
  });

  const open = (path: string) =>
    session.request({
      ":method": "POST",
      ":path": path,
      ":authority": "shop.test",
      te: "trailers",
      ...grpc,
    });

  const answerOf = (stream: ReturnType<typeof open>) =>
    new Promise<Answered>((resolve, reject) => {
      const pieces: Buffer[] = [];
      let headers: IncomingHttpHeaders = {};
      let trailers: IncomingHttpHeaders = {};
      stream.on("response", (got) => {
        headers = got;
      });
      stream.on("trailers", (got) => {
        trailers = got;
      });
      stream.on("data", (piece: Buffer) => pieces.push(piece));
      stream.on("error", reject);
      stream.on("close", () => resolve({ headers, body: Buffer.concat(pieces), trailers }));
    });

  test("a call is answered, with its status in trailers", async () => {
    const stream = open("/shop.Stock/Echo");
    const answered = answerOf(stream);
    stream.end(message("one"));
    const { headers, body, trailers } = await answered;
    expect(headers).toMatchObject({ ":status": 200, ...grpc });
    expect(body).toEqual(message("one"));
    expect(trailers["grpc-status"]).toBe("0");
    expect(clear.seen.at(-1)).toMatchObject({ te: "trailers", ":authority": "shop.test" });
  });

  test("an error without a body is one head", async () => {
    const stream = open("/shop.Stock/Missing");
    const answered = answerOf(stream);
    stream.end(message("one"));
    const { headers, body } = await answered;
    expect(headers).toMatchObject({ ":status": 200, "grpc-status": "5" });
    expect(body.length).toBe(0);
  });

  test("messages go both ways while the call is open", async () => {
    const stream = open("/shop.Stock/Echo");
    const answered = answerOf(stream);
    const heard: string[] = [];
    stream.on("data", (piece: Buffer) => heard.push(piece.subarray(5).toString()));
    for (const text of ["one", "two", "three"]) {
      stream.write(message(text));
      await until(() => heard.at(-1) === text);
    }
    stream.end();
    const { trailers } = await answered;
    expect(heard).toEqual(["one", "two", "three"]);
    expect(trailers["grpc-status"]).toBe("0");
  });

  test("fifty calls at a time share the connections on both sides", async () => {
    const before = secure.connectionCount;
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => {
        const stream = open("/secure/shop.Stock/Echo");
        const answered = answerOf(stream);
        stream.end(message(String(i)));
        return answered;
      }),
    );
    expect(answers.map(({ body }) => body.subarray(5).toString())).toEqual(
      Array.from({ length: 50 }, (_, i) => String(i)),
    );
    expect(secure.connectionCount - before).toBeLessThanOrEqual(1);
  });

  test("a call that is given up is given up upstream", async () => {
    const before = clear.seen.length;
    const stream = open("/silent");
    stream.on("error", () => {});
    stream.end(message("one"));
    await until(() => clear.seen.length > before);
    const ends = givenUp.length;
    stream.close(8);
    await until(() => givenUp.length > ends);
    expect(givenUp.at(-1)).toBe(8);
  });

  test("a service of HTTP/1.1 is a bad gateway, which clients take for UNAVAILABLE", async () => {
    const stream = open("/old");
    const answered = answerOf(stream);
    stream.end(message("one"));
    expect((await answered).headers[":status"]).toBe(502 as unknown as string);
  });
});

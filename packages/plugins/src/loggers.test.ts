import { describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import {
  type GatewayReply,
  type PluginServices,
  type TargetCall,
  targetBySending,
} from "@catena/pipeline";
import type { JsonObject, PluginConf } from "@catena/schema";
import { fileLogger } from "./file-logger.ts";
import { httpLogger } from "./http-logger.ts";
import { type Ask, PluginBed, problemsOf } from "./plugin.testbed.ts";

interface Sent {
  readonly headers: readonly string[];
  readonly body: string;
}

interface Options {
  readonly metadata?: JsonObject;
  readonly upstream?: () => GatewayReply;
  readonly asks?: readonly Ask[];
  readonly status?: number;
}

/** What a route with an http-logger of one entry a message sent, after all requests have ended. */
async function sentBy(conf: PluginConf, options: Options = {}): Promise<readonly Sent[]> {
  const { metadata, upstream, asks = [{}], status = 200 } = options;
  const sent: Sent[] = [];
  const done = Promise.withResolvers<void>();
  const target = targetBySending(({ headers, body }: TargetCall) => {
    sent.push({ headers, body: String(body) });
    if (sent.length === asks.length) done.resolve();
    return Promise.resolve({ status, headers: [], body: null });
  });
  const services: Partial<PluginServices> = {
    targets: { upstream: () => null, uri: () => target },
  };
  const full = { uri: "http://logs.test/in", batch_max_size: 1, ...conf };
  const bed = new PluginBed([[httpLogger, full]], {
    services,
    ...(metadata === undefined ? {} : { metadata: { "http-logger": metadata } }),
    ...(upstream === undefined ? {} : { upstream }),
  });
  for (const ask of asks) await bed.ask(ask);
  await done.promise;
  return sent;
}

async function entryOf(conf: PluginConf, options: Options = {}): Promise<JsonObject> {
  const [one] = await sentBy(conf, options);
  return JSON.parse(one?.body ?? "null") as JsonObject;
}

const fromUpstream = (body: GatewayReply["body"], headers: string[] = []) => ({
  upstream: (): GatewayReply => ({ status: 200, headers, body, source: "upstream" }),
});

const stream = (text: string): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start(controller) {
      for (const letter of text) controller.enqueue(Buffer.from(letter));
      controller.close();
    },
  });

const post = (body: Ask["body"], headers: Ask["headers"] = {}): Options => ({
  asks: [{ method: "POST", headers, ...(body === undefined ? {} : { body }) }],
});

describe("an entry", () => {
  test("has everything there is to know without a format", async () => {
    const entry = await entryOf(
      {},
      { asks: [{ target: "/hello?a=1&b=2&b=3", headers: { "x-a": "1" } }] },
    );
    expect(entry).toMatchObject({
      request: {
        url: "http://a.test:9080/hello?a=1&b=2&b=3",
        uri: "/hello?a=1&b=2&b=3",
        method: "GET",
        headers: { host: "a.test:9080", "x-a": "1" },
        querystring: { a: "1", b: ["2", "3"] },
        size: expect.any(Number),
      },
      response: {
        status: 200,
        size: expect.any(Number),
        headers: { "content-type": expect.any(String) },
      },
      server: { version: "3.18.0", hostname: expect.any(String) },
      client_ip: "127.0.0.1",
      start_time: expect.any(Number),
      latency: expect.any(Number),
      apisix_latency: expect.any(Number),
      route_id: "no-matched",
    });
    expect(entry["request"]).not.toHaveProperty("body");
  });

  const cases: [name: string, conf: PluginConf, options: Options, entry: JsonObject][] = [
    [
      "has the fields of its format alone",
      {
        log_format: {
          host: "$host",
          status: "$status",
          n: 1,
          deep: { uri: "$uri" },
          none: "$http_x",
        },
      },
      {},
      { host: "a.test", status: 200, n: 1, deep: { uri: "/hello" }, route_id: "no-matched" },
    ],
    [
      "has fields of the end of a request",
      { log_format: { sent: "$body_bytes_sent", line: "$request_line", p: "$server_protocol" } },
      fromUpstream(stream("12345")),
      { sent: 5, line: "GET /hello HTTP/1.1", p: "HTTP/1.1", route_id: "no-matched" },
    ],
    [
      "has the metadata's format where it has none",
      {},
      { metadata: { log_format: { host: "$host", gone: "$nginx_version" } } },
      { host: "a.test", route_id: "no-matched" },
    ],
    [
      "has its own format before the metadata's",
      { log_format: { uri: "$uri" } },
      { metadata: { log_format: { host: "$host" } } },
      { uri: "/hello", route_id: "no-matched" },
    ],
    [
      "is empty but for the route by an empty format",
      { log_format: {} },
      {},
      { route_id: "no-matched" },
    ],
    [
      "is no deeper than five objects",
      { log_format: { a: { b: { c: { d: { e: { f: "$uri" } } } } } } },
      {},
      { a: { b: { c: { d: { e: {} } } } }, route_id: "no-matched" },
    ],
    [
      "has the body that a format asks for",
      { log_format: { body: "$request_body" }, max_req_body_bytes: 3 },
      post("abcdef"),
      { body: "abc", route_id: "no-matched" },
    ],
  ];
  test.each(cases)("%s", async (_, conf, options, entry) => {
    expect(await entryOf(conf, options)).toEqual(entry);
  });

  test("has further fields beside all, which replace none", async () => {
    const entry = await entryOf({ log_format_extra: { x: "$uri", client_ip: "no" } });
    expect(entry).toMatchObject({ x: "/hello", client_ip: "127.0.0.1" });
    expect(entry).toHaveProperty("request");
  });
});

describe("bodies of requests", () => {
  const cases: [name: string, conf: PluginConf, options: Options, body: unknown][] = [
    ["are left out", {}, post("abc"), undefined],
    ["are there when asked for", { include_req_body: true }, post("abc"), "abc"],
    ["are cut", { include_req_body: true, max_req_body_bytes: 2 }, post("abc"), "ab"],
    [
      "are there under a condition",
      { include_req_body: true, include_req_body_expr: [["http_x", "==", "1"]] },
      post("abc", { x: "1" }),
      "abc",
    ],
    [
      "are not there without it",
      { include_req_body: true, include_req_body_expr: [["http_x", "==", "1"]] },
      post("abc"),
      undefined,
    ],
  ];
  test.each(cases)("%s", async (_, conf, options, body) => {
    expect(Object(await entryOf(conf, options))["request"].body).toBe(body);
  });
});

describe("bodies of replies", () => {
  const wanted = { include_resp_body: true };
  const cases: [name: string, conf: PluginConf, options: Options, body: unknown][] = [
    ["are left out", {}, fromUpstream("abc"), undefined],
    ["are there when asked for", wanted, fromUpstream("abc"), "abc"],
    ["are there when they stream", wanted, fromUpstream(stream("abc")), "abc"],
    ["are cut", { ...wanted, max_resp_body_bytes: 2 }, fromUpstream(stream("abc")), "ab"],
    [
      "are there under a condition on the reply",
      { ...wanted, include_resp_body_expr: [["sent_http_x", "==", "1"]] },
      fromUpstream("abc", ["x", "1"]),
      "abc",
    ],
    [
      "are decompressed",
      wanted,
      fromUpstream(gzipSync("abc"), ["content-encoding", "gzip"]),
      "abc",
    ],
  ];
  test.each(cases)("%s", async (_, conf, options, body) => {
    expect(Object(await entryOf(conf, options))["response"].body).toBe(body);
  });
});

describe("http-logger", () => {
  const two: Options = { asks: [{}, {}] };
  test("sends each entry by itself, with the header that it is given", async () => {
    const sent = await sentBy({ auth_header: "Bearer t", log_format: { u: "$uri" } }, two);
    expect(sent).toHaveLength(2);
    expect(sent[0]).toEqual({
      headers: ["Content-Type", "application/json", "Authorization", "Bearer t"],
      body: '{"u":"/hello","route_id":"no-matched"}',
    });
  });

  test.each([
    ["json", "application/json", '[{"u":"/hello","route_id":"no-matched"}]'],
    ["new_line", "text/plain", '{"u":"/hello","route_id":"no-matched"}'],
  ])("sends several as %s", async (concat_method, type, body) => {
    const conf = {
      concat_method,
      batch_max_size: 2,
      inactive_timeout: 1,
      log_format: { u: "$uri" },
    };
    const [one] = await sentBy(conf);
    expect(one).toEqual({ headers: ["Content-Type", type], body });
  });
});

describe("file-logger", () => {
  async function lines(conf: PluginConf, metadata: JsonObject = {}, asks: readonly Ask[] = [{}]) {
    const folder = mkdtempSync(join(tmpdir(), "catena-file-logger-"));
    const path = join(folder, "log");
    try {
      const meta = JSON.parse(JSON.stringify(metadata).replaceAll("PATH", path)) as JsonObject;
      const own = JSON.parse(JSON.stringify(conf).replaceAll("PATH", path)) as PluginConf;
      const bed = new PluginBed([[fileLogger, own]], { metadata: { "file-logger": meta } });
      for (const ask of asks) await bed.ask(ask);
      await bed.dispose();
      return readFileSync(path, "utf8");
    } catch (error) {
      return String(error);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  const log_format = { u: "$uri", s: "$status" };

  test("appends a line for every request", async () => {
    const text = await lines({ path: "PATH", log_format }, {}, [
      { target: "/a" },
      { target: "/b" },
    ]);
    expect(text).toBe('{"u":"/a","s":200}\n{"u":"/b","s":200}\n');
  });

  test("has path and format from its metadata", async () => {
    expect(await lines({}, { path: "PATH", log_format })).toBe('{"u":"/hello","s":200}\n');
  });

  test("writes what matches at the end", async () => {
    const match = [[["status", "==", "500"]], [["uri", "==", "/b"]]];
    const text = await lines({ path: "PATH", log_format, match }, {}, [
      { target: "/a" },
      { target: "/b" },
    ]);
    expect(text).toBe('{"u":"/b","s":200}\n');
  });

  test("serves without a path, and with a folder that is not there", async () => {
    for (const conf of [{}, { path: "PATH/none/x" }]) expect(await lines(conf)).toContain("ENOENT");
  });
});

test.each([
  [httpLogger, {}],
  [httpLogger, { uri: "no" }],
  [httpLogger, { uri: "http://a", log_format: { a: "$nginx_version" } }],
  [httpLogger, { uri: "http://a", include_req_body_expr: [["a", "nope", 1]] }],
  [fileLogger, { path: "a", match: [["a"]] }],
] as const)("%#: %j is refused", (plugin, conf) => {
  expect(problemsOf(plugin, conf)).not.toHaveLength(0);
});

import { describe, expect, test } from "bun:test";
import { brotliCompressSync, gzipSync } from "node:zlib";
import type { GatewayReply, UpstreamTry } from "@catena/pipeline";
import { Type } from "@sinclair/typebox";
import { definePlugin } from "./define-plugin.ts";
import { keyAuth } from "./key-auth.ts";
import { PluginBed, problemsOf } from "./plugin.testbed.ts";
import { responseRewrite } from "./response-rewrite.ts";

type Body = GatewayReply["body"];

const upstreamHeaders = [
  ["content-type", "text/plain"],
  ["etag", '"1"'],
  ["last-modified", "then"],
  ["content-length", "9"],
  ["x-old", "1"],
].flat();

function bed(conf: Record<string, unknown>, body: Body = "some body", encoding = ""): PluginBed {
  const encoded = encoding === "" ? [] : ["content-encoding", encoding];
  return new PluginBed([[responseRewrite, conf]], {
    upstream: () => ({
      status: 200,
      headers: [...upstreamHeaders, ...encoded],
      body,
      source: "upstream",
    }),
  });
}

function stream(...chunks: (string | Uint8Array)[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(Buffer.from(chunk));
      controller.close();
    },
  });
}

test("status, headers and body are replaced", async () => {
  const answer = await bed({
    status_code: 202,
    body: "new body",
    headers: {
      set: { "X-New": "$status", "X-N": 1 },
      remove: ["Content-Type"],
      add: ["X-Add: 1", "X-Add: 2", "X-Old: $remote_addr"],
    },
  }).ask();
  expect(answer.status).toBe(202);
  expect(answer.body).toBe("new body");
  expect(answer.headers).toEqual({
    "x-old": "1, 127.0.0.1",
    "x-add": "1, 2",
    "x-new": "202",
    "x-n": "1",
  });
});

test("the older form of headers sets them", async () => {
  const answer = await bed({ headers: { "X-Old": "2" } }).ask();
  expect(answer.headers["x-old"]).toBe("2");
  expect(answer.headers["etag"]).toBe('"1"');
});

test("a body written in base64 is sent decoded", async () => {
  const answer = await bed({
    body: Buffer.from("raw").toString("base64"),
    body_base64: true,
  }).ask();
  expect(answer.body).toBe("raw");
});

describe("vars", () => {
  const cases: [vars: unknown[], changed: boolean][] = [
    [[["status", "==", 200]], true],
    [[["status", "==", 404]], false],
    [[["upstream_status", "==", "200"]], true],
    [[["sent_http_x_old", "==", "1"]], true],
    [[["arg_x", "==", "1"]], false],
  ];
  test.each(cases)("%j: %p", async (vars, changed) => {
    const answer = await bed({ vars, status_code: 500, body: "x" }).ask();
    expect([answer.status, answer.body]).toEqual(changed ? [500, "x"] : [200, "some body"]);
  });
});

test("replies of other plugins are rewritten too", async () => {
  const both = new PluginBed([
    [keyAuth, {}],
    [responseRewrite, { status_code: 418, headers: { "X-R": "$status" } }],
  ]);
  const answer = await both.ask();
  expect(answer.status).toBe(418);
  expect(answer.headers["x-r"]).toBe("418");
  expect(answer.body).toContain("Missing API key");
});

test("a status without a body leaves none, and frees the upstream's", async () => {
  let cancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    cancel() {
      cancelled = true;
    },
  });
  const answer = await bed({ status_code: 204 }, endless).ask();
  expect(answer.body).toBe("");
  expect(cancelled).toBe(true);
});

describe("filters", () => {
  const once = { regex: "o", replace: "0" };
  const cases: [filters: object[], body: string, result: string][] = [
    [[once], "foo", "f0o"],
    [[{ ...once, scope: "global" }], "foo", "f00"],
    [[{ regex: "(f)(o)", replace: "$2$1" }], "foo", "ofo"],
    [[{ regex: "FOO", replace: "x", options: "jio" }], "foo", "x"],
    [[{ regex: "a.b", replace: "x", options: "s" }], "a\nb", "x"],
    [[once, { regex: "0", replace: "1" }], "foo", "f1o"],
    [[{ regex: "é", replace: "e" }], "café", "cafe"],
    [[{ regex: "none", replace: "x" }], "foo", "foo"],
  ];
  test.each(cases)("%j make of %j %j", async (filters, body, result) => {
    const answer = await bed({ filters }, stream(body)).ask();
    expect(answer.body).toBe(result);
    expect(answer.headers).toEqual({ "content-type": "text/plain", "x-old": "1" });
    expect((await bed({ filters }, body).ask()).body).toBe(result);
  });

  test("a match across chunks is found, bytes that are no UTF-8 stay", async () => {
    const answer = await bed({ filters: [{ regex: "ab", replace: "-" }] }, stream("a", "b")).ask();
    expect(answer.body).toBe("-");
    const bytes = Uint8Array.of(0xff, 0x61, 0xfe);
    const kept = await bed({ filters: [{ regex: "a", replace: "b" }] }, bytes).ask();
    expect(kept.body).toBe("\uFFFDb\uFFFD");
  });

  const compressed: [encoding: string, compress: (text: string) => Uint8Array][] = [
    ["gzip", gzipSync],
    ["br", brotliCompressSync],
  ];
  test.each(compressed)("a body in %s is decoded first", async (encoding, compress) => {
    const answer = await bed({ filters: [once] }, compress("foo"), encoding).ask();
    expect(answer.body).toBe("f0o");
    expect(answer.headers).not.toHaveProperty("content-encoding");
  });

  test("a body in another encoding is left alone", async () => {
    const answer = await bed({ filters: [once] }, "foo", "zstd").ask();
    expect(answer.body).toBe("foo");
    expect(answer.headers["content-encoding"]).toBe("zstd");
  });

  test("what exceeds the limit is dropped", async () => {
    const conf = { filters: [{ ...once, scope: "global" }], max_resp_body_size: 4 };
    expect((await bed(conf, stream("oo", "oo", "oo")).ask()).body).toBe("0000");
    expect((await bed(conf, "oooooo").ask()).body).toBe("0000");
  });

  test.each([
    ["a broken encoding", "no gzip", "gzip"],
    ["a bomb", gzipSync(Buffer.alloc(9 * 1024 * 1024)), "gzip"],
  ])("the reply ends with an error on %s", async (_what, body, encoding) => {
    const asked = bed({ filters: [once] }, body, encoding).ask();
    expect(asked).rejects.toBeUndefined();
    await asked.catch(() => undefined);
  });
});

describe("configurations", () => {
  const bad: [conf: object, path: string, message: string][] = [
    [{ status_code: 199 }, "/status_code", ""],
    [{ body: "", filters: [{ regex: "a", replace: "" }] }, "", ""],
    [{ body: "", body_base64: true }, "/body", "invalid base64 content"],
    [{ body: "a*b", body_base64: true }, "/body", "invalid base64 content"],
    [{ body_base64: true }, "/body", "invalid base64 content"],
    [
      { vars: [["a", "??", 1]] },
      "/vars/0",
      "failed to validate the 'vars' expression: invalid operator '??'",
    ],
    [
      { filters: [{ regex: "(", replace: "" }] },
      "/filters/0/regex",
      'regex "(" validation failed: ',
    ],
    [{ filters: [{ regex: "a", replace: "$x" }] }, "/filters/0/replace", "failed to compile"],
    [
      { filters: [{ regex: "a", replace: "", options: "x" }] },
      "/filters/0/options",
      "unknown flag",
    ],
    [{ headers: { add: ["no colon"] } }, "/headers/add", ""],
    [{ headers: { add: ["a b: c"] } }, "/headers/add/0", "is no header with a value"],
    [{ headers: { a: {} } }, "/headers/a", "invalid type as header value"],
    [{ headers: { set: { "Content-Length": "1" } } }, "/headers/set/Content-Length", "alone"],
  ];
  test.each(bad)("%j is refused at %s", (conf, path, message) => {
    const [issue] = problemsOf(responseRewrite, { ...conf });
    expect(issue?.path).toBe(path);
    expect(issue?.message).toContain(message);
  });
});

test("headers may tell of the tries at upstreams", async () => {
  const values = ["$balancer_ip:$balancer_port", "$upstream_addr", "$upstream_response_time"];
  const set = Object.fromEntries(values.map((value, i) => [`x-${i}`, value]));
  const told = async (...tries: UpstreamTry[]) => {
    const sender = definePlugin({
      name: "sender",
      priority: 1,
      schema: Type.Object({}),
      create: () => ({
        value: { beforeProxy: (ctx) => void ctx.sending?.tries?.push(...tries) },
        issues: [],
      }),
    });
    const plugins = [[responseRewrite, { headers: { set } }] as const, [sender, {}] as const];
    const { headers } = await new PluginBed(plugins).ask();
    return values.map((_, i) => headers[`x-${i}`]);
  };
  expect(await told()).toEqual([":", "", ""]);
  expect(
    await told(
      { address: "10.0.0.1", port: 80, startedAt: 0, headAt: 500, status: 502 },
      { address: "::1", port: 81, startedAt: 500, headAt: 600, status: 200 },
    ),
  ).toEqual(["::1:81", "10.0.0.1:80, [::1]:81", "0.500, 0.100"]);
});

import { describe, expect, test } from "bun:test";
import { constants, gunzipSync } from "node:zlib";
import type { GatewayReply } from "@catena/pipeline";
import { echo } from "./echo.ts";
import { gzip } from "./gzip.ts";
import { contextOf, PluginBed, problemsOf } from "./plugin.testbed.ts";
import { gzipBody } from "./replies/gzip-body.ts";

const text = "hello ".repeat(20);

interface Sketch {
  readonly accept?: string | null;
  readonly status?: number;
  readonly headers?: string[];
  readonly body?: GatewayReply["body"];
  readonly via?: string;
}

function filter(conf: object, sketch: Sketch = {}): GatewayReply {
  const { accept = "gzip", status = 200, headers = [], body = text, via } = sketch;
  const ctx = contextOf({
    headers: {
      ...(accept === null ? {} : { "accept-encoding": accept }),
      ...(via === undefined ? {} : { via }),
    },
  });
  const type = headers.includes("content-type") ? [] : ["content-type", "text/html"];
  const reply: GatewayReply = { status, headers: [...type, ...headers], body, source: "upstream" };
  // Compressing asks nothing of the gateway.
  gzip.create(conf, {} as never).value?.bodyFilter?.(ctx, reply);
  return reply;
}

const encodingOf = ({ headers }: GatewayReply): string | undefined =>
  headers[headers.indexOf("Content-Encoding") + 1];

const isCompressed = (reply: GatewayReply): boolean => reply.headers.includes("Content-Encoding");

test("a body is compressed and its headers fit it", () => {
  const reply = filter(
    {},
    {
      headers: ["content-length", "120", "accept-ranges", "bytes", "etag", '"1"'],
    },
  );
  expect(encodingOf(reply)).toBe("gzip");
  expect(gunzipSync(reply.body as Uint8Array).toString()).toBe(text);
  expect(reply.headers).toEqual([
    "content-type",
    "text/html",
    "Content-Encoding",
    "gzip",
    "etag",
    'W/"1"',
  ]);
});

describe("what is compressed", () => {
  const json = ["content-type", "Application/JSON; charset=utf-8"];
  const cases: [what: string, conf: object, sketch: Sketch, outcome: boolean][] = [
    ["HTML by default", {}, {}, true],
    ["no other type by default", {}, { headers: json }, false],
    ["a type that is listed", { types: ["application/json"] }, { headers: json }, true],
    ["every type with *", { types: "*" }, { headers: json }, true],
    ["a short body", { min_length: 121 }, {}, false],
    [
      "a stream of short declared length",
      { min_length: 50 },
      { body: streamOf(text), headers: ["content-length", "49"] },
      false,
    ],
    ["a stream of unknown length", { min_length: 1000 }, { body: streamOf(text) }, true],
    ["an encoded body", {}, { headers: ["content-encoding", "br"] }, false],
    ["an error page of 404", {}, { status: 404 }, true],
    ["a reply of 500", {}, { status: 500 }, false],
    ["a reply without a body", {}, { body: null }, false],
    ["nothing for a client that takes none", {}, { accept: null }, false],
    ["nothing for a client that takes another", {}, { accept: "br, deflate" }, false],
    ["nothing for a client that refuses it", {}, { accept: "br, gzip;q=0" }, false],
    ["a client that likes it less", {}, { accept: "br;q=1.0, GZIP; q=0.5" }, true],
    ["nothing for a proxy", {}, { via: "1.1 proxy" }, false],
  ];
  test.each(cases)("%s", (_what, conf, sketch, outcome) => {
    expect(isCompressed(filter(conf, sketch))).toBe(outcome);
  });
});

test("caches are told, also when this client takes no gzip", () => {
  expect(filter({ vary: true }, { accept: null }).headers).toContain("Accept-Encoding");
  expect(filter({ vary: true }, { status: 500 }).headers).not.toContain("Accept-Encoding");
});

describe("streams", () => {
  const options = { level: 6, flushes: false };

  test("are compressed whole, whatever their size", async () => {
    const pieces = Array.from({ length: 200 }, (_, i) => `${i} `.repeat(500));
    const body = gzipBody(streamOf(...pieces), options);
    const bytes = await new Response(body).bytes();
    expect(gunzipSync(bytes).toString()).toBe(pieces.join(""));
    expect(gunzipSync(await new Response(gzipBody(streamOf(), options)).bytes())).toHaveLength(0);
  });

  test("of events give each event at once", async () => {
    let next: ReadableStreamDefaultController<Uint8Array> | null = null;
    const events = new ReadableStream<Uint8Array>({
      start(controller) {
        next = controller;
        controller.enqueue(Buffer.from("data: 1\n\n"));
      },
    });
    const headers = ["content-type", "text/event-stream"];
    const reply = filter({ types: ["text/event-stream"] }, { body: events, headers });
    const reader = (reply.body as ReadableStream<Uint8Array>).getReader();
    const first = await reader.read();
    const soFar = gunzipSync(first.value ?? "", { finishFlush: constants.Z_SYNC_FLUSH });
    expect(soFar.toString()).toBe("data: 1\n\n");
    (next as ReadableStreamDefaultController | null)?.close();
    await reader.cancel();
  });

  test("that break off break off, and are given up with the client", async () => {
    const broken = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new Error("gone")),
    });
    const read = new Response(gzipBody(broken, options)).bytes();
    expect(read).rejects.toBeUndefined();
    await read.catch(() => undefined);
    let isGivenUp = false;
    const endless = new ReadableStream<Uint8Array>({
      cancel() {
        isGivenUp = true;
      },
    });
    await (gzipBody(endless, options) as ReadableStream).cancel();
    expect(isGivenUp).toBe(true);
  });
});

test("what other plugins do to the body comes first", async () => {
  const bed = new PluginBed([
    [gzip, { types: "*", min_length: 1 }],
    [echo, { before_body: "<", after_body: ">" }],
  ]);
  const answer = await bed.ask({ headers: { "accept-encoding": "gzip" } });
  expect(answer.headers["content-encoding"]).toBe("gzip");
  expect(gunzipSync(answer.bytes).toString()).toBe("<from upstream>");
});

test.each([
  [{ types: [] }, "/types"],
  [{ types: "text/html" }, "/types"],
  [{ comp_level: 10 }, "/comp_level"],
  [{ min_length: 0 }, "/min_length"],
  [{ http_version: 2 }, "/http_version"],
])("%j is refused at %s", (conf, path) => {
  expect(problemsOf(gzip, { ...conf })[0]?.path).toBe(path);
});

function streamOf(...chunks: string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(Buffer.from(chunk));
      controller.close();
    },
  });
}

import { afterEach, describe, expect, setSystemTime, test } from "bun:test";
import type { GatewayReply, PluginServices } from "@catena/pipeline";
import type { PluginConf } from "@catena/schema";
import { MemoryCache } from "./cache/memory-cache.ts";
import { limitCount } from "./limit-count.ts";
import { type Ask, PluginBed, problemsOf } from "./plugin.testbed.ts";
import { proxyCache } from "./proxy-cache.ts";

afterEach(() => {
  setSystemTime();
});

const memory = { cache_strategy: "memory", cache_zone: "memory_cache" };
const start = Date.UTC(2026, 0, 1);

interface Move extends Ask {
  /** Seconds that pass before. */
  readonly after?: number;
  /** Of the upstream's reply, if it gets that far. */
  readonly reply?: Partial<GatewayReply>;
}

/** `STATUS CACHE BODY` of each request; the upstream answers with the number of the request. */
async function play(
  conf: PluginConf,
  moves: readonly Move[],
  services: Partial<PluginServices> = {},
) {
  let number = 0;
  let reply: Partial<GatewayReply> = {};
  const bed = new PluginBed([[proxyCache, { ...memory, ...conf }]], {
    services,
    upstream: () => ({
      status: 200,
      headers: [],
      body: `r${number}`,
      source: "upstream",
      ...reply,
    }),
  });
  let at = start;
  const seen: string[] = [];
  for (const { after = 0, reply: given = {}, ...ask } of moves) {
    number++;
    at += after * 1000;
    setSystemTime(at);
    reply = { ...given, headers: [...(given.headers ?? [])] };
    const { status, headers, body } = await bed.ask(ask);
    seen.push(
      [status, headers["apisix-cache-status"] ?? "-", body.startsWith("<") ? "page" : body]
        .join(" ")
        .trim(),
    );
  }
  return seen;
}

const stream = (text: string, fails = false): ReadableStream<Uint8Array> =>
  new ReadableStream({
    pull(controller) {
      controller.enqueue(Buffer.from(text));
      if (fails) controller.error(undefined);
      else controller.close();
    },
  });

const control = (value: string) => ({ "cache-control": value });
const says = (value: string): Partial<GatewayReply> => ({ headers: ["Cache-Control", value] });

describe("a reply", () => {
  const cases: [name: string, conf: PluginConf, moves: readonly Move[], seen: readonly string[]][] =
    [
      ["is kept", {}, [{}, {}], ["200 MISS r1", "200 HIT r1"]],
      [
        "is kept as long as it is good",
        { cache_ttl: 5 },
        [{}, { after: 5 }, { after: 1 }, {}],
        ["200 MISS r1", "200 HIT r1", "200 EXPIRED r3", "200 HIT r3"],
      ],
      [
        "is another's by another target",
        {},
        [{ target: "/a" }, { target: "/b" }, { target: "/a?x" }],
        ["200 MISS r1", "200 MISS r2", "200 MISS r3"],
      ],
      [
        "that streams is kept",
        {},
        [{ reply: { body: stream("abc") } }, {}],
        ["200 MISS abc", "200 HIT abc"],
      ],
      [
        "that is too long is not kept",
        { max_resp_body_size: 2 },
        [{}, {}],
        ["200 MISS r1", "200 MISS r2"],
      ],
      [
        "that streams and is too long is not kept",
        { max_resp_body_size: 2 },
        [{ reply: { body: stream("abc") } }, {}],
        ["200 MISS abc", "200 MISS r2"],
      ],
      [
        "of another status is not kept",
        {},
        [{ reply: { status: 500 } }, {}],
        ["500 MISS r1", "200 MISS r2"],
      ],
      [
        "of a status that is asked for is kept",
        { cache_http_status: [500] },
        [{ reply: { status: 500 } }, {}],
        ["500 MISS r1", "500 HIT r1"],
      ],
      [
        "of the gateway's own errors is not kept",
        {},
        [{ reply: { status: 404, source: "gateway" } }, {}],
        ["404 MISS r1", "200 MISS r2"],
      ],
      [
        "to another method is not kept",
        {},
        [{ method: "POST" }, {}],
        ["200 MISS r1", "200 MISS r2"],
      ],
      [
        "to HEAD is not taken for one to GET",
        {},
        [{ method: "HEAD" }, {}, { method: "HEAD" }],
        ["200 MISS r1", "200 MISS r2", "200 HIT r2"],
      ],
      [
        "that sets cookies is not kept",
        {},
        [{ reply: { headers: ["Set-Cookie", "a=1"] } }, {}],
        ["200 MISS r1", "200 MISS r2"],
      ],
      [
        "that sets cookies is kept where it may",
        { cache_set_cookie: true },
        [{ reply: { headers: ["Set-Cookie", "a=1"] } }, {}],
        ["200 MISS r1", "200 HIT r1"],
      ],
      [
        "that is private is not kept",
        {},
        [{ reply: says("private") }, { reply: says("no-store") }, {}],
        ["200 MISS r1", "200 MISS r2", "200 MISS r3"],
      ],
      [
        "is not kept where a variable says so",
        { no_cache: ["$arg_no"] },
        [{ target: "/a?no=1" }, { target: "/a?no=1" }],
        ["200 MISS r1", "200 MISS r2"],
      ],
      [
        "is passed by where a variable says so",
        { cache_bypass: ["$http_x"] },
        [{}, { headers: { x: "1" } }, { headers: { x: "0" } }],
        ["200 MISS r1", "200 BYPASS r2", "200 HIT r1"],
      ],
      [
        "that varies is kept for each",
        {},
        [
          { headers: { x: "1" }, reply: { headers: ["Vary", "X"] } },
          { headers: { x: "2" }, reply: { headers: ["Vary", "X"] } },
          { headers: { x: "1" } },
        ],
        ["200 MISS r1", "200 MISS r2", "200 HIT r1"],
      ],
      [
        "that varies by everything is not kept",
        {},
        [{ reply: { headers: ["Vary", "*"] } }, {}],
        ["200 MISS r1", "200 MISS r2"],
      ],
      [
        "is purged",
        {},
        [{}, { method: "PURGE" }, { method: "PURGE" }, {}],
        ["200 MISS r1", "200 -", "404 - page", "200 MISS r4"],
      ],
      [
        "is of the user that asked",
        {},
        [
          { headers: { authorization: `Basic ${btoa("a:x")}` } },
          { headers: { authorization: `Basic ${btoa("b:x")}` } },
          { headers: { authorization: `Basic ${btoa("a:y")}` } },
        ],
        ["200 MISS r1", "200 MISS r2", "200 HIT r1"],
      ],
      [
        "is of the credentials that were shown",
        {},
        [
          { headers: { authorization: "Bearer a" } },
          { headers: { authorization: "Bearer b" } },
          {},
          { headers: { authorization: "Bearer a" } },
        ],
        ["200 MISS r1", "200 MISS r2", "200 MISS r3", "200 HIT r1"],
      ],
    ];
  test.each(cases)("%s", async (_, conf, moves, seen) => {
    expect(await play(conf, moves)).toEqual([...seen]);
  });
});

describe("Cache-Control, where it is heeded", () => {
  const heeds = { cache_control: true };
  const good = { reply: says("max-age=10") };
  const cases: [name: string, moves: readonly Move[], seen: readonly string[]][] = [
    [
      "keeps what says how long",
      [good, {}, { after: 11 }],
      ["200 MISS r1", "200 HIT r1", "200 EXPIRED r3"],
    ],
    ["keeps nothing else", [{}, {}], ["200 MISS r1", "200 MISS r2"]],
    [
      "has s-maxage before max-age",
      [{ reply: says("max-age=0, s-maxage=10") }, {}],
      ["200 MISS r1", "200 HIT r1"],
    ],
    [
      "lets a client pass it by",
      [good, { headers: control("no-cache") }],
      ["200 MISS r1", "200 BYPASS r2"],
    ],
    [
      "lets a client want it young",
      [good, { after: 5, headers: control("max-age=3") }],
      ["200 MISS r1", "200 STALE r2"],
    ],
    [
      "lets a client want it fresh",
      [good, { after: 5, headers: control("min-fresh=6") }],
      ["200 MISS r1", "200 STALE r2"],
    ],
    [
      "lets a client want nothing else",
      [{ headers: control("only-if-cached") }],
      ["504 MISS page"],
    ],
  ];
  test.each(cases)("%s", async (_, moves, seen) => {
    expect(await play(heeds, moves)).toEqual([...seen]);
  });
});

test("the strategy disk asks the reply how long it is good for, and takes ten seconds otherwise", async () => {
  const disk = { cache_strategy: "disk", cache_zone: "disk_cache_one" };
  const expires = new Date(start + 60_000).toUTCString();
  expect(
    await play(disk, [
      { reply: { headers: ["Expires", expires] } },
      { after: 59 },
      { after: 2 },
      { after: 10 },
      { after: 1 },
    ]),
  ).toEqual(["200 MISS r1", "200 HIT r1", "200 EXPIRED r3", "200 HIT r3", "200 EXPIRED r5"]);
});

test("the strategy disk comes after all that may refuse a request, the strategy memory before", async () => {
  const limit = { count: 1, time_window: 60, rejected_code: 429, key: "remote_addr" };
  const statuses = async (conf: PluginConf) => {
    const bed = new PluginBed([
      [proxyCache, conf],
      [limitCount, limit],
    ]);
    return [(await bed.ask()).status, (await bed.ask()).status];
  };
  expect(await statuses({})).toEqual([200, 429]);
  expect(await statuses(memory)).toEqual([200, 200]);
});

test("the strategy disk says of other methods what nginx does", async () => {
  const disk = { cache_strategy: "disk", cache_zone: "disk_cache_one" };
  expect(await play(disk, [{ method: "POST" }, { method: "PUT" }])).toEqual([
    "200 BYPASS r1",
    "200 - r2",
  ]);
});

test("what is replayed has its age, and nothing that was of one connection or client", async () => {
  const headers = [
    "X-A",
    "1",
    "Connection",
    "close",
    "X-RateLimit-Remaining",
    "1",
    "Cache-Control",
    "max-age=9",
  ];
  setSystemTime(start);
  const bed = new PluginBed([[proxyCache, { ...memory, hide_cache_headers: true }]], {
    upstream: () => ({ status: 200, headers: [...headers], body: "r", source: "upstream" }),
  });
  const first = await bed.ask();
  expect(first.headers).not.toHaveProperty("cache-control");
  setSystemTime(start + 3000);
  const second = await bed.ask();
  expect(second.headers).toEqual({ "x-a": "1", age: "3", "apisix-cache-status": "HIT" });
});

test("a reply whose end did not come is not kept", async () => {
  const bed = new PluginBed([[proxyCache, memory]], {
    upstream: () => ({ status: 200, headers: [], body: stream("abc", true), source: "upstream" }),
  });
  await expect(bed.ask()).rejects.toBeUndefined();
  await expect(bed.ask()).rejects.toBeUndefined();
});

describe("the memory of a cache", () => {
  const reply = (size: number) => ({
    status: 200,
    headers: [],
    body: new Uint8Array(size),
    storedAt: 0,
    ttlSeconds: 1,
  });
  const none = () => "";

  test("is bounded; what was unused for longest goes first", () => {
    const cache = new MemoryCache(4000);
    for (const key of ["a", "b", "c"]) cache.store(key, [], none, reply(500));
    expect(cache.find("a", none)).not.toBeNull();
    cache.store("d", [], none, reply(500));
    expect(["a", "b", "c", "d"].map((key) => cache.find(key, none) !== null)).toEqual([
      true,
      false,
      true,
      true,
    ]);
    cache.store("e", [], none, reply(5000));
    expect(cache.find("e", none)).toBeNull();
  });

  test("has room for replies on their way up to its bound, which they give back", () => {
    const cache = new MemoryCache(100);
    expect([cache.reserve(60), cache.reserve(60)]).toEqual([true, false]);
    cache.release(60);
    expect(cache.reserve(100)).toBe(true);
  });

  test("holds 64 variants of a key", () => {
    const cache = new MemoryCache(1_000_000);
    for (let i = 0; i < 65; i++) cache.store("a", ["x"], () => String(i), reply(1));
    expect(
      [cache.find("a", () => "0"), cache.find("a", () => "64")].map((one) => one === null),
    ).toEqual([true, false]);
  });
});

test.each([
  [{ cache_strategy: "memory" }, "invalid or empty cache_zone for cache_strategy: memory"],
  [{ ...memory, cache_zone: "x" }, "cache_zone x not found"],
  [{ ...memory, cache_key: ["$request_method"] }, "cache_key variable $request_method unsupported"],
  [
    { ...memory, cache_key: ["$nginx_version"] },
    'variable "nginx_version" is not served: it describes the inside of nginx',
  ],
])("%j is refused", (conf, message) => {
  expect(problemsOf(proxyCache, conf)[0]?.message).toBe(message);
});

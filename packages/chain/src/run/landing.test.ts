import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { type ChainTestbed, chainTestbed, get, op, post, ref } from "../testbed/chain-testbed.ts";
import { jsonReply } from "../testbed/service-double.ts";

const EXACT =
  '{"id":12345678901234567890,"pi":3.14159265358979323846,"e":1e999,"n":{"deep":[1.0,[{"x":-0}]]}}';

const bed: ChainTestbed = chainTestbed((call) => {
  if (call.target.startsWith("/exact"))
    return jsonReply(EXACT, 200, [
      ["set-cookie", "a=1; Path=/"],
      ["set-cookie", "b=2; Expires=Wed, 21 Oct 2026 07:28:00 GMT"],
      ["x-total", "41"],
    ]);
  if (call.target.startsWith("/raw"))
    return new Response(new Uint8Array([0xff, 0x00, 0x01]), { headers: { "content-type": "x/y" } });
  return jsonReply(call.body === "" ? "{}" : call.body);
});
afterAll(() => bed.stop());
beforeEach(() => {
  bed.service.seen.length = 0;
});

describe("values where they land", () => {
  test("a body mapped to a body keeps numbers beyond 2^53 and nesting byte for byte", async () => {
    const { text } = await bed.run({
      steps: [
        { name: "exact", call: get("/exact") },
        {
          name: "sent",
          call: post("/echo", {
            body: { id: ref("exact", "id"), pi: ref("exact", "pi"), all: ref("exact") },
          }),
        },
        { name: "moved", value: op("merge", "deep", ref("exact"), { more: ref("exact", "n") }) },
      ],
      reply: { body: { sent: ref("sent"), moved: ref("moved", "more"), e: ref("exact", "e") } },
    });
    const sent = `{"id":12345678901234567890,"pi":3.14159265358979323846,"all":${EXACT}}`;
    expect(bed.service.to("/echo")[0]?.body).toBe(sent);
    expect(text).toBe(`{"sent":${sent},"moved":{"deep":[1.0,[{"x":-0}]]},"e":1e999}`);
  });

  test("a number that a computation would change is refused loudly", async () => {
    const { status, text, code } = await bed.run({
      steps: [
        { name: "exact", call: get("/exact") },
        { name: "next", value: op("add", ref("exact", "id"), 1) },
      ],
      reply: { body: ref("next") },
    });
    expect([status, code]).toEqual([422, "CHAIN_VALUE_INVALID"]);
    expect(text).toContain("would change its value");
  });

  test("equal numbers beyond 2^53 are told from unequal ones", async () => {
    const { text } = await bed.run(
      {
        steps: [{ name: "exact", call: get("/exact") }],
        reply: {
          body: [
            op("eq", ref("exact", "id"), ref("input", "body", "same")),
            op("eq", ref("exact", "n"), ref("exact", "n")),
          ],
        },
      },
      { body: '{"same":12345678901234567890}' },
    );
    expect(text).toBe("[true,true]");
  });

  test("the status and headers of an earlier response can be used anywhere", async () => {
    const { status, headers, text } = await bed.run({
      steps: [
        { name: "exact", call: get("/exact") },
        {
          name: "sent",
          call: post("/echo/{total}", {
            params: { total: op("header", ref("exact"), "X-Total") },
            query: { s: op("status", ref("exact")) },
            headers: { "x-from": op("header", ref("exact"), "x-total") },
            body: { total: op("number", op("header", ref("exact"), "x-total")) },
          }),
        },
      ],
      reply: {
        status: op("add", op("status", ref("sent")), 1),
        headers: { "x-total": op("header", ref("exact"), "x-total") },
        body: ref("sent"),
      },
    });
    const [seen] = bed.service.to("/echo");
    expect(seen).toMatchObject({ target: "/echo/41?s=200", body: '{"total":41}' });
    expect(seen?.headers["x-from"]).toBe("41");
    expect([status, text]).toEqual([201, '{"total":41}']);
    expect(headers).toContain("x-total");
  });

  test("a streamed response keeps each Set-Cookie apart", async () => {
    const { headers, text } = await bed.run({
      steps: [{ name: "exact", call: get("/exact") }],
      stream: "exact",
    });
    const cookies = headers.filter((_, i) => headers[i - 1]?.toLowerCase() === "set-cookie");
    expect(cookies).toEqual(["a=1; Path=/", "b=2; Expires=Wed, 21 Oct 2026 07:28:00 GMT"]);
    expect(text).toBe(EXACT);
  });

  test("each Set-Cookie of an earlier response can be given to the client apart", async () => {
    const { headers } = await bed.run({
      steps: [{ name: "exact", call: get("/exact") }],
      reply: { headers: { "set-cookie": op("headers", ref("exact"), "Set-Cookie") } },
    });
    expect(headers).toEqual([
      "set-cookie",
      "a=1; Path=/",
      "set-cookie",
      "b=2; Expires=Wed, 21 Oct 2026 07:28:00 GMT",
    ]);
  });

  test("headers of a reply given as a list stay apart", async () => {
    const { headers } = await bed.run({
      steps: [{ name: "v", value: ["a=1", "b=2"] }],
      reply: { headers: { "set-cookie": ref("v") } },
    });
    expect(headers).toEqual(["set-cookie", "a=1", "set-cookie", "b=2"]);
  });

  test("two POST steps both get the client's body byte for byte", async () => {
    const body = '{ "big" : 12345678901234567890,\n\t"é":1.0, "dup":1, "dup":2 }';
    await bed.run(
      {
        steps: [
          { name: "one", call: post("/one", { body: ref("input", "body") }) },
          { name: "two", call: post("/two", { body: ref("input", "body") }) },
        ],
        reply: { body: ref("one") },
      },
      { body, headers: ["content-type", "application/vnd.a+json; charset=utf-8"] },
    );
    expect(bed.service.seen.map((call) => call.body)).toEqual([body, body]);
    for (const call of bed.service.seen)
      expect(call.headers["content-type"]).toBe("application/vnd.a+json; charset=utf-8");
  });

  test("a body that is no text passes as bytes, from the client and from a step", async () => {
    const bytes = new Uint8Array([0xff, 0xfe, 0x00, 0x80]);
    const { outcome } = await bed.run(
      {
        steps: [
          { name: "up", call: post("/up", { body: ref("input", "body") }) },
          { name: "raw", call: get("/raw") },
          { name: "on", call: post("/on", { body: ref("raw") }) },
        ],
        reply: { body: ref("raw") },
      },
      { body: bytes, headers: ["content-type", "image/x"] },
    );
    expect(bed.service.to("/up")[0]).toMatchObject({
      bytes,
      headers: { "content-type": "image/x" },
    });
    expect(bed.service.to("/on")[0]).toMatchObject({
      bytes: new Uint8Array([0xff, 0, 1]),
      headers: { "content-type": "x/y" },
    });
    expect(outcome.body).toEqual(new Uint8Array([0xff, 0, 1]));
  });

  const segments: [value: string, target: string][] = [
    ["a/b?x=1#../é", "/item/a%2Fb%3Fx%3D1%23..%2F%C3%A9/end"],
    ["../../admin", "/item/..%2F..%2Fadmin/end"],
    ["%2e%2e%2f", "/item/%252e%252e%252f/end"],
    ["a;b=c&d+e f", "/item/a%3Bb%3Dc%26d%2Be%20f/end"],
    ["\r\nHost: evil", "/item/%0D%0AHost%3A%20evil/end"],
    ["💥\u0000", "/item/%F0%9F%92%A5%00/end"],
    ["\ud800", "/item/%EF%BF%BD/end"],
  ];
  test.each(segments)("%j arrives as one encoded segment", async (value, target) => {
    const { status } = await bed.run(
      {
        steps: [
          {
            name: "it",
            call: get("/item/{id}/end", { params: { id: ref("input", "body", "id") } }),
          },
        ],
        reply: { body: ref("it") },
      },
      { body: JSON.stringify({ id: value }) },
    );
    expect(status).toBe(200);
    expect(bed.service.seen.map((call) => call.target)).toEqual([target]);
  });

  test.each(["", ".", "..", null, [], { a: 1 }])(
    "%j as a whole segment is refused before a call",
    async (value) => {
      const { status, code } = await bed.run(
        {
          steps: [
            { name: "it", call: get("/item/{id}", { params: { id: ref("input", "body", "id") } }) },
          ],
          reply: { body: ref("it") },
        },
        { body: JSON.stringify({ id: value }) },
      );
      expect([status, code]).toEqual([422, "CHAIN_VALUE_INVALID"]);
      expect(bed.service.seen).toEqual([]);
    },
  );

  test("query values are encoded, lists repeat, absent ones are left out", async () => {
    await bed.run(
      {
        steps: [
          {
            name: "it",
            call: get("/q", {
              query: {
                "a&b": ref("input", "body", "v"),
                list: ref("input", "body", "list"),
                none: ref("input", "body", "none"),
                nil: null,
                big: ref("input", "body", "big"),
              },
            }),
          },
        ],
        reply: {},
      },
      { body: '{"v":"x=1&y=2#z é+","list":[1,true,"c"],"big":12345678901234567890}' },
    );
    expect(bed.service.seen[0]?.target).toBe(
      "/q?a%26b=x%3D1%26y%3D2%23z%20%C3%A9%2B&list=1&list=true&list=c&big=12345678901234567890",
    );
  });

  test.each(["a\r\nX-Evil: 1", "a\nb", "a\u0000b", "a\u0007b", "日本"])(
    "the header value %j is refused before a call",
    async (value) => {
      const { status, code, text } = await bed.run(
        {
          steps: [
            { name: "it", call: get("/h", { headers: { "x-a": ref("input", "body", "v") } }) },
          ],
          reply: {},
        },
        { body: JSON.stringify({ v: value }) },
      );
      expect([status, code]).toEqual([422, "CHAIN_VALUE_INVALID"]);
      expect(text).toContain('\\"x-a\\"');
      expect(text).not.toContain("Evil");
      expect(bed.service.seen).toEqual([]);
    },
  );

  test("a reply header with a line break is refused", async () => {
    const { status, headers } = await bed.run(
      {
        steps: [{ name: "v", value: 1 }],
        reply: { headers: { "x-a": ref("input", "body", "v") } },
      },
      { body: '{"v":"a\\r\\nset-cookie: x=1"}' },
    );
    expect(status).toBe(422);
    expect(headers.join()).not.toContain("x=1");
  });

  test.each([
    "evil.example",
    "127.0.0.1@evil.example",
    "127.0.0.1:1/../",
    "",
    "http://evil.example",
  ])("data cannot make a call go to %j", async (host) => {
    const { status, code } = await bed.run(
      {
        steps: [
          {
            name: "it",
            call: {
              uri: bed.service.url,
              method: "GET",
              path: "/x",
              allowed_hosts: [bed.service.host],
              host: ref("input", "body", "host"),
            },
          },
        ],
        reply: {},
      },
      { body: JSON.stringify({ host }) },
    );
    expect([status, code]).toEqual([422, "CHAIN_HOST_REFUSED"]);
    expect(bed.service.seen).toEqual([]);
  });

  test("data chooses among the hosts a call allows", async () => {
    const { status } = await bed.run(
      {
        steps: [
          {
            name: "it",
            call: {
              uri: "http://127.0.0.1:1/base",
              method: "GET",
              path: "/x",
              allowed_hosts: [bed.service.host],
              host: ref("input", "body", "host"),
            },
          },
        ],
        reply: {},
      },
      { body: JSON.stringify({ host: bed.service.host }) },
    );
    expect(status).toBe(200);
    expect(bed.service.seen[0]?.target).toBe("/base/x");
  });

  test("members named __proto__, then and constructor are data", async () => {
    const body = '{"__proto__":{"admin":true},"then":1,"constructor":"x"}';
    const { text } = await bed.run(
      {
        steps: [
          {
            name: "v",
            value: op("merge", "deep", ref("input", "body"), {
              own: ref("input", "body", "__proto__"),
            }),
          },
        ],
        reply: { body: { v: ref("v"), p: ref("v", "__proto__", "admin"), t: ref("v", "then") } },
      },
      { body },
    );
    expect(text).toBe(
      '{"v":{"__proto__":{"admin":true},"then":1,"constructor":"x","own":{"admin":true}},"p":true,"t":1}',
    );
    expect(({} as { admin?: unknown }).admin).toBeUndefined();
  });

  test("an absent value is an absent member, and null in a list", async () => {
    const { text } = await bed.run({
      steps: [{ name: "v", value: { a: 1 } }],
      reply: { body: { x: ref("v", "b"), l: [ref("v", "b"), ref("v", "a")] } },
    });
    expect(text).toBe('{"l":[null,1]}');
  });

  test("a literal with $ keys is itself", async () => {
    const { text } = await bed.run({
      steps: [{ name: "v", value: { $literal: { $ref: ["x"] } } }],
      reply: { body: ref("v") },
    });
    expect(text).toBe('{"$ref":["x"]}');
  });

  test("JSONata is computed for what the operators cannot say, also within each", async () => {
    const { text } = await bed.run(
      {
        steps: [
          { name: "sum", value: op("jsonata", "$sum(items.price)", ref("input", "body")) },
          {
            name: "each",
            each: {
              in: ref("input", "body", "items"),
              do: { value: op("jsonata", "price * 2", ref("item")) },
            },
          },
        ],
        reply: { body: { sum: ref("sum"), each: ref("each") } },
      },
      { body: '{"items":[{"price":1},{"price":2.5}]}' },
    );
    expect(text).toBe('{"sum":3.5,"each":[2,5]}');
  });

  test("a JSONata expression that would not end is given up", async () => {
    const { status, code } = await bed.run({
      steps: [{ name: "v", value: op("jsonata", "($f := function($n) { $f($n + 1) }; $f(1))") }],
      reply: { body: ref("v") },
    });
    expect([status, code]).toEqual([422, "CHAIN_VALUE_INVALID"]);
  });
});

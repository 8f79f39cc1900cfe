import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ChainBed, call, json, op, ref, startChainBed } from "./bed/chain-bed.ts";
import { type Service, startEcho } from "./bed/service.ts";

let bed: ChainBed;
beforeAll(async () => {
  bed = await startChainBed();
});
afterAll(() => bed.stop());

const value = ref("input", "body", "v");
const problem = async (response: Response): Promise<string> => {
  const { code } = (await response.json()) as { code: string };
  return `${response.status} ${code}`;
};

describe("values keep what they are", () => {
  const exact = '{"big":12345678901234567890,"small":1.10,"exp":1e400,"deep":[[{"a":[null,-0]}]]}';

  test("a body mapped to a body keeps numbers beyond 2^53 and nesting byte for byte", async () => {
    await bed.serve(
      {
        steps: [
          { name: "a", call: call("GET", "/a") },
          { name: "b", call: call("POST", "/b", { body: { got: ref("a", "x"), own: value } }) },
          { name: "c", each: { in: [1], do: { call: call("POST", "/c", { body: [ref("b")] }) } } },
        ],
        reply: { body: { b: ref("b"), c: ref("c", 0, "big") } },
      },
      ({ target, text }) =>
        json(target === "/a" ? `{"x":${exact}}` : target === "/b" ? exact : text.slice(1, -1)),
    );
    const response = await bed.ask({ body: `{"v":${exact}}` });
    expect(await response.text()).toBe(`{"b":${exact},"c":12345678901234567890}`);
    expect(bed.seen[1]?.text).toBe(`{"got":${exact},"own":${exact}}`);
    expect(bed.seen[2]?.text).toBe(`[${exact}]`);
  });

  test("a number that a computation would alter is refused loudly, before the call", async () => {
    await bed.serve({
      steps: [{ name: "a", call: call("POST", "/a", { body: op("add", value, 1) }) }],
      reply: {},
    });
    for (const number of ["12345678901234567890", "0.12345678901234567890123"])
      expect(await problem(await bed.ask({ body: `{"v":${number}}` }))).toBe(
        "422 CHAIN_VALUE_INVALID",
      );
    expect(bed.seen).toEqual([]);
  });

  test("two POST steps both get the client's body byte for byte", async () => {
    const bytes = Uint8Array.from({ length: 4096 }, (_, i) => (i * 7) % 256);
    await bed.serve(
      {
        steps: ["a", "b"].map((name) => ({
          name,
          call: call("POST", `/${name}`, { body: ref("input", "body") }),
        })),
        reply: { body: 1 },
      },
      () => json("{}"),
    );
    const headers = { "content-type": "application/x-own" };
    expect((await bed.ask({ body: bytes, headers })).status).toBe(200);
    expect(bed.seen.map((seen) => [seen.target, seen.headers["content-type"]])).toEqual([
      ["/a", "application/x-own"],
      ["/b", "application/x-own"],
    ]);
    for (const seen of bed.seen) expect(seen.bytes).toEqual(bytes);
  });
});

describe("responses of earlier steps", () => {
  test("status and headers can be used in a path, query, header, body, condition and reply", async () => {
    const id = op("header", ref("a"), "X-Id");
    const status = op("status", ref("a"));
    await bed.serve(
      {
        steps: [
          { name: "a", call: call("POST", "/a") },
          {
            name: "b",
            when: op("eq", status, 201),
            call: call("POST", "/b/{id}", {
              params: { id },
              query: { s: status },
              headers: { "x-from": id },
              body: { id, status },
            }),
          },
        ],
        reply: { status, headers: { "x-id": id }, body: { id, b: op("status", ref("b")) } },
      },
      ({ target }) => json("{}", target === "/a" ? 201 : 202, [["X-Id", "i/1"]]),
    );
    const response = await bed.ask({ body: "{}" });
    expect([response.status, response.headers.get("x-id"), await response.text()]).toEqual([
      201,
      "i/1",
      '{"id":"i/1","b":202}',
    ]);
    expect(bed.seen[1]).toMatchObject({
      target: "/b/i%2F1?s=201",
      headers: { "x-from": "i/1" },
      text: '{"id":"i/1","status":201}',
    });
  });

  test("duplicate Set-Cookie lines are kept apart, passed on, streamed or picked", async () => {
    const cookies = ["a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT", "b=2"];
    const answer = (): Response =>
      json(
        '{"v":1}',
        200,
        cookies.map((cookie): [string, string] => ["set-cookie", cookie]),
      );
    const step = { name: "a", call: call("GET", "/a") };
    const all = op("headers", ref("a"), "set-cookie");
    await bed.serve({ steps: [step], reply: { headers: { "set-cookie": all } } }, answer);
    expect((await bed.ask()).headers.getSetCookie()).toEqual(cookies);
    await bed.serve({ steps: [step], stream: "a" }, answer);
    expect((await bed.ask()).headers.getSetCookie()).toEqual(cookies);
    await bed.serve({ steps: [step], reply: { body: op("get", all, 1) } }, answer);
    expect(await (await bed.ask()).text()).toBe('"b=2"');
  });
});

describe("values stay where they land", () => {
  test("the value a/b?x=1#../é arrives as one encoded segment", async () => {
    await bed.serve(
      {
        steps: [{ name: "a", call: call("GET", "/users/{id}/x", { params: { id: value } }) }],
        reply: {},
      },
      () => json("{}"),
    );
    await bed.ask({ body: '{"v":"a/b?x=1#../é"}' });
    expect(bed.seen.map(({ target }) => target)).toEqual(["/users/a%2Fb%3Fx%3D1%23..%2F%C3%A9/x"]);
    for (const v of ["..", ".", ""])
      expect(await problem(await bed.ask({ body: JSON.stringify({ v }) }))).toBe(
        "422 CHAIN_VALUE_INVALID",
      );
    expect(bed.seen).toHaveLength(1);
  });

  test("a header value with CR, LF or NUL is refused before the call, and in a reply", async () => {
    const conf = { name: "a", call: call("GET", "/a", { headers: { "x-v": value } }) };
    for (const chain of [
      { steps: [conf], reply: {} },
      { steps: [{ name: "a", value: 1 }], reply: { headers: { "x-v": value } } },
    ]) {
      await bed.serve(chain, () => json("{}"));
      for (const v of ["a\r\nX-Evil: 1", "a\nb", "a\rb", "a\0b"]) {
        const response = await bed.ask({ body: JSON.stringify({ v }) });
        expect(response.headers.has("x-evil")).toBe(false);
        expect(await problem(response)).toBe("422 CHAIN_VALUE_INVALID");
      }
      expect(bed.seen).toEqual([]);
    }
  });

  test("data cannot change the host, port or scheme of a call", async () => {
    const evil: Service = startEcho();
    const attempts = [
      `//${evil.node}/x`,
      `@${evil.node}/`,
      `http://${evil.node}/`,
      `..//${evil.node}`,
      `\\\\${evil.node}`,
      `:${evil.node.split(":")[1]}/`,
      `x\r\nHost: ${evil.node}`,
    ];
    const target = { uri: `http://${bed.node}/base`, method: "GET" };
    await bed.serve(
      {
        steps: [
          {
            name: "a",
            call: { ...target, path: "/{v}", params: { v: value }, query: { v: value } },
          },
        ],
        reply: {},
      },
      () => json("{}"),
    );
    for (const v of attempts) await bed.ask({ body: JSON.stringify({ v }) });
    expect(bed.seen).toHaveLength(attempts.length);
    for (const seen of bed.seen) {
      expect(seen.target).toMatch(/^\/base\/[^/]+\?v=[^/]+$/);
      expect(seen.headers["host"]).toBe(bed.node);
    }
    await bed.serve({
      steps: [
        {
          name: "a",
          call: { ...target, path: "/h", host: value, allowed_hosts: ["allowed.test"] },
        },
      ],
      reply: {},
    });
    for (const v of [evil.node, "evil.test", "allowed.test@evil.test", "allowed.test.evil.test"])
      expect(await problem(await bed.ask({ body: JSON.stringify({ v }) }))).toBe(
        "422 CHAIN_HOST_REFUSED",
      );
    expect([bed.seen, evil.seen]).toEqual([[], []]);
    await evil.stop();
  });
});

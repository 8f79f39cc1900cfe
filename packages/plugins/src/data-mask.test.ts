import { describe, expect, test } from "bun:test";
import { targetBySending } from "@catena/pipeline";
import type { JsonObject, PluginConf } from "@catena/schema";
import { dataMask } from "./data-mask.ts";
import { httpLogger } from "./http-logger.ts";
import { type Ask, PluginBed, problemsOf } from "./plugin.testbed.ts";

/** What a logger behind the masks shows of a request, and what the upstream got. */
async function shown(conf: PluginConf, ask: Ask, log: PluginConf = {}) {
  const sent = Promise.withResolvers<JsonObject>();
  const target = targetBySending(({ body }) => {
    sent.resolve(JSON.parse(String(body)) as JsonObject);
    return Promise.resolve({ status: 200, headers: [], body: null });
  });
  const services = { targets: { upstream: () => null, uri: () => target } };
  const logger = { uri: "http://logs.test", batch_max_size: 1, include_req_body: true, ...log };
  const bed = new PluginBed(
    [
      [dataMask, conf],
      [httpLogger, logger],
    ],
    { services },
  );
  const { upstream } = await bed.ask(ask);
  const entry = await sent.promise;
  return { upstream, entry, request: Object(entry["request"]) };
}

const mask = (type: string, name: string, action: string, rest: object = {}) => ({
  request: [{ type, name, action, ...rest }],
});

describe("query", () => {
  const cases: [name: string, conf: PluginConf, uri: string][] = [
    ["arguments are removed", mask("query", "p", "remove"), "/a?x=1"],
    [
      "arguments are replaced",
      mask("query", "p", "replace", { value: "***" }),
      "/a?p=***&x=1&p=***",
    ],
    [
      "arguments are changed in part",
      mask("query", "p", "regex", { regex: "^(.).*", value: "$1*" }),
      "/a?p=s*&x=1&p=t*",
    ],
    ["others stay", mask("query", "q", "remove"), "/a?p=secret&x=1&p=two"],
  ];
  test.each(cases)("%s", async (_, conf, uri) => {
    const { request, upstream } = await shown(conf, { target: "/a?p=secret&x=1&p=two" });
    expect(request.uri).toBe(uri);
    expect(upstream?.target).toBe("/a?p=secret&x=1&p=two");
  });

  test("formats show no more", async () => {
    const log_format = { u: "$request_uri", a: "$arg_p", l: "$request_line", q: "$args" };
    const { entry } = await shown(
      mask("query", "p", "remove"),
      { target: "/a?p=secret" },
      { log_format },
    );
    expect(JSON.stringify(entry)).not.toContain("secret");
  });
});

test.each([
  ["remove", {}, undefined],
  ["replace", { value: "***" }, "***"],
  ["regex", { regex: "ec", value: "-" }, "s-ret"],
] as const)("headers: %s", async (action, rest, value) => {
  const ask = { headers: { "x-token": "secret" } };
  const { request, upstream } = await shown(mask("header", "X-Token", action, rest), ask);
  expect(request.headers["x-token"]).toBe(value);
  expect(upstream?.headers["x-token"]).toBe("secret");
});

describe("bodies", () => {
  const json = (name: string, action: string, rest = {}) =>
    mask("body", name, action, { body_format: "json", ...rest });
  const form = (name: string, action: string, rest = {}) =>
    mask("body", name, action, { body_format: "urlencoded", ...rest });
  const cases: [name: string, conf: PluginConf, body: string, seen: string | undefined][] = [
    ["members are removed", json("$.a.b", "remove"), '{"a":{"b":1,"c":2}}', '{"a":{"c":2}}'],
    ["members are replaced", json("$.a", "replace", { value: "*" }), '{"a":{"b":1}}', '{"a":"*"}'],
    [
      "texts are changed in part",
      json("$.a", "regex", { regex: "\\d+", value: "#" }),
      '{"a":"x12y"}',
      '{"a":"x#y"}',
    ],
    [
      "numbers are changed in part",
      json("$.a", "regex", { regex: "^\\d{4}", value: "#" }),
      '{"a":41111}',
      '{"a":"#1"}',
    ],
    [
      "objects are not changed in part",
      json("$.a", "regex", { regex: ".", value: "#" }),
      '{"a":{"b":1}}',
      '{"a":{"b":1}}',
    ],
    [
      "all items",
      json("$.l[*].s", "remove"),
      '{"l":[{"s":1},{"s":2,"t":3}]}',
      '{"l":[{},{"t":3}]}',
    ],
    ["one item", json("$.l[0]", "remove"), '{"l":[1,2]}', '{"l":[2]}'],
    [
      "at any depth",
      json("$..s", "remove"),
      '{"s":1,"a":[{"s":2,"b":{"s":3}}]}',
      '{"a":[{"b":{}}]}',
    ],
    ["names in brackets", json("$['a b']", "remove"), '{"a b":1,"c":2}', '{"c":2}'],
    ["what is not there", json("$.x.y", "remove"), '{"a":1}', '{"a":1}'],
    ["what is no JSON is not shown", json("$.a", "remove"), "secret", undefined],
    [
      "what is too long is not shown",
      { ...json("$.a", "remove"), max_body_size: 5 },
      '{"b":"long"}',
      undefined,
    ],
    ["arguments of a form", form("p", "replace", { value: "*" }), "p=secret&x=1", "p=*&x=1"],
    [
      "so many arguments of a form",
      { ...form("p", "remove"), max_req_post_args: 2 },
      "p=1&x=2&y=3",
      "x=2",
    ],
  ];
  test.each(cases)("%s", async (_, conf, body, seen) => {
    const { request } = await shown(conf, { method: "POST", body });
    expect(request.body).toBe(seen);
  });

  test("a part of a body is not shown", async () => {
    const ask = { method: "POST", body: '{"a":"secret"}' };
    const { request } = await shown(json("$.a", "remove"), ask, { max_req_body_bytes: 10 });
    expect(request).not.toHaveProperty("body");
  });
});

test.each([
  [{ request: [{ type: "query", name: "a" }] }],
  [mask("query", "a", "replace")],
  [mask("query", "a", "regex", { regex: "(", value: "" })],
  [mask("body", "a", "remove")],
  [mask("body", "$.a[?(@.b)]", "remove", { body_format: "json" })],
])("%j is refused", (conf) => {
  expect(problemsOf(dataMask, conf)).not.toHaveLength(0);
});

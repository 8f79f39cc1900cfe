import { describe, expect, test } from "bun:test";
import { mocking } from "./mocking.ts";
import { PluginBed, problemsOf } from "./plugin.testbed.ts";

const bed = (conf: Record<string, unknown>): PluginBed => new PluginBed([[mocking, conf]]);

test("answers with the example in place of the upstream", async () => {
  const answer = await bed({
    response_status: 201,
    content_type: "application/json",
    response_example: '{"a":1}',
  }).ask();
  expect(answer.status).toBe(201);
  expect(answer.headers).toEqual({
    "content-type": "application/json",
    "x-mock-by": "APISIX/3.18.0",
  });
  expect(answer.body).toBe('{"a":1}');
  expect(answer.upstream).toBeNull();
});

test("fills in variables, in the body and in headers", async () => {
  const answer = await bed({
    content_type: "text/plain",
    response_example: "hi $arg_name",
    response_headers: { "X-Path": "$uri", "X-N": 1, "X-Arg": "$arg_name" },
    with_mock_header: false,
  }).ask({ target: "/a?name=b%0D%0AX-Admin:%201" });
  expect(answer.body).toBe("hi b\r\nX-Admin: 1");
  expect(answer.headers).toEqual({
    "content-type": "text/plain",
    "x-path": "/a",
    "x-n": "1",
    "x-arg": "b%0D%0AX-Admin: 1",
  });
});

const shape = {
  type: "object",
  properties: {
    id: { type: "integer" },
    name: { type: "string", example: "jack" },
    price: { type: "number" },
    is_open: { type: "boolean" },
    tags: { type: "array", items: { type: "string" } },
    empty: { type: "array" },
    odd: { type: "date" },
    inner: { type: "object", properties: { a: { type: "integer", example: 7.9 } } },
  },
};

test("invents a body by a schema, using its examples", async () => {
  const answer = await bed({ response_schema: shape }).ask();
  expect(answer.headers["content-type"]).toBe("application/json;charset=utf8");
  const body = JSON.parse(answer.body);
  expect(Object.keys(body)).toEqual(["id", "name", "price", "is_open", "tags", "inner"]);
  expect(body.id).toBeWithin(1, 10_001);
  expect(body.name).toBe("jack");
  expect(body.inner).toEqual({ a: 7 });
  expect(body.tags.length).toBeWithin(1, 4);
  for (const tag of body.tags) expect(tag).toMatch(/^[a-z]{1,10}$/);
});

test("writes what it invented as XML under data", async () => {
  const small = { properties: { name: { type: "string", example: "<jack>" } } };
  const answer = await bed({ content_type: "text/xml", response_schema: small }).ask();
  expect(answer.body).toBe("<data><name>&lt;jack&gt;</name></data>");
});

test("a schema that nests without end is followed only so far", async () => {
  let nested: object = { type: "string" };
  for (let i = 0; i < 200; i++) nested = { type: "array", items: nested };
  const answer = await bed({ response_schema: { properties: { a: nested } } }).ask();
  expect(answer.body.length).toBeLessThan(100_000);
});

describe("configurations", () => {
  const bad: [conf: object, path: string][] = [
    [{}, ""],
    [{ response_example: "", content_type: "image/png" }, "/content_type"],
    [{ response_example: "", response_status: 99 }, "/response_status"],
    [{ response_example: "", response_status: 101 }, "/response_status"],
    [{ response_example: "$request_body" }, "/response_example"],
    [{ response_example: "", response_headers: { "a b": "1" } }, "/response_headers/a b"],
    [{ response_example: "", response_headers: {} }, "/response_headers"],
  ];
  test.each(bad)("%j is refused at %s", (conf, path) => {
    expect(problemsOf(mocking, { ...conf })[0]?.path).toBe(path);
  });
});

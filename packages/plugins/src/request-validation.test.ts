import { describe, expect, test } from "bun:test";
import type { PluginConf } from "@catena/schema";
import { PluginBed, problemsOf } from "./plugin.testbed.ts";
import { requestValidation } from "./request-validation.ts";

const json = "application/json";
const form = "application/x-www-form-urlencoded";

const ask = (conf: PluginConf, body: string | null, type = json) =>
  new PluginBed([[requestValidation, conf]]).ask({
    method: "POST",
    headers: { "content-type": type },
    ...(body === null ? {} : { body }),
  });

const name = { type: "object", required: ["name"], properties: { name: { type: "string" } } };

describe("bodies", () => {
  const cases: [what: string, schema: object, type: string, body: string | null, reply: string][] =
    [
      ["of the right form", name, json, '{"name":"a"}', "200"],
      ["without a member", name, json, "{}", '400 property "name" is required'],
      [
        "of the wrong type",
        name,
        json,
        '{"name":1}',
        '400 property "name" validation failed: wrong type: expected string, got number',
      ],
      ["that are no JSON", name, json, "{", "400 the body is not JSON"],
      ["that are missing", name, json, null, "400 <html>"],
      ["of a type that is named twice", name, `${json}, ${form}`, '{"name":"a"}', "400 <html>"],
      ["of a form", name, form, "name=a%20b&x=1", "200"],
      ["of a form without a member", name, form, "x=1", '400 property "name" is required'],
      [
        "of a form with a list",
        { properties: { a: { type: "array", minItems: 2 } } },
        form,
        "a=1&a=2",
        "200",
      ],
      [
        "with a pattern",
        { properties: { a: { pattern: "^b+$" } } },
        json,
        '{"a":"c"}',
        '400 property "a" validation failed: failed to match pattern "^b+$" with "c"',
      ],
      [
        "with a default that is required",
        { required: ["a"], properties: { a: { default: 1 } } },
        json,
        "{}",
        "200",
      ],
      [
        "with a reference",
        { properties: { a: { $ref: "#/definitions/n" } }, definitions: { n: { type: "number" } } },
        json,
        '{"a":"x"}',
        '400 property "a" validation failed: wrong type: expected number, got string',
      ],
      [
        "with a limit of draft 4",
        { properties: { a: { minimum: 1, exclusiveMinimum: true } } },
        json,
        '{"a":1}',
        '400 property "a" validation failed: expected 1 to be greater than 1',
      ],
      ["that nothing may be", { properties: { a: false } }, json, '{"a":1}', "400 property"],
    ];
  test.each(cases)("%s", async (_, body_schema, type, body, reply) => {
    const { status, body: text } = await ask({ body_schema }, body, type);
    const seen = status === 200 ? "200" : `${status} ${text}`;
    if (reply.endsWith(">") || reply.endsWith("property")) expect(seen).toStartWith(reply);
    else expect(seen).toBe(reply);
  });
});

describe("the upstream gets", () => {
  const a = {
    properties: { a: { default: { b: [1] } }, l: { items: { properties: { d: { default: 2 } } } } },
  };
  const cases: [what: string, body: string, sent: string][] = [
    ["what was looked at, written anew", '{ "a" : 1, "a": 2 }', '{"a":2}'],
    ["defaults", '{"l":[{}]}', '{"l":[{"d":2}],"a":{"b":[1]}}'],
    [
      "numbers as they were",
      '{"a":12345678901234567890,"b":1.10,"c":1e400}',
      '{"a":12345678901234567890,"b":1.10,"c":1e400}',
    ],
  ];
  test.each(cases)("%s", async (_, body, sent) => {
    const { ctx } = await ask({ body_schema: a }, body);
    expect(ctx.upstreamBody).toBe(sent);
  });

  test("a form as it was", async () => {
    expect((await ask({ body_schema: a }, "x=1", form)).ctx.upstreamBody).toBeUndefined();
  });
});

describe("headers", () => {
  const cases: [what: string, schema: object, headers: Record<string, string>, status: number][] = [
    [
      "that are there",
      { required: ["X-Foo"], properties: { "X-Foo": { pattern: "^b" } } },
      { "x-foo": "bar" },
      200,
    ],
    ["by names in lower case", { required: ["x-foo"] }, { "x-foo": "bar" }, 200],
    ["that are missing", { required: ["X-Foo"] }, {}, 400],
    ["of another value", { properties: { "X-Foo": { enum: ["a"] } } }, { "x-foo": "b" }, 400],
  ];
  test.each(cases)("%s", async (_, header_schema, headers, status) => {
    const bed = new PluginBed([[requestValidation, { header_schema }]]);
    expect((await bed.ask({ headers })).status).toBe(status);
  });
});

test("a refusal has the status and words that were asked for", async () => {
  const conf = { body_schema: name, rejected_code: 422, rejected_msg: "no" };
  expect(await ask(conf, "{}")).toMatchObject({ status: 422, body: "no" });
});

test("a long body is not looked at", async () => {
  const conf = { body_schema: name, max_req_body_size: 4 };
  expect((await ask(conf, '{"name":"a"}')).status).toBe(400);
});

test.each([
  [{}, "anyOf"],
  [
    { body_schema: { properties: { a: { pattern: "(?=a)" } } } },
    "/body_schema/properties/a/pattern",
  ],
  [{ body_schema: { $ref: "#" } }, "/body_schema"],
  [{ body_schema: { properties: { a: { $ref: "http://x" } } } }, "/body_schema/properties/a"],
  [{ header_schema: { properties: 1 } }, "/header_schema/properties"],
  [{ header_schema: { contains: {} } }, "/header_schema/contains"],
] as const)("%j is refused", (conf, path) => {
  const problems = problemsOf(requestValidation, conf);
  expect(problems).not.toHaveLength(0);
  if (path !== "anyOf") expect(problems[0]?.path).toBe(path);
});

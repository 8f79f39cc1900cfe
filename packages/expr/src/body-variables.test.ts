import { describe, expect, test } from "bun:test";
import { bodyVariables } from "./body-variables.ts";
import { compileExpression } from "./expression.ts";
import { viewOf } from "./request-view.testbed.ts";
import { compileVariable, type VariableValue } from "./variables.ts";

const json = "application/json";
const form = "application/x-www-form-urlencoded";
const graphql = "application/graphql";

function read(name: string, type: string, knownBody: string, method = "POST"): VariableValue {
  const view = viewOf({ method, knownBody, headers: { "content-type": type } });
  return compileVariable(name, bodyVariables).value?.(view);
}

describe("members of a body", () => {
  const document = '{"a":{"b":"x","n":1,"t":true,"f":false,"l":[1,"2"],"o":{}},"d.e":1}';
  const multipart = 'multipart/form-data; boundary="B-1"';
  const parts = '--B-1\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n--B-1--\r\n';
  const cases: [name: string, type: string, body: string, value: VariableValue][] = [
    ["request_body", "text/plain", "x", "x"],
    ["request_body", "text/plain", "", undefined],
    ["post_arg_a", form, "b=1&a=x+y%21", "x y!"],
    ["post_arg_a", form, "a=1&a=2", "1"],
    ["post_arg_a", json, '{"a":"x"}', undefined],
    ["post_arg.a", form, "a=x", "x"],
    ["post_arg.a", form, "a=1&a=2", ["1", "2"]],
    ["post_arg.a", form, "a", true],
    ["post_arg.a", multipart, parts, "x"],
    ["post_arg.a", "multipart/form-data", parts, undefined],
    ["post_arg.a.b", json, document, "x"],
    ["post_arg.a.b", `${json}; charset=utf-8`, document, "x"],
    ["post_arg.a.n", json, document, 1],
    ["post_arg.a.t", json, document, true],
    ["post_arg.a.f", json, document, false],
    ["post_arg.a.l", json, document, [1, "2"]],
    ["post_arg.a.o", json, document, undefined],
    ["post_arg.a.b.c", json, document, undefined],
    ["post_arg.d.e", json, document, undefined],
    ["post_arg.toString", json, document, undefined],
    ["post_arg.a.b", "text/plain", document, undefined],
    ["post_arg.a.b", json, "{", undefined],
    ["post_arg.a", json, "[1]", undefined],
  ];
  test.each(cases)("%s of %s %s is %p", (name, type, body, value) => {
    expect(read(name, type, body)).toEqual(value);
  });
});

describe("paths into a body", () => {
  const document = JSON.stringify({
    messages: [
      { role: "a", content: [{ type: "text" }, { type: "image_url" }] },
      { role: "b", content: [{ type: "audio" }] },
    ],
  });
  const cases: [path: string, value: VariableValue][] = [
    ["messages[*].role", ["a", "b"]],
    ["messages[0].role", ["a"]],
    ["messages[5].role", undefined],
    ["messages[*].content[*].type", ["text", "image_url", "audio"]],
    ["messages.*.role", ["a", "b"]],
    ["messages[1]['role']", ["b"]],
    ["..type", ["text", "image_url", "audio"]],
    ["messages..type", ["text", "image_url", "audio"]],
    ["messages[*].none", undefined],
  ];
  test.each(cases)("%s leads to %p", (path, value) => {
    expect(read(`post_arg.${path}`, json, document)).toEqual(value);
  });

  test.each(["a[?(@.b)]", "a[1:2]", "a[0,1]", "a[", "a.[0]", "a[*]b"])("%s is refused", (path) => {
    const { value, issues } = compileVariable(`post_arg.${path}`, bodyVariables);
    expect(value).toBeUndefined();
    expect(issues[0]?.code).toBe("VARIABLE_NOT_SERVED");
  });

  test("what is found is in bounds", () => {
    const deep = `${"[".repeat(2000)}${"]".repeat(2000)}`;
    expect(read("post_arg.a..b", json, `{"a":${deep}}`)).toBeUndefined();
    expect(read("post_arg.*", json, `{"a":${deep}}`)).toHaveLength(1);
  });
});

describe("GraphQL", () => {
  const cases: [document: string, operation: string, name: string, fields: readonly string[]][] = [
    ["query getRepo { owner { name } repo { created } }", "query", "getRepo", ["owner", "repo"]],
    ["{ a b }", "query", "", ["a", "b"]],
    [
      "mutation M($id: ID! = 1) @d(a: {b: 1}) { set(id: $id, in: {x: [1]}) { ok } }",
      "mutation",
      "M",
      ["set"],
    ],
    ["subscription { a }", "subscription", "", ["a"]],
    ["# note {\nquery Q{one:two three}", "query", "Q", ["two", "three"]],
    ['{ a(text: "}") b(text: """ "} """) @skip(if: true) }', "query", "", ["a", "b"]],
    ["{ a ...Rest ... on T { c } } fragment Rest on T { d }", "query", "", ["a", "Rest"]],
  ];
  test.each(cases)("%s", (document, operation, name, fields) => {
    for (const [type, body] of [
      [graphql, document],
      [json, JSON.stringify({ query: document })],
    ] as const) {
      expect(read("graphql_operation", type, body)).toBe(operation);
      expect(read("graphql_name", type, body)).toBe(name);
      expect(read("graphql_root_fields", type, body)).toEqual(fields);
    }
  });

  test.each(["", "{ a", "query", "fragment F on T { a }", "{ a ] }", "{ a(} }", "x"])(
    "%p is no operation",
    (document) => expect(read("graphql_operation", graphql, document)).toBeUndefined(),
  );

  test("a GET has it in its query", () => {
    const view = viewOf({ query: "query=query%20q%7Ba%7D" });
    expect(compileVariable("graphql_name", bodyVariables).value?.(view)).toBe("q");
  });

  test("other methods have none", () => {
    expect(read("graphql_name", graphql, "query q{a}", "PUT")).toBeUndefined();
  });

  test("hostile documents are read in linear time", () => {
    for (const document of [
      "#".repeat(500_000),
      `{${'"'.repeat(500_000)}`,
      "{a ".repeat(300_000),
    ]) {
      expect(read("graphql_name", graphql, document)).toBeUndefined();
    }
  });
});

describe("conditions", () => {
  const cases: [condition: readonly unknown[], holds: boolean][] = [
    [["post_arg.l", "has", "b"], true],
    [["post_arg.l", "has", "c"], false],
    [["post_arg.l", "!", "has", "c"], true],
    [["post_arg.n", "==", 1], true],
    [["post_arg.n", "in", [1, 2]], true],
    [["post_arg.n", ">", 0], true],
    [["post_arg.n", "~~", "^1$"], true],
    [["post_arg.s", "has", "s"], false],
    [["post_arg.t", "==", true], true],
    [["post_arg.t", "==", false], false],
  ];
  const view = viewOf({
    knownBody: '{"l":["a","b"],"n":1,"s":"s","t":true}',
    headers: { "content-type": json },
  });
  test.each(cases)("%p is %p", (condition, holds) => {
    expect(compileExpression([condition], bodyVariables).value?.(view)).toBe(holds);
  });

  test("a body that was not read is asked for", () => {
    let asked = 0;
    const unread = { ...viewOf({ method: "POST" }), wantBody: () => void asked++ };
    const { value } = compileExpression([["post_arg.a", "==", "x"]], bodyVariables);
    expect(value?.(unread)).toBe(false);
    expect(asked).toBe(1);
  });
});

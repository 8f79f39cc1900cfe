import { describe, expect, test } from "bun:test";
import type { PluginConf } from "@catena/schema";
import { degraphql } from "./degraphql.ts";
import { countDefinitions } from "./graphql/read-definitions.ts";
import { type Ask, PluginBed, problemsOf } from "./plugin.testbed.ts";

const query = "query($n: String) { user(name: $n) { id } }";
const json = (body: string): Ask => ({ method: "POST", target: "/a?x=1", body });

describe("a request becomes", () => {
  test("arguments of a GET", async () => {
    const conf = { query, variables: ["n", "m"], operation_name: "op" };
    const { upstream, ctx } = await new PluginBed([[degraphql, conf]]).ask({
      target: "/a?n=b%20c&z=1",
    });
    const [path, args] = (upstream?.target ?? "").split("?");
    expect(path).toBe("/a");
    expect(args).not.toContain("+");
    expect(Object.fromEntries(new URLSearchParams(args))).toEqual({
      variables: '{"n":"b c"}',
      operationName: "op",
      query,
    });
    expect(ctx.upstreamBody).toBeUndefined();
  });

  const cases: [name: string, conf: PluginConf, ask: Ask, status: number, body: string | null][] = [
    ["the body of a POST", { query: "{ a }" }, json("ignored"), 200, '{"query":"{ a }"}'],
    ["without a body too", { query: "{ a }" }, { method: "POST" }, 200, '{"query":"{ a }"}'],
    [
      "with variables",
      { query: "{ a }", variables: ["n", "m"] },
      json('{"n":{"b":1},"z":2}'),
      200,
      '{"variables":{"n":{"b":1}},"query":"{ a }"}',
    ],
    [
      "nothing without a body for variables",
      { query: "{ a }", variables: ["n"] },
      { method: "POST" },
      400,
      null,
    ],
    ["nothing of what is no JSON", { query: "{ a }", variables: ["n"] }, json("no"), 400, null],
    [
      "nothing of a body that is too long",
      { query: "{ a }", max_req_body_size: 1 },
      json("long"),
      503,
      null,
    ],
    ["nothing by other methods", { query: "{ a }" }, { method: "PUT" }, 405, null],
  ];
  test.each(cases)("%s", async (_, conf, ask, status, body) => {
    const answer = await new PluginBed([[degraphql, conf]]).ask(ask);
    expect(answer.status).toBe(status);
    if (body === null) return;
    expect(answer.ctx.upstreamBody).toBe(body);
    expect(answer.upstream?.headers["content-type"]).toBe("application/json");
  });
});

test.each([
  ["{ a }", 1],
  ['query A { a } mutation B($x: [Int!] = [1]) @d(if: true) { b(c: {d: "}"}) }', 2],
  ["{ ...F } fragment F on T { a } # the end", 2],
  ['{ a(b: """{ " """) }', 1],
  ["", "it is empty"],
  ["{ a", "a brace is not closed"],
  ["{ }", "a definition has no fields"],
  ["query A", "a definition has no fields"],
  ["{ a ) }", "a brace is not closed"],
  ["query(a { b }", "a bracket is not closed"],
  ["select from a", '"select" begins no definition'],
  ["{ a ; b }", "it has characters that mean nothing"],
])("%s has %p", (text, result) => {
  const found = countDefinitions(text);
  expect(found).toBe(result);
});

test.each([
  [{}, null],
  [{ query: "AA { a }" }, 'failed to parse query: "AA" begins no definition'],
  [
    { query: "query A { a } query B { b }" },
    "operation_name is required if multiple operations are present in the query",
  ],
])("%j is refused", (conf, message) => {
  const [problem] = problemsOf(degraphql, conf);
  expect(problem).toBeDefined();
  if (message !== null) expect(problem?.message).toBe(message);
});

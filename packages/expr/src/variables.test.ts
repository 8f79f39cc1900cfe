import { describe, expect, test } from "bun:test";
import { type RequestSketch, viewOf } from "./request-view.testbed.ts";
import { compileVariable, type VariableValue } from "./variables.ts";

function read(name: string, sketch: RequestSketch = {}): VariableValue {
  const { value, issues } = compileVariable(name);
  if (value === undefined) throw new Error(JSON.stringify(issues));
  return value(viewOf(sketch));
}

describe("values", () => {
  const cases: [name: string, request: RequestSketch, value: VariableValue][] = [
    ["uri", { path: "/a b" }, "/a b"],
    ["document_uri", {}, "/hello"],
    ["request_uri", {}, "/hello"],
    ["request_uri", { query: "a=1" }, "/hello?a=1"],
    ["real_request_uri", { rawTarget: "/%68ello?" }, "/%68ello?"],
    ["args", { query: "a=1&b" }, "a=1&b"],
    ["query_string", {}, undefined],
    ["is_args", {}, ""],
    ["is_args", { query: "a" }, "?"],
    ["host", {}, "a.test"],
    ["http_host", { headers: { host: "a.test:9080" } }, "a.test:9080"],
    ["method", { method: "PUT" }, "PUT"],
    ["request_method", {}, "GET"],
    ["scheme", {}, "http"],
    ["https", { scheme: "https" }, "on"],
    ["https", {}, ""],
    ["remote_addr", {}, "127.0.0.1"],
    ["remote_addr", { clientAddress: "" }, undefined],
    ["binary_remote_addr", {}, "127.0.0.1"],
    ["remote_user", { headers: { authorization: "Basic dTpw" } }, "u"],
    ["remote_user", { headers: { authorization: "Basic dQ==" } }, undefined],
    ["remote_user", { headers: { authorization: "Bearer dTpw" } }, undefined],
    ["remote_user", {}, undefined],
    ["request_line", { method: "PUT", rawTarget: "/a?b" }, "PUT /a?b HTTP/1.1"],
    ["request", {}, "GET /hello HTTP/1.1"],
    ["server_name", {}, "_"],
    ["server_protocol", {}, "HTTP/1.1"],
    ["remote_port", {}, "4711"],
    ["remote_port", { clientPort: 0 }, undefined],
    ["realip_remote_addr", { clientAddress: "9.9.9.9" }, "127.0.0.1"],
    ["server_addr", {}, "10.0.0.1"],
    ["server_port", {}, "9080"],
    ["request_id", {}, "00000000000040008000000000000001"],
    ["content_type", { headers: { "content-type": "text/a" } }, "text/a"],
    ["content_length", {}, undefined],
    ["route_id", { routeId: "r" }, "r"],
    ["route_name", {}, undefined],
    ["service_id", { serviceId: "s" }, "s"],
    ["service_name", { serviceName: "n" }, "n"],
    ["consumer_name", {}, undefined],
    ["consumer_name", { consumer: { name: "jack", groupId: "" } }, "jack"],
    ["consumer_group_id", { consumer: { name: "jack", groupId: "" } }, undefined],
    ["consumer_group_id", { consumer: { name: "jack", groupId: "g" } }, "g"],
    ["uri_param_id", { params: { id: "7" } }, "7"],
    ["uri_param_constructor", { params: {} }, undefined],
    ["http_x_a", { headers: { "x-a": "1" } }, "1"],
    ["http_X-A", { headers: { "x-a": "1" } }, "1"],
    ["http_x_a", { headers: { x_a: "1" } }, "1"],
    ["http_x_a", {}, undefined],
    ["cookie_a", {}, undefined],
    ["cookie_a", { headers: { cookie: "b=2; a=1" } }, "1"],
    ["status", {}, undefined],
    ["status", { reply: { status: 404, headers: [], source: "gateway" } }, "404"],
    ["upstream_status", { reply: { status: 404, headers: [], source: "gateway" } }, undefined],
    ["upstream_status", { reply: { status: 404, headers: [], source: "upstream" } }, "404"],
    ["sent_http_x_a", { reply: { status: 200, headers: ["X-A", "1"], source: "gateway" } }, "1"],
    [
      "upstream_http_x_a",
      { reply: { status: 200, headers: ["X-A", "1"], source: "gateway" } },
      undefined,
    ],
    ["nobody_knows", {}, undefined],
    ["URI", {}, undefined],
    ["", {}, undefined],
  ];
  test.each(cases)("%s of %j is %p", (name, request, value) => {
    expect(read(name, request)).toBe(value);
  });

  test("times are written as nginx writes them", () => {
    expect(read("msec")).toMatch(/^\d+\.\d{3}$/);
    expect(read("request_time")).toMatch(/^\d+\.\d{3}$/);
    expect(read("time_iso8601")).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$/);
    expect(read("time_local")).toMatch(/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}$/);
    expect(read("pid")).toBe(String(process.pid));
    expect(read("hostname")).toBeString();
  });
});

describe("query arguments", () => {
  const cases: [query: string, name: string, value: VariableValue][] = [
    ["a=1", "a", "1"],
    ["b=2&a=1", "a", "1"],
    ["a=1&a=2", "a", "1"],
    ["A=1", "a", undefined],
    ["a", "a", true],
    ["b&a", "a", true],
    ["a=", "a", ""],
    ["aa=1", "a", undefined],
    ["a=b=c", "a", "b=c"],
    ["a=1+2%203", "a", "1 2 3"],
    ["%61=1", "a", "1"],
    ["x%20y=1", "x y", "1"],
    ["x+y=1", "x y", "1"],
    ["a=%zz", "a", "%zz"],
    ["a=%e4%b8%ad", "a", "中"],
    ["a=%ff%41", "a", "\uFFFDA"],
    ["&&a=1", "a", "1"],
    ["=1", "", undefined],
  ];
  test.each(cases)("%s has %s = %p", (query, name, value) => {
    expect(read(`arg_${name}`, { query })).toBe(value);
  });

  test("a long query is scanned once", () => {
    const query = `${"&".repeat(200_000)}a=1`;
    expect(read("arg_a", { query })).toBe("1");
    expect(read("arg_b", { query: "a&".repeat(100_000) })).toBeUndefined();
  });
});

describe("cookies", () => {
  const cases: [header: string, name: string, value: VariableValue][] = [
    ["a=1", "a", "1"],
    ["a=1; b=2", "b", "2"],
    ["a=1;b=2", "b", "2"],
    ["a=1; a=2", "a", "2"],
    ["aa=1", "a", undefined],
    ["a=", "a", ""],
    ["a", "a", undefined],
    ["a=x=y", "a", "x=y"],
    ["a=1 2", "a", "1"],
  ];
  test.each(cases)("%s has %s = %p", (cookie, name, value) => {
    expect(read(`cookie_${name}`, { headers: { cookie } })).toBe(value);
  });
});

test.each([
  "graphql_operation",
  "post_arg_a",
  "post_arg.a.b",
  "request_body",
  "upstream_addr",
  "balancer_ip",
  "connection_requests",
  "x".repeat(300),
])("%s is refused", (name) => {
  const { value, issues } = compileVariable(name);
  expect(value).toBeUndefined();
  expect(issues[0]?.code).toBe("VARIABLE_NOT_SERVED");
  expect(issues[0]?.message.length).toBeLessThan(150);
});

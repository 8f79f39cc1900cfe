import { describe, expect, test } from "bun:test";
import { type PluginServices, type TargetCall, targetBySending } from "@catena/pipeline";
import type { PluginConf } from "@catena/schema";
import { upstreamErrors } from "@catena/upstream";
import { opa } from "./opa.ts";
import { PluginBed } from "./plugin.testbed.ts";

function play(conf: PluginConf, answer: unknown) {
  const calls: TargetCall[] = [];
  const target = targetBySending((call) => {
    calls.push(call);
    if (answer === "silent")
      return Promise.reject(upstreamErrors.UPSTREAM_REFUSED({ origin: "x", sent: false }));
    const body = Buffer.from(typeof answer === "string" ? answer : JSON.stringify(answer));
    return Promise.resolve({ status: 200, headers: [], body });
  });
  const services: Partial<PluginServices> = {
    targets: { upstream: () => null, uri: () => target },
    resource: (kind, id) => ({ id, kind, upstream: { nodes: {} } }),
  };
  const full = { host: "http://opa.test:1", policy: "a/b", ...conf };
  return { calls, bed: new PluginBed([[opa, full]], { services }) };
}

const client = { target: "/p?x=1&x=2", headers: { "x-a": "1" } };

test("the policy is told what the request is", async () => {
  const { bed, calls } = play({}, { result: { allow: true } });
  expect((await bed.ask(client)).status).toBe(200);
  expect(calls[0]).toMatchObject({ method: "POST", target: "/v1/data/a/b", timeoutMs: 3000 });
  expect(JSON.parse(String(calls[0]?.body))).toEqual({
    input: {
      type: "http",
      request: {
        scheme: "http",
        method: "GET",
        host: "a.test",
        port: 9080,
        path: "/p",
        headers: { host: "a.test:9080", "x-a": "1" },
        query: { x: ["1", "2"] },
      },
      var: {
        server_addr: "127.0.0.1",
        server_port: "9080",
        remote_addr: "127.0.0.1",
        remote_port: "4711",
        timestamp: expect.any(Number),
      },
    },
  });
});

test("and of route, service and consumer what it asks for, without upstreams", async () => {
  const { bed, calls } = play(
    { with_route: true, with_service: true, with_consumer: true },
    { result: { allow: true } },
  );
  const { ctx } = await bed.ask(client);
  expect(ctx.routeId).toBe("");
  expect(JSON.parse(String(calls[0]?.body)).input).not.toHaveProperty("route");
});

describe("the decision", () => {
  const cases: [name: string, answer: unknown, status: number, body: string | null][] = [
    ["lets in", { result: { allow: true } }, 200, null],
    ["keeps out", { result: { allow: false } }, 403, null],
    ["keeps out where it says nothing", { result: {} }, 403, null],
    ["has a status", { result: { allow: false, status_code: 302 } }, 302, null],
    ["has a reason", { result: { allow: false, reason: "no" } }, 403, "no"],
    ["has a reason with members", { result: { allow: false, reason: { a: 1 } } }, 403, '{"a":1}'],
    ["has a status that can't be sent", { result: { allow: false, status_code: 99 } }, 403, null],
    ["is missing", {}, 503, null],
    ["is no JSON", "no", 503, null],
    ["does not come", "silent", 403, null],
  ];
  test.each(cases)("%s", async (_, answer, status, body) => {
    const reply = await play({}, answer).bed.ask(client);
    expect(reply.status).toBe(status);
    if (body !== null) expect(reply.body).toBe(body);
  });

  test("has headers for the client, none of which frames the message", async () => {
    const headers = { "X-A": "1", "Content-Length": "9", "X-B": ["1", "2"], "a b": "1" };
    const reply = await play({}, { result: { allow: false, headers } }).bed.ask(client);
    expect(reply.headers).toMatchObject({ "x-a": "1", "x-b": "1, 2" });
    expect(reply.headers).not.toHaveProperty("content-length");
  });

  test("has headers for the upstream, in place of the client's", async () => {
    const { bed } = play(
      { send_headers_upstream: ["X-User", "X-A"] },
      { result: { allow: true, headers: { "X-User": "jack" } } },
    );
    const { upstream } = await bed.ask({ headers: { "x-user": "evil", "x-a": "evil" } });
    expect(upstream?.headers["x-user"]).toBe("jack");
    expect(upstream?.headers).not.toHaveProperty("x-a");
  });
});

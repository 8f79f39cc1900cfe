import { describe, expect, test } from "bun:test";
import { type TargetCall, targetBySending } from "@catena/pipeline";
import type { PluginConf } from "@catena/schema";
import { type UpstreamReply, upstreamErrors } from "@catena/upstream";
import { forwardAuth } from "./forward-auth.ts";
import { type Ask, PluginBed, problemsOf } from "./plugin.testbed.ts";

interface Played {
  readonly calls: TargetCall[];
  readonly bed: PluginBed;
}

function play(conf: PluginConf, reply: Partial<UpstreamReply> | "silent" = {}): Played {
  const calls: TargetCall[] = [];
  const target = targetBySending((call) => {
    calls.push(call);
    if (reply === "silent")
      return Promise.reject(upstreamErrors.UPSTREAM_REFUSED({ origin: "x", sent: false }));
    return Promise.resolve({ status: 200, headers: [], body: null, ...reply });
  });
  const full = { uri: "http://auth.test:1/check?a=1", ...conf };
  const services = { targets: { upstream: () => null, uri: () => target } };
  return { calls, bed: new PluginBed([[forwardAuth, full]], { services }) };
}

function record(flat: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    flat.flatMap((name, at) => (at % 2 === 0 ? [[name.toLowerCase(), flat[at + 1] ?? ""]] : [])),
  );
}

const client: Ask = {
  method: "PUT",
  target: "/p%20q?x=1",
  headers: { "x-a": "1", "content-encoding": "gzip", authorization: "secret" },
  body: "body",
};

const forwarded = {
  "x-forwarded-proto": "http",
  "x-forwarded-method": "PUT",
  "x-forwarded-host": "a.test",
  "x-forwarded-uri": "/p q?x=1",
  "x-forwarded-for": "127.0.0.1",
};

describe("the service is asked", () => {
  const cases: [what: string, conf: PluginConf, call: object][] = [
    [
      "what the request is",
      {},
      { method: "GET", target: "/check?a=1", headers: forwarded, body: null },
    ],
    [
      "with headers of the client",
      { request_headers: ["X-A", "Authorization", "X-None", "Content-Length", "a b"] },
      { headers: { ...forwarded, "x-a": "1", authorization: "secret" } },
    ],
    [
      "with further headers, which may take the place of ours",
      {
        extra_headers: { "X-E": "$arg_x-$remote_addr", "X-Forwarded-Host": "b.test", "X-A": "e" },
        request_headers: ["x-a"],
      },
      { headers: { ...forwarded, "x-e": "1-127.0.0.1", "x-forwarded-host": "b.test", "x-a": "e" } },
    ],
    [
      "with the body, by POST",
      { request_method: "POST", extra_headers: { "X-B": "$request_body" } },
      {
        method: "POST",
        headers: { ...forwarded, "content-encoding": "gzip", "x-b": "body" },
        body: "body",
      },
    ],
  ];
  test.each(cases)("%s", async (_, conf, call) => {
    const { bed, calls } = play(conf);
    expect((await bed.ask(client)).status).toBe(200);
    const [made] = calls;
    expect({
      method: made?.method,
      target: made?.target,
      headers: record(made?.headers ?? []),
      body: made?.body instanceof Uint8Array ? Buffer.from(made.body).toString() : made?.body,
    }).toMatchObject(call);
    expect(made?.timeoutMs).toBe(3000);
  });
});

test("what a client sent can't add headers to the call", async () => {
  const { bed, calls } = play({});
  await bed.ask({ target: "/a%0D%0AX-Admin:%201" });
  expect(record(calls[0]?.headers ?? [])["x-forwarded-uri"]).toBe("/a%0D%0AX-Admin: 1");
});

describe("a refusal", () => {
  test("has status and body of the service, and the headers that were asked for", async () => {
    const { bed } = play(
      { client_headers: ["Location", "Set-Cookie", "X-None"] },
      {
        status: 302,
        headers: ["location", "/login", "set-cookie", "a=1", "set-cookie", "b=2", "x-other", "1"],
        body: Buffer.from("go"),
      },
    );
    const { status, body, headers, upstream } = await bed.ask(client);
    expect({ status, body, upstream }).toEqual({ status: 302, body: "go", upstream: null });
    expect(headers).toEqual({
      "content-type": "text/plain; charset=utf-8",
      location: "/login",
      "set-cookie": "a=1, b=2",
    });
  });

  test.each([
    [{}, 403],
    [{ status_on_error: 503 }, 503],
    [{ allow_degradation: true }, 200],
  ] as const)("with %j an answer that does not come gives %p", async (conf, status) => {
    expect((await play(conf, "silent").bed.ask(client)).status).toBe(status);
  });

  test("is what a URI gives that can't be called", async () => {
    expect((await play({ uri: "ftp://x" }).bed.ask(client)).status).toBe(403);
  });

  test("is what a body gives that is too long", async () => {
    const { bed, calls } = play({ request_method: "POST", max_req_body_size: 3 });
    expect((await bed.ask(client)).status).toBe(413);
    expect(calls).toHaveLength(0);
  });
});

test("the upstream gets the service's headers, and never the client's own of their names", async () => {
  const { bed } = play(
    { upstream_headers: ["X-User", "X-A", "X-Many"] },
    { headers: ["x-user", "jack", "x-many", "1", "x-many", "2"] },
  );
  const { upstream } = await bed.ask({ ...client, headers: { "x-user": "evil", "x-a": "evil" } });
  expect(upstream?.headers).toMatchObject({ "x-user": "jack", "x-many": "1, 2" });
  expect(upstream?.headers).not.toHaveProperty("x-a");
});

test.each([
  {},
  { uri: "http://a", timeout: 0 },
  { uri: "http://a", extra_headers: {} },
  { uri: "http://a", extra_headers: { a: 1 } },
])("%j is refused", (conf) => {
  expect(problemsOf(forwardAuth, conf)).not.toHaveLength(0);
});

import { describe, expect, test } from "bun:test";
import { keyAuth } from "./key-auth.ts";
import { PluginBed, problemsOf } from "./plugin.testbed.ts";

const consumers = {
  jack: { "key-auth": { key: "auth-one" } },
  bob: {},
  guest: {},
  "bob/credentials/cr1": { "key-auth": { key: "bob-key" } },
};

const bed = (conf = {}): PluginBed => new PluginBed([[keyAuth, conf]], { consumers });

describe("refusals", () => {
  const cases: [what: string, conf: object, headers: Record<string, string>, message: string][] = [
    ["no key", {}, {}, "Missing API key in request"],
    ["a wrong key", {}, { apikey: "no" }, "Invalid API key in request"],
    ["an empty key", {}, { apikey: "" }, "Invalid API key in request"],
    [
      "a key in the wrong header",
      { header: "X-K" },
      { apikey: "auth-one" },
      "Missing API key in request",
    ],
    [
      "no anonymous consumer by that name",
      { anonymous_consumer: "nobody" },
      {},
      "Invalid user authorization",
    ],
  ];
  test.each(cases)("%s", async (_what, conf, headers, message) => {
    const answer = await bed(conf).ask({ headers });
    expect(answer.status).toBe(401);
    expect(answer.body).toBe(`{"message":"${message}"}\n`);
    expect(answer.headers["www-authenticate"]).toBe('apikey realm="key"');
    expect(answer.headers["content-type"]).toBe("text/plain; charset=utf-8");
    expect(answer.upstream).toBeNull();
  });

  test("a wrong key in the header is not made good by a right one in the query", async () => {
    const answer = await bed().ask({ target: "/a?apikey=auth-one", headers: { apikey: "no" } });
    expect(answer.body).toBe('{"message":"Invalid API key in request"}\n');
  });

  test("an argument without a value is no key", async () => {
    expect((await bed().ask({ target: "/a?apikey" })).body).toContain("Invalid API key");
  });

  test("the realm is the configured one", async () => {
    const answer = await bed({ realm: "staff only" }).ask();
    expect(answer.headers["www-authenticate"]).toBe('apikey realm="staff only"');
  });
});

test("a right key names the consumer to the upstream, whatever the client claimed", async () => {
  const answer = await bed().ask({
    headers: {
      apikey: "auth-one",
      "x-consumer-username": "admin",
      "x-credential-identifier": "cr9",
      "x-consumer-custom-id": "9",
    },
  });
  expect(answer.status).toBe(200);
  expect(answer.ctx.consumer?.name).toBe("jack");
  expect(answer.upstream?.headers).toEqual({
    host: "a.test:9080",
    apikey: "auth-one",
    "x-consumer-username": "jack",
  });
});

test("a credential is named too", async () => {
  const answer = await bed().ask({ headers: { apikey: "bob-key" } });
  expect(answer.upstream?.headers["x-consumer-username"]).toBe("bob");
  expect(answer.upstream?.headers["x-credential-identifier"]).toBe("cr1");
});

test("the key may be in the query", async () => {
  const answer = await bed().ask({ target: "/a?x=1&apikey=auth%2Done" });
  expect(answer.upstream?.target).toBe("/a?x=1&apikey=auth%2Done");
  expect(answer.ctx.consumer?.name).toBe("jack");
});

test("hidden credentials do not reach the upstream", async () => {
  const hiding = bed({ hide_credentials: true, header: "X-K", query: "k" });
  const header = await hiding.ask({ headers: { "x-k": "auth-one" } });
  expect(header.upstream?.headers).not.toHaveProperty("x-k");
  const query = await hiding.ask({ target: "/a?x=1&k=auth-one&y=2" });
  expect(query.upstream?.target).toBe("/a?x=1&y=2");
  expect((await hiding.ask({ target: "/a?k=auth-one" })).upstream?.target).toBe("/a");
});

test("the anonymous consumer stands in, and sees no credentials that are to be hidden", async () => {
  const answer = await bed({ anonymous_consumer: "guest", hide_credentials: true }).ask({
    target: "/a?apikey=no&x=1",
    headers: { apikey: "no" },
  });
  expect(answer.ctx.consumer?.name).toBe("guest");
  expect(answer.upstream?.target).toBe("/a?x=1");
  expect(answer.upstream?.headers).not.toHaveProperty("apikey");
  expect(answer.upstream?.headers["x-consumer-username"]).toBe("guest");
});

test("configurations", () => {
  expect(problemsOf(keyAuth, {})).toEqual([]);
  expect(problemsOf(keyAuth, { realm: 'a"b' })[0]?.path).toBe("/realm");
  expect(problemsOf(keyAuth, { anonymous_consumer: "" })[0]?.path).toBe("/anonymous_consumer");
  expect(problemsOf(keyAuth, {}, "consumer")[0]?.message).toContain("key");
  expect(problemsOf(keyAuth, { key: "k" }, "consumer")).toEqual([]);
});

import { describe, expect, test } from "bun:test";
import { basicAuth } from "./basic-auth.ts";
import { PluginBed, problemsOf } from "./plugin.testbed.ts";

const consumers = {
  jack: { "basic-auth": { username: "jack", password: "pw" } },
  jill: { "basic-auth": { username: "jill", password: "a:b c" } },
  guest: {},
};

const bed = (conf = {}): PluginBed => new PluginBed([[basicAuth, conf]], { consumers });

const signIn = (text: string, scheme = "Basic"): { headers: Record<string, string> } => ({
  headers: { authorization: `${scheme} ${Buffer.from(text).toString("base64")}` },
});

describe("refusals", () => {
  const cases: [what: string, headers: Record<string, string>, message: string][] = [
    ["no header", {}, "Missing authorization in request"],
    ["another scheme", { authorization: "Bearer x" }, "Invalid authorization in request"],
    ["no base64", { authorization: "Basic ?" }, "Invalid authorization in request"],
    ["no colon", signIn("jack").headers, "Invalid authorization in request"],
    ["nothing behind the scheme", { authorization: "Basic " }, "Invalid authorization in request"],
    ["a wrong password", signIn("jack:no").headers, "Invalid user authorization"],
    ["no password", signIn("jack:").headers, "Invalid user authorization"],
    ["an unknown user", signIn("zz:no").headers, "Invalid user authorization"],
    ["an unknown user without password", signIn("zz:").headers, "Invalid user authorization"],
  ];
  test.each(cases)("%s", async (_what, headers, message) => {
    const answer = await bed().ask({ headers });
    expect(answer.status).toBe(401);
    expect(answer.body).toBe(`{"message":"${message}"}\n`);
    expect(answer.headers["www-authenticate"]).toBe('Basic realm="basic"');
    expect(answer.upstream).toBeNull();
  });
});

describe("who gets in", () => {
  const cases: [what: string, ask: { headers: Record<string, string> }, name: string][] = [
    ["the right password", signIn("jack:pw"), "jack"],
    ["a scheme in capitals", signIn("jack:pw", "BASIC"), "jack"],
    ["a line end behind the password", signIn("jack:pw\n"), "jack"],
    ["blanks, which APISIX drops", signIn(" jack : pw "), "jack"],
    ["a second colon, where APISIX stops", signIn("jack:pw:more"), "jack"],
    ["a password with colon and blank", signIn("jill:a:b c"), "jill"],
  ];
  test.each(cases)("%s", async (_what, ask, name) => {
    const answer = await bed().ask(ask);
    expect(answer.status).toBe(200);
    expect(answer.upstream?.headers["x-consumer-username"]).toBe(name);
    expect(answer.upstream?.headers["authorization"]).toBe(ask.headers["authorization"] ?? "");
  });
});

test("hidden credentials do not reach the upstream, also with the anonymous consumer", async () => {
  const hiding = bed({ hide_credentials: true, anonymous_consumer: "guest" });
  expect((await hiding.ask(signIn("jack:pw"))).upstream?.headers).not.toHaveProperty(
    "authorization",
  );
  const guest = await hiding.ask(signIn("jack:no"));
  expect(guest.upstream?.headers).toEqual({ host: "a.test:9080", "x-consumer-username": "guest" });
});

test("configurations", () => {
  expect(problemsOf(basicAuth, { realm: "" })[0]?.path).toBe("/realm");
  expect(problemsOf(basicAuth, { username: "a" }, "consumer")).not.toEqual([]);
  expect(problemsOf(basicAuth, { username: "a", password: "b" }, "consumer")).toEqual([]);
});

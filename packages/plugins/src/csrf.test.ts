import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { csrf } from "./csrf.ts";
import { PluginBed, problemsOf } from "./plugin.testbed.ts";

const name = "apisix-csrf-token";
const key = "k";
const bed = new PluginBed([[csrf, { key }]]);

function token(random: string, expires: string, signedWith = key): string {
  const text = `{expires:${expires},random:${random},key:${signedWith}}`;
  const sign = createHash("sha256").update(text).digest("hex");
  return Buffer.from(`{"random":${random},"expires":${expires},"sign":"${sign}"}`).toString(
    "base64",
  );
}

const now = Math.floor(Date.now() / 1000);
const good = token("0.5", String(now));

test("every reply gives a token out that is good for the next request", async () => {
  const first = await bed.ask();
  const cookie = first.headers["set-cookie"] ?? "";
  expect(cookie).toMatch(
    /^apisix-csrf-token=[A-Za-z0-9+/=]+;path=\/;SameSite=Lax;Expires=[A-Z][a-z]{2}, \d\d-[A-Z][a-z]{2}-\d\d \d\d:\d\d:\d\d GMT$/,
  );
  const given = cookie.slice(name.length + 1, cookie.indexOf(";"));
  const headers = { [name]: given, cookie: `${name}=${given}` };
  expect((await bed.ask({ method: "POST", headers })).status).toBe(200);
});

describe("requests that change something", () => {
  const both = (value: string) => ({ [name]: value, cookie: `${name}=${value}` });
  const signature = "Failed to verify the csrf token signature";
  const cases: [what: string, headers: Record<string, string>, error: string | null][] = [
    ["with the token", both(good), null],
    ["with one that Lua wrote", both(token("0.00012345678901234", String(now))), null],
    ["with one that Lua wrote in exponents", both(token("1.2345e-05", String(now))), null],
    ["without header", { cookie: `${name}=${good}` }, "no csrf token in headers"],
    ["with an empty header", { [name]: "" }, "no csrf token in headers"],
    ["without cookie", { [name]: good }, "no csrf cookie"],
    ["with another cookie", { [name]: good, cookie: `${name}=x` }, "csrf token mismatch"],
    ["with what is no token", both("eA=="), signature],
    ["with what is no base64", both("%"), signature],
    ["with another's signature", both(token("0.5", String(now), "other")), signature],
    ["with an old one", both(token("0.5", String(now - 7201))), signature],
    ["with texts for numbers", both(token('"0.5"', String(now))), signature],
  ];
  test.each(cases)("%s", async (_, headers, error) => {
    const { status, body, headers: replied } = await bed.ask({ method: "POST", headers });
    expect(status).toBe(error === null ? 200 : 401);
    if (error !== null) expect(JSON.parse(body)).toEqual({ error_msg: error });
    expect(replied["set-cookie"]).toStartWith(`${name}=`);
  });
});

test.each(["GET", "HEAD", "OPTIONS"])("%s needs no token", async (method) => {
  expect((await bed.ask({ method })).status).toBe(200);
});

test("tokens are good for ever where they do not expire, and have the name they are given", async () => {
  const eternal = new PluginBed([[csrf, { key, expires: 0, name: "t" }]]);
  const value = token("0.5", "1000000000");
  const headers = { t: value, cookie: `t=${value}` };
  const answer = await eternal.ask({ method: "DELETE", headers });
  expect(answer.status).toBe(200);
  expect(answer.headers["set-cookie"]).toStartWith("t=");
});

test("a name that no header can have is refused", () => {
  expect(problemsOf(csrf, { key, name: "a b" })[0]?.path).toBe("/name");
  expect(problemsOf(csrf, { key, name: "a-b" })).toHaveLength(0);
});

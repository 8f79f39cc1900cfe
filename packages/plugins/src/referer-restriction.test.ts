import { expect, test } from "bun:test";
import { PluginBed, problemsOf } from "./plugin.testbed.ts";
import { refererRestriction } from "./referer-restriction.ts";

const white = { whitelist: ["a.com", "*.b.com"] };
const black = { blacklist: ["a.com", "*.b.com"] };

const cases: [conf: object, referer: string | null, status: number][] = [
  [white, "http://a.com/x", 200],
  [white, "https://a.com:8443?x", 200],
  [white, "//a.com", 200],
  [white, "http://x.b.com/", 200],
  [white, "http://b.com/", 403],
  [white, "http://b.com.evil/", 403],
  [white, "http://evil/?a.com", 403],
  [white, "a.com", 403],
  [white, "ftp://a.com/", 403],
  [white, null, 403],
  [{ ...white, bypass_missing: true }, null, 200],
  [{ ...white, bypass_missing: true }, "malformed", 200],
  [{ whitelist: ["*"] }, "http://[::1]:80/", 200],
  [black, "http://a.com", 403],
  [black, "http://y.x.b.com/", 403],
  [black, "http://c.com/", 200],
  [black, null, 403],
];
test.each(cases)("%j with %p: %d", async (conf, referer, status) => {
  const headers: Record<string, string> = referer === null ? {} : { referer };
  const answer = await new PluginBed([[refererRestriction, { ...conf }]]).ask({ headers });
  expect(answer.status).toBe(status);
  if (status === 403) expect(answer.body).toBe('{"message":"Your referer host is not allowed"}\n');
});

test.each([
  [{}, ""],
  [{ ...white, ...black }, ""],
  [{ whitelist: ["a b"] }, "/whitelist/0"],
  [{ ...white, message: "" }, "/message"],
])("%j is refused at %j", (conf, path) => {
  expect(problemsOf(refererRestriction, { ...conf })[0]?.path).toBe(path);
});

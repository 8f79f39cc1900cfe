import { expect, test } from "bun:test";
import { ipRestriction } from "./ip-restriction.ts";
import { PluginBed, problemsOf } from "./plugin.testbed.ts";

const cases: [conf: object, from: string, status: number][] = [
  [{ blacklist: ["127.0.0.1"] }, "127.0.0.1", 403],
  [{ blacklist: ["127.0.0.1"] }, "::ffff:127.0.0.1", 403],
  [{ blacklist: ["10.0.0.0/8", "::1"] }, "::1", 403],
  [{ blacklist: ["10.0.0.0/8", "::1"] }, "11.0.0.1", 200],
  [{ whitelist: ["10.0.0.0/8"] }, "10.1.2.3", 200],
  [{ whitelist: ["10.0.0.0/8"] }, "11.0.0.1", 403],
  [{ whitelist: ["2001:db8::/32"] }, "2001:db8::7", 200],
  [{ whitelist: ["10.0.0.0/8"] }, "", 403],
];
test.each(cases)("%j from %s: %d", async (conf, from, status) => {
  const answer = await new PluginBed([[ipRestriction, { ...conf }]]).ask({ from });
  expect(answer.status).toBe(status);
  if (status === 403) expect(answer.body).toBe('{"message":"Your IP address is not allowed"}\n');
});

test("the refusal is the configured one", async () => {
  const conf = { blacklist: ["0.0.0.0/0"], message: "Go away", response_code: 404 };
  const answer = await new PluginBed([[ipRestriction, conf]]).ask();
  expect([answer.status, answer.body]).toEqual([404, '{"message":"Go away"}\n']);
});

test.each([
  [{}, ""],
  [{ whitelist: ["::1"], blacklist: ["::1"] }, ""],
  [{ whitelist: [] }, "/whitelist"],
  [{ whitelist: ["nobody"] }, "/whitelist/0"],
  [{ blacklist: ["::1", "2001:db8::/129"] }, "/blacklist/1"],
  [{ blacklist: ["::1"], response_code: 500 }, "/response_code"],
])("%j is refused at %j", (conf, path) => {
  expect(problemsOf(ipRestriction, { ...conf })[0]?.path).toBe(path);
});

import { expect, test } from "bun:test";
import { PluginBed, problemsOf } from "./plugin.testbed.ts";
import { uaRestriction } from "./ua-restriction.ts";

const cases: [conf: object, agent: string | null, status: number][] = [
  [{ denylist: ["bad", "^worse$"] }, "bad", 403],
  [{ denylist: ["bad", "^worse$"] }, "so bad/1.0", 403],
  [{ denylist: ["bad", "^worse$"] }, " worse ", 403],
  [{ denylist: ["bad", "^worse$"] }, "worse/2", 200],
  [{ denylist: ["bad"] }, null, 403],
  [{ denylist: ["bad"], bypass_missing: true }, null, 200],
  [{ allowlist: ["^good"] }, "good/1.0", 200],
  [{ allowlist: ["^good"] }, "a good one", 403],
  [{ allowlist: ["^good"] }, "", 403],
];
test.each(cases)("%j with %p: %d", async (conf, agent, status) => {
  const headers: Record<string, string> = agent === null ? {} : { "user-agent": agent };
  const answer = await new PluginBed([[uaRestriction, { ...conf }]]).ask({ headers });
  expect(answer.status).toBe(status);
  if (status === 403) expect(answer.body).toBe('{"message":"Not allowed"}\n');
});

test("the message is the configured one", async () => {
  const bed = new PluginBed([[uaRestriction, { denylist: ["."], message: "Go" }]]);
  expect((await bed.ask({ headers: { "user-agent": "x" } })).body).toBe('{"message":"Go"}\n');
});

test.each([
  [{}, ""],
  [{ allowlist: ["a"], denylist: ["b"] }, ""],
  [{ denylist: [] }, "/denylist"],
  [{ denylist: ["a", "("] }, "/denylist/1"],
  [{ allowlist: ["(?!a)"] }, "/allowlist/0"],
])("%j is refused at %j", (conf, path) => {
  expect(problemsOf(uaRestriction, { ...conf })[0]?.path).toBe(path);
});

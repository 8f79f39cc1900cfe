import { expect, test } from "bun:test";
import { PluginBed, problemsOf } from "./plugin.testbed.ts";
import { uriBlocker } from "./uri-blocker.ts";

const cases: [conf: object, target: string, status: number][] = [
  [{ block_rules: ["root.exe", "^/admin"] }, "/ub?x=root.exe", 403],
  [{ block_rules: ["root.exe", "^/admin"] }, "/admin/x", 403],
  [{ block_rules: ["root.exe", "^/admin"] }, "/%61dmin", 403],
  [{ block_rules: ["root.exe", "^/admin"] }, "/x?y=/admin", 200],
  [{ block_rules: ["ROOT"] }, "/root", 200],
  [{ block_rules: ["ROOT"], case_insensitive: true }, "/root", 403],
  [{ block_rules: [] }, "/", 200],
];
test.each(cases)("%j on %s: %d", async (conf, target, status) => {
  const answer = await new PluginBed([[uriBlocker, { ...conf }]]).ask({ target });
  expect(answer.status).toBe(status);
  if (status === 403) expect(answer.body).toContain("<title>403 Forbidden</title>");
});

test("status and message are the configured ones", async () => {
  const conf = { block_rules: ["."], rejected_code: 400, rejected_msg: "no" };
  const answer = await new PluginBed([[uriBlocker, conf]]).ask();
  expect([answer.status, answer.body]).toEqual([400, '{"error_msg":"no"}\n']);
});

test.each([
  [{}, ""],
  [{ block_rules: ["a", "a"] }, "/block_rules/1"],
  [{ block_rules: ["a", "("] }, "/block_rules/1"],
  [{ block_rules: [], rejected_code: 999 }, "/rejected_code"],
])("%j is refused at %j", (conf, path) => {
  expect(problemsOf(uriBlocker, { ...conf })[0]?.path).toBe(path);
});

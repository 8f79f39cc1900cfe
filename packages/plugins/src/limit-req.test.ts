import { expect, test } from "bun:test";
import { limitReq } from "./limit-req.ts";
import { PluginBed, problemsOf } from "./plugin.testbed.ts";

const bed = (conf: Record<string, unknown>): PluginBed =>
  new PluginBed([[limitReq, { rate: 0.001, burst: 0, key: "remote_addr", ...conf }]]);

test("a request too early is rejected with nginx's page", async () => {
  const limit = bed({ rejected_code: 429 });
  expect((await limit.ask()).status).toBe(200);
  const second = await limit.ask();
  expect(second.status).toBe(429);
  expect(second.body).toContain("429 Too Many Requests");
  expect(second.upstream).toBeNull();
});

test("the message is sent when there is one, with 503 by default", async () => {
  const limit = bed({ rejected_msg: "slow down" });
  await limit.ask();
  const second = await limit.ask();
  expect([second.status, second.body]).toEqual([503, '{"error_msg":"slow down"}\n']);
});

test("keys count apart", async () => {
  const limit = bed({ key: "$remote_addr $http_x_a", key_type: "var_combination" });
  expect((await limit.ask({ headers: { "x-a": "1" } })).status).toBe(200);
  expect((await limit.ask({ headers: { "x-a": "2" } })).status).toBe(200);
  expect((await limit.ask({ headers: { "x-a": "1" } })).status).toBe(503);
});

test("a burst waits its turn, or passes at once without delay", async () => {
  const waiting = bed({ rate: 200, burst: 1 });
  await waiting.ask();
  expect((await waiting.ask()).status).toBe(200);
  const hurried = bed({ burst: 1, nodelay: true });
  await hurried.ask();
  expect((await hurried.ask()).status).toBe(200);
  expect((await hurried.ask()).status).toBe(503);
});

test.each([
  [{ rate: 0 }, "/rate"],
  [{ burst: -1 }, "/burst"],
  [{ key_type: "constant" }, "/key_type"],
  [{ policy: "redis-cluster" }, "/policy"],
  [{ key: "request_body" }, "/key"],
])("%j is refused at %s", (conf, path) => {
  const complete = { rate: 1, burst: 1, key: "remote_addr", ...conf };
  expect(problemsOf(limitReq, complete)[0]?.path).toBe(path);
});

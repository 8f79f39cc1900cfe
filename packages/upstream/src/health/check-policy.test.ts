import { describe, expect, test } from "bun:test";
import type { Issue } from "@catena/errors";
import type { HealthCheck } from "@catena/schema";
import { compileChecks } from "./check-policy.ts";

const compile = (checks: HealthCheck) => compileChecks(checks, []);

describe("defaults", () => {
  test("without healthy and unhealthy nothing is probed, and the library's limits hold", () => {
    expect(compile({ active: {} }).active).toEqual({
      type: "http",
      timeoutMs: 1_000,
      concurrency: 10,
      host: null,
      port: null,
      method: "GET",
      target: "/",
      body: null,
      headers: [],
      verify: true,
      healthyIntervalMs: 0,
      unhealthyIntervalMs: 0,
      healthyStatuses: new Set([200, 302]),
      unhealthyStatuses: new Set([429, 404, 500, 501, 502, 503, 504, 505]),
      successes: 2,
      limits: { http: 5, tcp: 2, timeout: 3 },
    });
  });

  test("a side that is given in part is probed every second", () => {
    const { active } = compile({ active: { healthy: { successes: 1 }, unhealthy: {} } });
    expect(active).toMatchObject({ healthyIntervalMs: 1_000, unhealthyIntervalMs: 1_000 });
    expect(active.successes).toBe(1);
  });

  test("passive checks judge no status on a side that is not given", () => {
    const none = compile({ active: {} }).passive;
    expect(none).toMatchObject({ isConfigured: false, limits: { http: 5, tcp: 2, timeout: 7 } });
    expect(none.healthyStatuses.size + none.unhealthyStatuses.size).toBe(0);
    const down = compile({ active: {}, passive: { unhealthy: { tcp_failures: 1 } } }).passive;
    expect([...down.unhealthyStatuses]).toEqual([429, 500, 503]);
    expect(down).toMatchObject({ isConfigured: true, limits: { tcp: 1 } });
    expect(down.healthyStatuses.size).toBe(0);
    expect(compile({ active: {}, passive: { healthy: {} } }).passive.healthyStatuses.size).toBe(19);
  });
});

test("times are milliseconds, lists are the given ones", () => {
  const { active } = compile({
    active: {
      type: "https",
      timeout: 0.5,
      healthy: { interval: 2, http_statuses: [204] },
      unhealthy: { interval: 3, http_statuses: [418], timeouts: 9 },
      https_verify_certificate: false,
      http_req_body: "ping",
      http_method: "POST",
    },
  });
  expect(active).toMatchObject({
    type: "https",
    timeoutMs: 500,
    healthyIntervalMs: 2_000,
    unhealthyIntervalMs: 3_000,
    healthyStatuses: new Set([204]),
    unhealthyStatuses: new Set([418]),
    limits: { timeout: 9 },
    verify: false,
    body: "ping",
    method: "POST",
  });
});

test.each([
  ["/status", "/status"],
  ["status", "/status"],
  ["/a b\r\nx: y#z", "/a%20b%0D%0Ax:%20y%23z"],
  ["/ä\ud800", "/%C3%A4%EF%BF%BD"],
  ["/%20?x=1&y", "/%20?x=1&y"],
])("the path %j is asked for as %j", (http_path, target) => {
  expect(compile({ active: { http_path } }).active.target).toBe(target);
});

test("header lines are split; what is none is left out and told", () => {
  const issues: Issue[] = [];
  const req_headers = [
    "User-Agent: curl/7",
    "X-A:1",
    "no colon",
    "bad name: 1",
    "X-B: a\r\nX-C: b",
    "Content-Length: 9",
    "Connection: keep-alive",
    ": x",
  ];
  const { active } = compileChecks({ active: { req_headers } }, issues);
  expect(active.headers).toEqual(["User-Agent", "curl/7", "X-A", "1"]);
  expect(issues.map(({ path }) => path)).toEqual(
    [2, 3, 4, 7].map((index) => `/checks/active/req_headers/${index}`),
  );
});

test("two policies are equal when they are configured alike", () => {
  const one = compile({ active: { healthy: { interval: 1 } } });
  expect(compile({ active: { healthy: { interval: 1 } } }).source).toBe(one.source);
  expect(compile({ active: { healthy: { interval: 2 } } }).source).not.toBe(one.source);
});

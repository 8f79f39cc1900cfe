import { describe, expect, test } from "bun:test";
import { faultInjection } from "./fault-injection.ts";
import { contextOf, PluginBed, problemsOf } from "./plugin.testbed.ts";

const bed = (conf: Record<string, unknown>): PluginBed => new PluginBed([[faultInjection, conf]]);

test("aborts with status, body and headers, variables filled in", async () => {
  const answer = await bed({
    abort: { http_status: 418, body: "hi $remote_addr", headers: { "X-F": 1, "X-P": "$uri" } },
  }).ask();
  expect(answer.status).toBe(418);
  expect(answer.body).toBe("hi 127.0.0.1");
  expect(answer.headers).toEqual({
    "content-type": "text/plain; charset=utf-8",
    "x-f": "1",
    "x-p": "/hello",
  });
  expect(answer.upstream).toBeNull();
});

test("aborts without a body with nginx's page", async () => {
  const answer = await bed({ abort: { http_status: 503 } }).ask();
  expect(answer.body).toContain("503 Service Temporarily Unavailable");
});

describe("who is hit", () => {
  const odds: [what: string, abort: object, target: string, status: number][] = [
    ["nobody at 0 percent", { percentage: 0 }, "/a", 200],
    ["everybody at 100 percent", { percentage: 100 }, "/a", 500],
    [
      "whom one of the expressions fits",
      { vars: [[["arg_a", "==", "1"]], [["arg_b", "==", "2"]]] },
      "/a?b=2",
      500,
    ],
    [
      "nobody else",
      {
        vars: [
          [
            ["arg_a", "==", "1"],
            ["arg_b", "==", "2"],
          ],
        ],
      },
      "/a?b=2",
      200,
    ],
    ["nobody with an empty list", { vars: [] }, "/a", 200],
  ];
  test.each(odds)("%s", async (_what, abort, target, status) => {
    const answer = await bed({ abort: { http_status: 500, ...abort } }).ask({ target });
    expect(answer.status).toBe(status);
  });
});

test("a delay comes before the abort, and alone lets the request go on", async () => {
  const both = bed({ delay: { duration: 0.01 }, abort: { http_status: 500 } });
  expect((await both.ask()).status).toBe(500);
  expect((await bed({ delay: { duration: 0.001 } }).ask()).status).toBe(200);
  expect((await bed({ delay: { duration: 3600, percentage: 0 } }).ask()).status).toBe(200);
  const vars = [[["arg_a", "==", "1"]]];
  expect((await bed({ delay: { duration: 3600, vars } }).ask()).status).toBe(200);
});

test("a delay ends when the client leaves", async () => {
  const { value: handlers } = faultInjection.create(
    { delay: { duration: 3600 } },
    // Faults need nothing of the gateway.
    {} as never,
  );
  const ctx = contextOf({});
  const reply = handlers?.rewrite?.(ctx);
  ctx.cancel.cancel("client-gone");
  expect((await reply)?.status).toBe(499);
});

describe("configurations", () => {
  const bad: [conf: object, path: string][] = [
    [{}, ""],
    [{ abort: {} }, "/abort"],
    [{ abort: { http_status: 600 } }, "/abort/http_status"],
    [{ abort: { http_status: 500, percentage: 101 } }, "/abort/percentage"],
    [{ abort: { http_status: 500, vars: [[["a", "??", 1]]] } }, "/abort/vars/0/0"],
    [{ delay: { duration: 1, vars: [[["uri", "~~", "("]]] } }, "/delay/vars/0/0/2"],
    [{ delay: { duration: -1 } }, "/delay/duration"],
    [{ abort: { http_status: 500, body: "$request_body" } }, "/abort/body"],
  ];
  test.each(bad)("%j is refused at %s", (conf, path) => {
    expect(problemsOf(faultInjection, { ...conf })[0]?.path).toBe(path);
  });
});

import { afterEach, describe, expect, setSystemTime, test } from "bun:test";
import type { PluginConf } from "@catena/schema";
import { apiBreaker } from "./api-breaker.ts";
import { PluginBed, problemsOf } from "./plugin.testbed.ts";

afterEach(() => {
  setSystemTime();
});

const start = Date.UTC(2026, 0, 1);

/** Requests one after another: a number is what the upstream answers, `+N` lets seconds pass. */
async function play(conf: PluginConf, moves: string, target = "/a"): Promise<string> {
  let status = 200;
  const bed = new PluginBed([[apiBreaker, { break_response_code: 599, ...conf }]], {
    upstream: () => ({ status, headers: [], body: null, source: "upstream" }),
  });
  let at = start;
  setSystemTime(at);
  const seen: number[] = [];
  for (const move of moves.split(" ")) {
    if (move.startsWith("+")) {
      at += Number(move) * 1000;
      setSystemTime(at);
      continue;
    }
    status = Number(move);
    seen.push((await bed.ask({ target })).status);
  }
  return seen.join(" ");
}

describe("a breaker", () => {
  const two = { unhealthy: { http_statuses: [500, 503], failures: 2 }, healthy: { successes: 2 } };
  const cases: [name: string, conf: PluginConf, moves: string, seen: string][] = [
    ["opens after three failures", {}, "500 500 500 200", "500 500 500 599"],
    ["counts no other statuses", {}, "502 404 502 404 502 200", "502 404 502 404 502 200"],
    ["lets through after two seconds", {}, "500 500 500 +2 200 +1 200", "500 500 500 599 200"],
    [
      "rests four seconds the second time",
      two,
      "500 503 +3 500 500 +4 200 +1 200",
      "500 503 500 500 599 200",
    ],
    [
      "does not rest longer than it may",
      { ...two, max_breaker_sec: 3 },
      "500 500 +3 500 +1 500 +3 500 +1 200",
      "500 500 500 500 599 200",
    ],
    ["forgets after successes", two, "500 200 200 500 200", "500 200 200 500 200"],
    ["starts successes anew with a failure", two, "500 200 500 200", "500 200 500 599"],
  ];
  test.each(cases)("%s", async (_, conf, moves, seen) => {
    expect(await play(conf, moves)).toBe(seen);
  });
});

test("hosts and paths are counted apart, and replies of the gateway not at all", async () => {
  let source: "gateway" | "upstream" = "gateway";
  const bed = new PluginBed(
    [[apiBreaker, { break_response_code: 502, unhealthy: { failures: 1 } }]],
    {
      upstream: () => ({ status: 500, headers: [], body: null, source }),
    },
  );
  const ask = async (target: string, host = "a.test") =>
    (await bed.ask({ target, headers: { host } })).status;
  expect([await ask("/a"), await ask("/a")]).toEqual([500, 500]);
  source = "upstream";
  expect([await ask("/a"), await ask("/b"), await ask("/a", "b.test")]).toEqual([500, 500, 500]);
  expect([await ask("/a"), await ask("/b?x=1"), await ask("/a", "b.test")]).toEqual([
    502, 502, 502,
  ]);
});

test("what is answered has the body, and headers only with it", async () => {
  const headers = [
    { key: "X-A", value: "$remote_addr" },
    { key: "Content-Type", value: "application/json" },
  ];
  const answer = async (conf: PluginConf) => {
    const bed = new PluginBed(
      [[apiBreaker, { break_response_code: 503, unhealthy: { failures: 1 }, ...conf }]],
      { upstream: () => ({ status: 500, headers: [], body: null, source: "upstream" }) },
    );
    await bed.ask();
    return await bed.ask();
  };
  const bare = await answer({ break_response_headers: headers });
  expect(bare.headers).not.toHaveProperty("x-a");
  expect(bare.body).toContain("<title>503");
  const full = await answer({ break_response_headers: headers, break_response_body: "{}" });
  expect(full.body).toBe("{}");
  expect(full.headers).toEqual({ "x-a": "127.0.0.1", "content-type": "application/json" });
});

test.each([
  {},
  { break_response_code: 199 },
  { break_response_code: 500, unhealthy: { http_statuses: [499] } },
  { break_response_code: 500, break_response_headers: [{ key: "Content-Length", value: "1" }] },
])("%j is refused", (conf) => {
  expect(problemsOf(apiBreaker, conf)).not.toHaveLength(0);
});

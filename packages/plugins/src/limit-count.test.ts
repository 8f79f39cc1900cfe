import { describe, expect, test } from "bun:test";
import { limitCount } from "./limit-count.ts";
import { PluginBed, problemsOf } from "./plugin.testbed.ts";

const bed = (conf: Record<string, unknown>, options = {}): PluginBed =>
  new PluginBed([[limitCount, conf]], options);

const quota = (headers: Readonly<Record<string, string>>): (string | undefined)[] => [
  headers["x-ratelimit-limit"],
  headers["x-ratelimit-remaining"],
];

test("counts down, then rejects with nginx's page", async () => {
  const limit = bed({ count: 2, time_window: 60, rejected_code: 429, key: "remote_addr" });
  const first = await limit.ask();
  expect(first.status).toBe(200);
  expect(quota(first.headers)).toEqual(["2", "1"]);
  expect(first.headers["x-ratelimit-reset"]).toBe("60");
  expect(quota((await limit.ask()).headers)).toEqual(["2", "0"]);
  const third = await limit.ask();
  expect(third.status).toBe(429);
  expect(quota(third.headers)).toEqual(["2", "0"]);
  expect(third.headers["x-ratelimit-reset"]).toMatch(/^59(\.\d\d?)?$|^60$/);
  expect(third.headers["content-type"]).toBe("text/html; charset=utf-8");
  expect(third.body).toContain("<title>429 Too Many Requests</title>");
  expect(third.upstream).toBeNull();
});

test("rejects with 503 and the message when there is one", async () => {
  const limit = bed({ count: 1, time_window: 60, rejected_msg: "slow down" });
  await limit.ask();
  const second = await limit.ask();
  expect(second.status).toBe(503);
  expect(second.body).toBe('{"error_msg":"slow down"}\n');
  expect(second.headers["content-type"]).toBe("text/plain; charset=utf-8");
});

describe("keys", () => {
  const once = { count: 1, time_window: 60 };
  const cases: [what: string, conf: object, first: object, second: object, status: number][] = [
    ["the client's address by default", {}, { from: "1.1.1.1" }, { from: "1.1.1.1" }, 503],
    ["other addresses apart", {}, { from: "1.1.1.1" }, { from: "1.1.1.2" }, 200],
    [
      "a header",
      { key: "http_x_a" },
      { headers: { "x-a": "1" } },
      { headers: { "x-a": "2" } },
      200,
    ],
    [
      "a missing header by address",
      { key: "http_x_a" },
      { from: "1.1.1.1" },
      { from: "1.1.1.1" },
      503,
    ],
    [
      "a combination",
      { key: "$remote_addr $http_x_a", key_type: "var_combination" },
      { headers: { "x-a": "1" } },
      { headers: { "x-a": "2" } },
      200,
    ],
    [
      "a combination without any value by address",
      { key: "$http_x_a$http_x_b", key_type: "var_combination" },
      { from: "1.1.1.1" },
      { from: "1.1.1.2" },
      200,
    ],
    [
      "a constant for all",
      { key: "all", key_type: "constant" },
      { from: "1.1.1.1" },
      { from: "1.1.1.2" },
      503,
    ],
    [
      "endless values by what they begin and end with",
      { key: "http_x_a" },
      { headers: { "x-a": `${"a".repeat(5000)}1` } },
      { headers: { "x-a": `${"a".repeat(5000)}2` } },
      200,
    ],
  ];
  test.each(cases)("%s", async (_what, conf, first, second, status) => {
    const limit = bed({ ...once, ...conf });
    expect((await limit.ask(first)).status).toBe(200);
    expect((await limit.ask(second)).status).toBe(status);
  });
});

test("rules count apart, each with its own headers; the first that rejects ends the request", async () => {
  const limit = bed({
    rules: [
      { count: 5, time_window: 60, key: "$remote_addr" },
      { count: 1, time_window: 60, key: "$http_x_a", header_prefix: "A" },
    ],
  });
  const plain = await limit.ask();
  expect(plain.headers["x-1-ratelimit-remaining"]).toBe("4");
  expect(plain.headers).not.toHaveProperty("x-a-ratelimit-limit");
  const named = await limit.ask({ headers: { "x-a": "v" } });
  expect(named.headers["x-1-ratelimit-remaining"]).toBe("3");
  expect(named.headers["x-a-ratelimit-remaining"]).toBe("0");
  expect((await limit.ask({ headers: { "x-a": "v" } })).status).toBe(503);
});

test("rules of which none applies are a fault, unless it may be borne", async () => {
  const rules = [{ count: 1, time_window: 60, key: "constant" }];
  expect((await bed({ rules }).ask()).status).toBe(500);
  expect((await bed({ rules, allow_degradation: true }).ask()).status).toBe(200);
});

test("count and window may come from the request", async () => {
  const limit = bed({ count: "$http_x_count", time_window: "1$http_x_zero" });
  const answer = await limit.ask({ headers: { "x-count": "7", "x-zero": "0" } });
  expect(quota(answer.headers)).toEqual(["7", "6"]);
  expect(answer.headers["x-ratelimit-reset"]).toBe("10");
  for (const count of ["0", "-1", "1.5", "many", "1e300"]) {
    expect((await limit.ask({ headers: { "x-count": count } })).status).toBe(500);
  }
});

test("a sliding window counts on from the one before", async () => {
  const limit = bed({ count: 2, time_window: 3600, window_type: "sliding" });
  expect(quota((await limit.ask()).headers)).toEqual(["2", "1"]);
  expect(quota((await limit.ask()).headers)).toEqual(["2", "0"]);
  expect((await limit.ask()).status).toBe(503);
});

test("the headers can be renamed, and left out", async () => {
  const conf = { count: 2, time_window: 60 };
  const named = await bed(conf, { metadata: { "limit-count": { limit_header: "X-L" } } }).ask();
  expect(named.headers["x-l"]).toBe("2");
  expect(named.headers["x-ratelimit-remaining"]).toBe("1");
  const unusable = await bed(conf, { metadata: { "limit-count": { limit_header: "a b" } } }).ask();
  expect(unusable.headers["x-ratelimit-limit"]).toBe("2");
  const silent = await bed({ ...conf, show_limit_quota_header: false }).ask();
  expect(Object.keys(silent.headers)).toEqual(["content-type"]);
});

describe("groups", () => {
  const states = new Map<string, unknown>();
  const survivors = {
    get: <T>(plugin: string, owner: string, make: () => T): T => {
      const key = `${plugin} ${owner}`;
      if (!states.has(key)) states.set(key, make());
      // A plugin asks with its own type.
      return states.get(key) as T;
    },
  };
  const conf = { count: 2, time_window: 60, group: "g" };
  const on = (owner: string, changes = {}): PluginBed =>
    bed({ ...conf, ...changes }, { services: { owner, survivors } });

  test("of routes count together, and need the same configuration", async () => {
    const [first, second] = [on("routes/1"), on("routes/2")];
    expect(quota((await first.ask()).headers)).toEqual(["2", "1"]);
    expect(quota((await second.ask()).headers)).toEqual(["2", "0"]);
    expect((await first.ask()).status).toBe(503);
    expect(() => on("routes/3", { count: 3 })).toThrow("group conf mismatched");
    expect(quota((await on("routes/4", { group: "other" }).ask()).headers)).toEqual(["2", "1"]);
    const same = { group: "g", rejected_code: 503, time_window: 60, count: 2 };
    expect((await on("routes/5", same).ask()).status).toBe(503);
    for (const bed of [second, on("routes/2"), on("routes/5")]) await bed.dispose();
    await first.dispose();
    expect(quota((await on("routes/1", { count: 3 }).ask()).headers)).toEqual(["3", "2"]);
  });
});

test("an upstream's own headers of these names are kept beside ours", async () => {
  const upstream = () => ({
    status: 200,
    headers: ["x-ratelimit-limit", "99"],
    body: "",
    source: "upstream" as const,
  });
  const answer = await bed({ count: 2, time_window: 60 }, { upstream }).ask();
  expect(answer.headers["x-ratelimit-limit"]).toBe("99, 2");
});

describe("configurations", () => {
  const good: object[] = [
    { count: 1, time_window: 1 },
    { count: "$a", time_window: "5" },
    { rules: [{ count: 1, time_window: 1, key: "$a" }] },
    { count: 1, time_window: 1, policy: "local", group: "g" },
  ];
  test.each(good)("%j is taken", (conf) => {
    expect(problemsOf(limitCount, { ...conf })).toEqual([]);
  });

  const bad: [conf: object, path: string, message: string][] = [
    [{ count: 0, time_window: 1 }, "/count", ""],
    [{ count: 1 }, "", ""],
    [{ count: 1, time_window: 1, rejected_code: 199 }, "/rejected_code", ""],
    [{ count: 1, time_window: 1, policy: "redis" }, "/policy", "every gateway counts for itself"],
    [{ count: 1, time_window: 1, key: "request_body" }, "/key", "not served"],
    [{ count: "$request_body", time_window: 1 }, "/count", "not served"],
    [
      { rules: [{ count: 1, time_window: 1, key: "$a", header_prefix: "a b" }] },
      "/rules/0/header_prefix",
      "invalid field character in header",
    ],
    [
      { group: "g", rules: [{ count: 1, time_window: 1, key: "$a" }] },
      "/group",
      "group and rules cannot be specified at the same time",
    ],
    [
      {
        rules: [
          { count: 1, time_window: 1, key: "$a" },
          { count: 2, time_window: 2, key: "$a" },
        ],
      },
      "/rules/1/key",
      "duplicate key '$a' in rules",
    ],
  ];
  test.each(bad)("%j is refused at %s", (conf, path, message) => {
    const [issue] = problemsOf(limitCount, { ...conf });
    expect(issue?.path).toBe(path);
    expect(issue?.message).toContain(message);
  });
});

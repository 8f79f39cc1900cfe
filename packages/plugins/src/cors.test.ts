import { describe, expect, test } from "bun:test";
import { cors } from "./cors.ts";
import { PluginBed, problemsOf } from "./plugin.testbed.ts";

const bed = (conf: Record<string, unknown> = {}, metadata = {}): PluginBed =>
  new PluginBed([[cors, conf]], { metadata: { cors: metadata } });

const from = (origin: string): { headers: Record<string, string> } => ({ headers: { origin } });

test("OPTIONS is answered with 200 and nothing, for whatever origin", async () => {
  const answer = await bed().ask({ method: "OPTIONS", ...from("http://o") });
  expect([answer.status, answer.body, answer.upstream]).toEqual([200, "", null]);
  expect(answer.headers).toEqual({
    "content-type": "text/plain; charset=utf-8",
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "*",
    "access-control-max-age": "5",
    "access-control-allow-headers": "*",
  });
  const refused = await bed({ allow_origins: "http://o" }).ask({ method: "OPTIONS" });
  expect(refused.status).toBe(200);
});

test("everything configured is said to an origin that is allowed", async () => {
  const answer = await bed({
    allow_origins: "http://o",
    allow_credential: true,
    allow_methods: "GET,PUT",
    allow_headers: "X-A",
    expose_headers: "X-B",
    max_age: 9,
  }).ask(from("http://o"));
  expect(answer.headers).toEqual({
    "content-type": "text/plain; charset=utf-8",
    vary: "Origin",
    "access-control-allow-origin": "http://o",
    "access-control-allow-methods": "GET,PUT",
    "access-control-max-age": "9",
    "access-control-expose-headers": "X-B",
    "access-control-allow-headers": "X-A",
    "access-control-allow-credentials": "true",
  });
});

describe("origins", () => {
  const metadata = { allow_origins: { a: "http://m,http://n", b: "*" } };
  const cases: [conf: object, origin: string | null, allowed: string | undefined][] = [
    [{}, null, "*"],
    [{}, "http://o", "*"],
    [{ allow_origins: "**" }, "http://o", "http://o"],
    [{ allow_origins: "**" }, null, "*"],
    [{ allow_origins: "http://o" }, "http://other", undefined],
    [{ allow_origins: "http://o" }, null, undefined],
    [{ allow_origins: "http://o,http://p" }, "http://p", "http://p"],
    [{ allow_origins: "http://o,http://p" }, "http://q", undefined],
    [{ allow_origins: "null" }, "null", "null"],
    [
      { allow_origins_by_regex: [".*\\.test\\.com$", "^http://x"] },
      "http://a.test.com",
      "http://a.test.com",
    ],
    [{ allow_origins_by_regex: [".*\\.test\\.com$", "^http://x"] }, "http://xy", "http://xy"],
    [{ allow_origins_by_regex: [".*\\.test\\.com$"] }, "http://a.test.org", undefined],
    [{ allow_origins_by_regex: [".*"] }, null, undefined],
    [{ allow_origins_by_metadata: ["a"] }, "http://n", "http://n"],
    [{ allow_origins_by_metadata: ["a"] }, "http://o", undefined],
    [{ allow_origins_by_metadata: ["b"] }, "http://o", "http://o"],
    [{ allow_origins_by_metadata: ["none", "constructor"] }, "http://o", undefined],
    [{ allow_origins_by_metadata: ["a"], allow_origins: "http://o" }, "http://o", "http://o"],
  ];
  test.each(cases)("%j and %p: %p", async (conf, origin, allowed) => {
    const answer = await bed({ ...conf }, metadata).ask(origin === null ? {} : from(origin));
    expect(answer.headers["access-control-allow-origin"]).toBe(allowed as string);
  });
});

test("** for headers and methods allows what is asked for", async () => {
  const open = bed({ allow_headers: "**", allow_methods: "**" });
  const asked = await open.ask({
    method: "OPTIONS",
    headers: { origin: "http://o", "access-control-request-headers": "x-a, x-b" },
  });
  expect(asked.headers["access-control-allow-headers"]).toBe("x-a, x-b");
  expect(asked.headers["access-control-allow-methods"]).toBe(
    "GET,POST,PUT,DELETE,PATCH,HEAD,OPTIONS,CONNECT,TRACE",
  );
  expect((await open.ask()).headers).not.toHaveProperty("access-control-allow-headers");
});

test("what the upstream said of sharing is replaced, its Vary is kept", async () => {
  const upstream = () => ({
    status: 200,
    headers: ["access-control-allow-origin", "http://evil", "vary", "Accept"],
    body: "",
    source: "upstream" as const,
  });
  const plugins = new PluginBed([[cors, { allow_origins: "http://o" }]], { upstream });
  const answer = await plugins.ask(from("http://o"));
  expect(answer.headers["access-control-allow-origin"]).toBe("http://o");
  expect(answer.headers["vary"]).toBe("Accept, Origin");
});

test("timings are shown to origins that may see them", async () => {
  const listed = bed({ timing_allow_origins: "http://o" });
  expect((await listed.ask(from("http://o"))).headers["timing-allow-origin"]).toBe("http://o");
  expect((await listed.ask(from("http://p"))).headers).not.toHaveProperty("timing-allow-origin");
  const patterns = bed({ timing_allow_origins_by_regex: ["^http://o"] });
  expect((await patterns.ask(from("http://ox"))).headers["timing-allow-origin"]).toBe("http://ox");
});

describe("configurations", () => {
  const stars = "you can not set '*' for other option when 'allow_credential' is true";
  const bad: [conf: object, path: string, message: string][] = [
    [{ allow_origins: "o" }, "/allow_origins", ""],
    [{ allow_origins: "http://o," }, "/allow_origins", ""],
    [{ allow_credential: true }, "/allow_credential", stars],
    [
      {
        allow_credential: true,
        allow_origins: "http://o",
        allow_methods: "GET",
        allow_headers: "*",
      },
      "/allow_credential",
      stars,
    ],
    [{ allow_origins_by_regex: ["("] }, "/allow_origins_by_regex/0", ""],
    [{ allow_origins_by_regex: [] }, "/allow_origins_by_regex", ""],
    [{ timing_allow_origins_by_regex: ["a", "(?=b)"] }, "/timing_allow_origins_by_regex/1", ""],
  ];
  test.each(bad)("%j is refused at %s", (conf, path, message) => {
    const [issue] = problemsOf(cors, { ...conf });
    expect(issue?.path).toBe(path);
    expect(issue?.message).toContain(message);
  });
});

import { describe, expect, test } from "bun:test";
import { keyAuth } from "./key-auth.ts";
import { PluginBed, problemsOf } from "./plugin.testbed.ts";
import { proxyRewrite } from "./proxy-rewrite.ts";

const bed = (conf: Record<string, unknown>): PluginBed => new PluginBed([[proxyRewrite, conf]]);

describe("targets", () => {
  const regex = (...regex_uri: string[]): object => ({ regex_uri });
  const cases: [conf: object, target: string, result: string][] = [
    [{ uri: "/new" }, "/a", "/new"],
    [{ uri: "/new" }, "/a?y=2", "/new?y=2"],
    [{ uri: "/new?x=1" }, "/a?y=2", "/new?x=1&y=2"],
    [{ uri: "/v/$arg_y" }, "/a?y=2", "/v/2?y=2"],
    [{ uri: "/x?u=$uri" }, "/a%3Fb", "/x?u=/a%3Fb"],
    [
      { uri: "/$uri/remain" },
      "/hello%3f0z=700%26a=c%20HTTP/1.1%0D%0AHost:google.com%0d%0a%0d%0a",
      "//hello%253F0z=700&a=c%20HTTP/1.1%0D%0AHost:google.com%0D%0A%0D%0A/remain",
    ],
    [{ uri: "/q?a=$arg_a" }, "/x?a=1%0D%0AHost:%20b", "/q?a=1%0D%0AHost:%20b&a=1%0D%0AHost:%20b"],
    [{ uri: "/new", regex_uri: ["^/a", "/b"] }, "/a", "/new"],
    [regex("^/a/(.*)/(.*)$", "/$2/$1"), "/a/b/c?x", "/c/b?x"],
    [regex("^/a/(.*)", "/x?id=$1"), "/a/7?y=1", "/x?id=7&y=1"],
    [regex("^/no", "/x", "^/a", "/y", "^/a", "/z"), "/a/b", "/y/b"],
    [regex("^/no", "/x"), "/a%20b", "/a%20b"],
    [regex("a", "b"), "/aa", "/ba"],
    [regex("^/hello", "/x"), "/hello%3Fa", "/x%3Fa"],
    [{ host: "b" }, "/%68ello%2Fx?a=%41", "/hello/x?a=%41"],
    [{ use_real_request_uri_unsafe: true }, "/%68ello?a=%41", "/%68ello?a=%41"],
    [{ use_real_request_uri_unsafe: true, uri: "/new" }, "/a?x=1", "/new?x=1"],
    [{ use_real_request_uri_unsafe: true, uri: "/new?y=2" }, "/a?x=1", "/new?y=2&x=1"],
    [{ use_real_request_uri_unsafe: true, regex_uri: ["^/%61", "/b"] }, "/%61?x", "/b?x"],
    [{ uri: "/中 <x>" }, "/a", "/%E4%B8%AD%20%3Cx%3E"],
  ];
  test.each(cases)("%j makes %s %s", async (conf, target, result) => {
    const answer = await bed({ ...conf }).ask({ target });
    expect(answer.upstream?.target).toBe(result);
  });
});

test("method and Host go upstream as configured", async () => {
  const answer = await bed({ method: "PUT", host: "re.host:81" }).ask();
  expect(answer.upstream?.method).toBe("PUT");
  expect(answer.upstream?.host).toBe("re.host:81");
});

test("headers are added, set and removed, with variables and captures", async () => {
  const answer = await bed({
    regex_uri: ["^/a/(.*)$", "/b"],
    headers: {
      add: { "X-A": "2", "X-L": ["1", 2] },
      set: { "X-S": "$remote_addr", "X-C": "id-$1", "X-M": ["$arg_none", "b"] },
      remove: ["X-R"],
    },
  }).ask({ target: "/a/7", headers: { "x-a": "1", "x-r": "1", "x-m": "old" } });
  expect(answer.upstream?.headers).toEqual({
    host: "a.test:9080",
    "x-a": "1, 2",
    "x-l": "1, 2",
    "x-s": "127.0.0.1",
    "x-c": "id-7",
    "x-m": ", b",
  });
});

test("the older form of headers sets them; without a match captures are empty", async () => {
  const answer = await bed({
    regex_uri: ["^/no(.)", "/$1"],
    headers: { "X-A": "[$1]", "X-N": 1 },
  }).ask({
    headers: { "x-a": "old" },
  });
  expect(answer.upstream?.headers).toEqual({ host: "a.test:9080", "x-a": "[]", "x-n": "1" });
});

test("a client can't add headers by what is captured or read", async () => {
  const answer = await bed({ headers: { set: { "X-A": "$arg_a" } } }).ask({
    target: "/?a=1%0D%0AX-Admin:%20yes",
  });
  expect(answer.upstream?.headers["x-a"]).toBe("1%0D%0AX-Admin: yes");
});

test("credentials hidden before stay hidden", async () => {
  const both = new PluginBed(
    [
      [keyAuth, { hide_credentials: true }],
      [proxyRewrite, { uri: "/new" }],
    ],
    { consumers: { jack: { "key-auth": { key: "k" } } } },
  );
  expect((await both.ask({ target: "/a?apikey=k&x=1" })).upstream?.target).toBe("/new?x=1");
});

describe("configurations", () => {
  const bad: [conf: object, path: string, message: string][] = [
    [{}, "", ""],
    [{ uri: "new" }, "/uri", ""],
    [{ method: "GOT" }, "/method", ""],
    [{ host: "a b" }, "/host", ""],
    [{ regex_uri: ["a"] }, "/regex_uri", ""],
    [
      { regex_uri: ["a", "b", "c"] },
      "/regex_uri",
      "The length of regex_uri should be an even number",
    ],
    [
      { regex_uri: ["^/prr$", "/re$request_method"] },
      "/regex_uri/0",
      "invalid regex_uri(^/prr$, /re$request_method): failed to compile the replacement template",
    ],
    [{ regex_uri: ["(", "a"] }, "/regex_uri/0", "invalid regex_uri((, a): "],
    [{ headers: {} }, "/headers", ""],
    [{ headers: { "a b": "1" } }, "/headers/a b", "invalid field character in header"],
    [{ headers: { "": "1" } }, "/headers/", "invalid field length in header"],
    [{ headers: { set: { Host: "b" } } }, "/headers", "Host is set by the member host"],
    [
      { headers: { set: { "Transfer-Encoding": "b" } } },
      "/headers/set/Transfer-Encoding",
      "Transfer-Encoding is written by the gateway alone",
    ],
    [{ uri: "/$request_body" }, "/uri", "not served"],
  ];
  test.each(bad)("%j is refused at %s", (conf, path, message) => {
    const [issue] = problemsOf(proxyRewrite, { ...conf });
    expect(issue?.path).toBe(path);
    expect(issue?.message).toContain(message);
  });
});

import { describe, expect, test } from "bun:test";
import { maxTargetBytes, normaliseHost, normalisePath, parseTarget } from "./request-target.ts";

describe("parseTarget", () => {
  test("takes host, path, query and the raw target", () => {
    expect(parseTarget("http://A.Test:80/a/b?x=1&y", "A.Test:80")).toEqual({
      rawHost: "A.Test:80",
      host: "a.test",
      path: "/a/b",
      rawTarget: "/a/b?x=1&y",
      query: "x=1&y",
    });
  });

  test.each([
    ["/health?x=1", "/health", "/health?x=1"],
    ["/public/../a/%2e%2e/admin", "/admin", "/admin"],
    ["/public\\..\\admin", "/admin", "/admin"],
    ["//b.test/admin", "/b.test/admin", "//b.test/admin"],
    ["/@b.test/", "/@b.test/", "/@b.test/"],
  ])("takes %s without a Host, as HTTP/1.0 may ask", (url, path, rawTarget) => {
    expect(parseTarget(url, null)).toMatchObject({ host: "localhost", path, rawTarget });
  });

  const refused: readonly (readonly [string, string, string | null, number])[] = [
    ["no Host", "http://a/", null, 400],
    ["no Host and no path", "*", null, 400],
    ["no Host and a bad escape", "/%zz", null, 400],
    ["two Hosts", "http://a.test/", "a.test, b.test", 400],
    ["a relative URL", "/hs", "a/b", 400],
    ["CONNECT's authority", "other.test:80", "a", 400],
    ["a fragment", "http://a/admin#x", "a", 400],
    ["a bad port", "http://a.test:99999/", "a.test:99999", 400],
    ["an invalid escape", "http://a/%zz", "a", 400],
    ["a NUL", "http://a/a%00b", "a", 400],
    ["an endless URI", `http://a/${"x".repeat(maxTargetBytes)}`, "a", 414],
  ];
  test.each(refused)("refuses %s", (_name, url, host, status) => {
    expect(parseTarget(url, host)).toMatchObject({ status });
  });
});

describe("normaliseHost", () => {
  test.each([
    ["A.TEST:80", "a.test"],
    ["a.test.", "a.test"],
    ["[::1]:80", "[::1]"],
    ["customer_service", "customer_service"],
    ["127.0.0.1", "127.0.0.1"],
  ])("%s is %s", (header, expected) => {
    expect(normaliseHost(header)).toBe(expected);
  });
  test.each(["", "a b", "a@b", "a/b", "a:99999", "a:abc", "a:", "[::1", "a..b", "é.test", "."])(
    "refuses %p",
    (header) => {
      expect(normaliseHost(header)).toBeNull();
    },
  );
});

describe("normalisePath decodes once, resolves dots and merges slashes", () => {
  test.each([
    ["/a/b", "/a/b"],
    ["/", "/"],
    ["/a/", "/a/"],
    ["//a///b", "/a/b"],
    ["/%61dmin", "/admin"],
    ["/a%2Fb", "/a/b"],
    ["/public/..%2fadmin", "/admin"],
    ["/public/%2e%2e%2fadmin", "/admin"],
    ["/a/%2e/", "/a/"],
    ["/a/b/..%2f", "/a/"],
    ["/%252e%252e", "/%2e%2e"],
    ["/%C3%A9", "/é"],
  ])("%s is %s", (raw, expected) => {
    expect(normalisePath(raw)).toBe(expected);
  });
  test.each(["/%", "/%2", "/%zz", "/%u0041", "/a%00", "/..%2f", "/a/..%2f..%2fb"])(
    "refuses %p",
    (raw) => {
      expect(normalisePath(raw)).toBeNull();
    },
  );
});

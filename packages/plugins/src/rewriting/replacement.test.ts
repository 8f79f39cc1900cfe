import { describe, expect, test } from "bun:test";
import { compilePattern, type Pattern } from "@catena/expr";
import { compileReplacement, type Replacement, replaceAll, replaceFirst } from "./replacement.ts";

function pattern(source: string): Pattern {
  const { value } = compilePattern(source);
  if (value === undefined) throw new Error(source);
  return value;
}

function replacement(text: string): Replacement {
  const { value, issues } = compileReplacement(text);
  if (value === undefined) throw new Error(JSON.stringify(issues));
  return value;
}

const braced = ["$", "{1}0"].join("");

describe("replaceFirst", () => {
  const cases: [text: string, pattern: string, replacement: string, result: string][] = [
    ["/a/b/c", "^/a/(.*)$", "/x/$1", "/x/b/c"],
    ["/a/b", "/(a)/(b)", "/$2/$1", "/b/a"],
    ["/a", "a", braced, "/0"],
    ["/aa", "a", "[$0]", "/[a]a"],
    ["/a", "a", "$$1", "/$1"],
    ["/a", "(a)(x)?", "$2$9-", "/-"],
    ["/a", "b", "c", "/a"],
  ];
  test.each(cases)("%s by %s to %s is %s", (text, source, by, result) => {
    expect(replaceFirst(text, pattern(source), replacement(by))).toBe(result);
  });
});

describe("replaceAll", () => {
  const cases: [text: string, pattern: string, replacement: string, result: string][] = [
    ["a1b22c", "\\d+", "<$0>", "a<1>b<22>c"],
    ["abc", "", "-", "-a-b-c-"],
    ["aaa", "^a", "b", "baa"],
    ["none", "x", "y", "none"],
  ];
  test.each(cases)("%s by %s to %s is %s", (text, source, by, result) => {
    expect(replaceAll(text, pattern(source), replacement(by))).toBe(result);
  });

  test("is given up when every match looks at all that follows", () => {
    const text = "a".repeat(400_000);
    expect(replaceAll(text, pattern("a.*b|a"), replacement("c"), 20)).toBeNull();
  });
});

test.each(["$", "a$b", "$request_method", ["$", "{x}"].join(""), ["$", "{1"].join("")])(
  "%s is no replacement",
  (text) => {
    expect(compileReplacement(text).issues[0]?.message).toBe(
      "failed to compile the replacement template",
    );
  },
);

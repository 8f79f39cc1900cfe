import { describe, expect, test } from "bun:test";
import { compilePattern, type Pattern } from "./pattern.ts";

function compile(source: string, ignoreCase = false): Pattern {
  const { value, issues } = compilePattern(source, { ignoreCase });
  if (value === undefined) throw new Error(JSON.stringify(issues));
  return value;
}

test("finds matches and what their groups took", () => {
  const pattern = compile("/(\\w+)/(x)?");
  expect(pattern.test("/a/")).toBe(true);
  expect(pattern.test("a")).toBe(false);
  expect(pattern.find("..//ab/")).toEqual({ start: 3, end: 7, groups: ["/ab/", "ab", null] });
  expect(pattern.find("/a/ /b/", 3)?.groups).toEqual(["/b/", "b", null]);
  expect(pattern.find("none")).toBeNull();
});

test("case counts unless told otherwise", () => {
  expect(compile("abc").test("ABC")).toBe(false);
  expect(compile("abc", true).test("xABCx")).toBe(true);
});

test("options widen what dots and anchors match", () => {
  const dots = compilePattern("a.b", { dotAll: true }).value;
  expect([dots?.test("a\nb"), compile("a.b").test("a\nb")]).toEqual([true, false]);
  const lines = compilePattern("^b$", { multiline: true }).value;
  expect([lines?.test("a\nb"), compile("^b$").test("a\nb")]).toEqual([true, false]);
});

describe("refusals", () => {
  const cases: [what: string, source: string][] = [
    ["unbalanced", "(a"],
    ["a lookahead", "a(?=b)"],
    ["a lookbehind", "(?<=a)b"],
    ["a back reference", "(a)\\1"],
    ["an atomic group", "(?>a)"],
    ["a possessive quantifier", "a++"],
    ["a repetition of repetitions", "((a{1,1000}){1,1000})"],
    ["a large program", "(a{0,30}){0,40}"],
    ["an endless source", "a".repeat(4097)],
  ];
  test.each(cases)("%s", (_what, source) => {
    const { value, issues } = compilePattern(source);
    expect(value).toBeUndefined();
    expect(issues[0]?.code).toBe("PATTERN_INVALID");
    expect(issues[0]?.message.length).toBeLessThan(250);
  });
});

// Each takes a backtracking engine time exponential or cubic in the text: minutes, or for ever.
describe("patterns that stall a backtracking engine are answered", () => {
  const text = `${"a".repeat(20_000)}!`;
  const cases: [source: string, matches: boolean][] = [
    ["^(a+)+$", false],
    ["^(a|aa)+$", false],
    ["^(a*)*b$", false],
    ["(.*)(.*)(.*)(.*)x$", false],
    ["^(([a-z])+.)+[A-Z]([a-z])+$", false],
    ["(a+)+!$", true],
  ];
  test.each(cases)("%s", (source, matches) => {
    const pattern = compile(source);
    expect(pattern.test(text)).toBe(matches);
    expect(pattern.find(text) !== null).toBe(matches);
  });
});

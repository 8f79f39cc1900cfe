import { describe, expect, test } from "bun:test";
import { formatFault, parseJson } from "./index.ts";

function fault(text: string): string {
  const result = parseJson(text);
  return result.kind === "fault" ? formatFault(result) : "accepted";
}

describe("parseJson explains", () => {
  const cases: [text: string, message: string][] = [
    ['{"a":1,}', "trailing comma before } at line 1, column 7"],
    ["[1,\n2,\n]", "trailing comma before ] at line 2, column 2"],
    ['{"a":1 "b":2}', "missing comma before a string at line 1, column 8"],
    ["{a:1}", "key a is not quoted at line 1, column 2"],
    ["{'a':1}", "keys are written with double quotes at line 1, column 2"],
    ["['a']", "strings are written with double quotes at line 1, column 2"],
    ['{"a" 1}', "missing : after the key a, found 1 at line 1, column 6"],
    ['{"a":}', "unexpected } at line 1, column 6"],
    ['{"a":1', "the object opened at line 1, column 1 is not closed at line 1, column 7"],
    ["[1,2", "the array opened at line 1, column 1 is not closed at line 1, column 5"],
    ["", "unexpected end of the text at line 1, column 1"],
    ["{} x", "unexpected x after the end of the value at line 1, column 4"],
    ["{}}", "unexpected } after the end of the value at line 1, column 3"],
    ["[01]", "number 01 has a leading zero at line 1, column 2"],
    ["[+1]", "number +1 starts with + at line 1, column 2"],
    ["[.5]", "number .5 has no digit before the point at line 1, column 2"],
    ["[1.]", "number 1. has no digit after the point at line 1, column 2"],
    ["[1e]", "1e is not a number at line 1, column 2"],
    ["[True]", "unknown word True at line 1, column 2"],
    ["[undefined]", "unknown word undefined at line 1, column 2"],
    ["[1] // done", "unexpected / after the end of the value at line 1, column 5"],
    ["[1, // one\n2]", "comments are not allowed at line 1, column 5"],
    ['["a\\x"]', "invalid escape \\x at line 1, column 4"],
    ['["\\u12g4"]', "invalid escape \\u12g4 at line 1, column 3"],
    ['["a', "string is not closed at line 1, column 2"],
    ['["a\nb"]', "string is not closed on its line at line 1, column 4"],
    ['["a\tb"]', "control character U+0009 in a string at line 1, column 4"],
    ["\ufeff{}", "byte order mark before the text at line 1, column 1"],
    ['{"é😀":tru}', "unknown word tru at line 1, column 7"],
    ["[1,,2]", "unexpected , at line 1, column 4"],
    ["[1\u00a0]", "unexpected character U+00A0 in the array at line 1, column 3"],
  ];
  test.each(cases)("%s", (text, message) => expect(fault(text)).toBe(message));

  test("the offset in bytes and what was expected", () => {
    expect(parseJson('{"é":1,}')).toMatchObject({ offset: 7, column: 7, expected: "a member" });
    expect(parseJson("[nan]")).toMatchObject({ expected: "null" });
    expect(parseJson("{a:1}")).toMatchObject({ expected: '"a"' });
  });
});

describe("parseJson", () => {
  test("keeps __proto__ as an own member and pollutes nothing", () => {
    const result = parseJson('{"__proto__":{"admin":true}}');
    if (result.kind !== "value") throw new Error(result.message);
    expect(Object.hasOwn(Object(result.value), "__proto__")).toBe(true);
    expect(Object.getPrototypeOf(result.value)).toBe(Object.prototype);
    expect(Reflect.get({}, "admin")).toBeUndefined();
  });

  test("limits depth before it parses", () => {
    expect(parseJson("[".repeat(64) + "]".repeat(64)).kind).toBe("value");
    expect(fault("[".repeat(65) + "]".repeat(65))).toBe(
      "nested deeper than 64 levels at line 1, column 65",
    );
    expect(fault("[".repeat(1_000_000))).toBe("nested deeper than 64 levels at line 1, column 65");
    expect(parseJson(`["${"[{".repeat(100)}\\"["]`).kind).toBe("value");
    expect(parseJson(`[${"[],".repeat(100)}{}]`, { maxDepth: 2 }).kind).toBe("value");
  });

  test("limits bytes", () => {
    expect(parseJson('"abc"', { maxBytes: 4 })).toMatchObject({ code: "JSON_TOO_LARGE" });
    expect(parseJson('"abc"', { maxBytes: 5 }).kind).toBe("value");
  });

  test("reports keys given twice when asked", () => {
    const text = '{"a":1,\n"b":{"c":1,"c/":2,"c":3},"a":[{"x":1},{"y":1,"y":2}]}';
    expect(parseJson(text)).toMatchObject({ duplicates: [] });
    expect(parseJson(text, { reportDuplicates: true })).toMatchObject({
      duplicates: [
        { path: "/b/c", line: 2, column: 19 },
        { path: "/a", line: 2, column: 26 },
        { path: "/a/1/y", line: 2, column: 46 },
      ],
    });
  });
});

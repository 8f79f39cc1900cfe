import { expect, test } from "bun:test";
import { prefixEnd } from "./key-range.ts";

test.each([
  ["/apisix/routes/", "/apisix/routes0"],
  ["a", "b"],
  ["\u007f", "\u0080"],
  ["\ud7ff", "\ue000"],
  ["a\u{10ffff}", "b"],
  ["🦜", "🦝"],
  ["\u{10ffff}", null],
  ["", null],
])("the range of %j ends at %j", (prefix, end) => {
  expect(prefixEnd(prefix)).toBe(end);
});

test("the end is above every key with the prefix and not above the next one, in bytes", () => {
  const bytes = (text: string) => Buffer.from(text);
  for (const prefix of ["/a/", "é", "\u{ffff}", "/\u{10ffff}"]) {
    const end = prefixEnd(prefix) ?? "";
    expect(Buffer.compare(bytes(`${prefix}\u{10ffff}\u{10ffff}`), bytes(end))).toBe(-1);
    expect(end.startsWith(prefix)).toBe(false);
  }
});

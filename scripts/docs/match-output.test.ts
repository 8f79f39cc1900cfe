import { expect, test } from "bun:test";
import { findMismatch } from "./match-output.ts";

test.each([
  ["the same text", "a\nb\n", "a\nb", null],
  ["blanks at the ends of lines", "a \nb", "a\nb  \n\n", null],
  ["… within a line", "took … ms (all)", "took 12.5 ms (all)", null],
  ["… for lines, at the end too", "a\n…\nd\n…", "a\nb\nc\nd\ne", null],
  ["… for no line", "a\n…\nb", "a\nb", null],
  ["another text", "a\nb", "a\nc", "b"],
  ["a line that comes too late", "a\nb", "a\nx\nb", "b"],
  ["more than was shown", "a", "a\nb", 'nothing after "a"'],
  ["characters that mean something in a pattern", "a (b) [c]", "a (b) [c]", null],
])("%s", (_, shown, printed, mismatch) => {
  expect(findMismatch(shown, printed)).toBe(mismatch);
});

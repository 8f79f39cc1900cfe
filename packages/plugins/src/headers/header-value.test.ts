import { expect, test } from "bun:test";
import { toHeaderValue } from "./header-value.ts";

test.each([
  ["plain", "plain"],
  ["tab\tstays", "tab\tstays"],
  ["é", "é"],
  ["a\r\nX-Admin: 1", "a%0D%0AX-Admin: 1"],
  ["a\0\u007f", "a%00%7F"],
  ["中", "ä¸­"],
])("%j becomes %j", (text, value) => {
  expect(toHeaderValue(text)).toBe(value);
});

import { expect, test } from "bun:test";
import { wordLines } from "./header-lines.ts";

test("headers become lines in their order", () => {
  expect(wordLines([])).toBe("");
  expect(wordLines(["X-A", "1", "Set-Cookie", "a=b", "x-a", ""])).toBe(
    "X-A: 1\r\nSet-Cookie: a=b\r\nx-a: \r\n",
  );
});

const refused: [what: string, name: string, value: string][] = [
  ["a line end in a value", "X-A", "1\r\nX-B: 2"],
  ["a line feed in a value", "X-A", "1\n"],
  ["a control character", "X-A", "a\u0000b"],
  ["what is not ASCII", "X-A", "é"],
  ["a name that is none", "X A", "1"],
  ["an empty name", "", "1"],
  ["a length", "Content-Length", "1"],
  ["a coding", "transfer-encoding", "chunked"],
  ["a date", "Date", "x"],
  ["a host", "HOST", "x"],
];

test.each(refused)("%s is not for adding", (_, name, value) => {
  expect(wordLines(["X-Fine", "1", name, value])).toBeNull();
});

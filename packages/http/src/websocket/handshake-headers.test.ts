import { expect, test } from "bun:test";
import { acceptOf, hasToken } from "./handshake-headers.ts";

test("a key is agreed to as RFC 6455 §1.3 shows", () => {
  expect(acceptOf("dGhlIHNhbXBsZSBub25jZQ==")).toBe("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
});

test.each([
  ["upgrade", true],
  ["Upgrade", true],
  ["keep-alive, UPGRADE", true],
  ["keep-alive ,\tupgrade\t, x", true],
  ["", false],
  ["upgraded", false],
  ["keep-alive upgrade", false],
])("whether %j holds the token", (list, expected) => {
  expect(hasToken(list, "upgrade")).toBe(expected);
});

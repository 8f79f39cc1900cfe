import { expect, test } from "bun:test";
import { closePayload, isCloseCode } from "./close-code.ts";

test.each([
  [999, false],
  [1000, true],
  [1003, true],
  [1004, false],
  [1005, false],
  [1006, false],
  [1007, true],
  [1014, true],
  [1015, false],
  [2999, false],
  [3000, true],
  [4999, true],
  [5000, false],
])("whether %d may be sent as a close code: %p", (code, expected) => {
  expect(isCloseCode(code)).toBe(expected);
});

test.each([
  [1000, "", "03e8"],
  [4001, "é", "0fa1c3a9"],
  [1005, "not sent", ""],
  [1006, "not sent", ""],
  [0, "", ""],
])("a Close frame of %d and %j", (code, reason, hex) => {
  expect(Buffer.from(closePayload(code, reason)).toString("hex")).toBe(hex);
});

test("a reason is cut between characters to what a control frame holds", () => {
  const payload = closePayload(1000, `${"x".repeat(122)}é`);
  expect(payload.length).toBe(124);
  expect(closePayload(1000, "é".repeat(200)).length).toBe(124);
  expect(closePayload(1000, "x".repeat(200)).length).toBe(125);
});

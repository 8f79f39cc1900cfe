import { expect, test } from "bun:test";
import { firstOnly } from "./first-only.ts";

test("each message comes through once, with the fields of its first time", () => {
  const lines: unknown[] = [];
  const log = firstOnly({
    warn: (...line) => lines.push(["warn", ...line]),
    error: (...line) => lines.push(["error", ...line]),
  });
  log.warn("a", { n: 1 });
  log.warn("a", { n: 2 });
  log.error("b");
  log.error("b");
  log.warn("c");
  expect(lines).toEqual([
    ["warn", "a", { n: 1 }],
    ["error", "b", undefined],
    ["warn", "c", undefined],
  ]);
});

import { expect, test } from "bun:test";
import { didYouMean } from "./index.ts";

const known = ["uri", "uris", "upstream", "upstream_id", "methods", "plugins"];

test.each([
  ["urls", "uris"],
  ["upstreamId", "upstream_id"],
  ["method", "methods"],
  ["pulgins", "plugins"],
  ["plug-ins", "plugins"],
  ["URI", "uri"],
  ["x", null],
  ["something_else", null],
  ["", null],
  ["a".repeat(10_000), null],
])("%s -> %s", (wrong, meant) => expect(didYouMean(wrong, known)).toBe(meant));

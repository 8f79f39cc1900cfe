import { expect, test } from "bun:test";
import { lowerName } from "./known-names.ts";

test.each([
  ["Host", "host"],
  ["HOST", "host"],
  ["content-LENGTH", "content-length"],
  ["X-Forwarded-For", "x-forwarded-for"],
  ["X-B3-TraceId", "x-b3-traceid"],
  ["X-Unusual", "x-unusual"],
  ["TE", "te"],
  ["", ""],
  // One bit from a usual name.
  ["h\x4fst", "host"],
  ["ho\x13t", "ho\x13t"],
  ["x\rreal\rip", "x\rreal\rip"],
  ["x_real_ip", "x_real_ip"],
  ["X-B\x13-TraceId", "x-b\x13-traceid"],
])("%p is %p, wherever it stands", (name, lower) => {
  for (const before of ["", "a: b\r\n"]) {
    const text = `${before}${name}: value`;
    expect(lowerName(text, before.length, before.length + name.length)).toBe(lower);
  }
});

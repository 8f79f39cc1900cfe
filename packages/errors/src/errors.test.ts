import { describe, expect, test } from "bun:test";
import { defineErrors, formatIssue, isGatewayError, pointerSegment } from "./index.ts";

const errors = defineErrors({
  STORE_BUSY: {
    status: 503,
    source: "store",
    retryable: true,
    message: (p: { file: string }) => `store "${p.file}" is locked by another writer`,
  },
});

describe("defineErrors", () => {
  test("makes an error that carries its code, status, source and details", () => {
    const error = errors.STORE_BUSY({ file: "a.db" }, new Error("inner"));
    expect(error).toMatchObject({
      code: "STORE_BUSY",
      status: 503,
      source: "store",
      retryable: true,
      details: { file: "a.db" },
      message: 'store "a.db" is locked by another writer',
    });
    expect(error.cause).toBeInstanceOf(Error);
  });

  test("is recognised by code", () => {
    const error: unknown = errors.STORE_BUSY({ file: "a.db" });
    expect(isGatewayError(error)).toBe(true);
    expect(isGatewayError(error, "STORE_BUSY")).toBe(true);
    expect(isGatewayError(error, "OTHER")).toBe(false);
    expect(isGatewayError(new Error("x"))).toBe(false);
  });
});

describe("formatIssue", () => {
  test("names the place, the path, the expectation and the way out", () => {
    expect(
      formatIssue({
        path: "/uri",
        code: "SCHEMA_TYPE",
        message: "wrong type",
        expected: "string",
        found: "number",
        hint: "quote it",
        resource: "routes/checkout",
        source: { file: "configs/a.ts", line: 3, column: 7 },
      }),
    ).toBe(
      "configs/a.ts:3:7 routes/checkout /uri: wrong type; expected string, found number (quote it)",
    );
  });

  test("leaves out what is not known", () => {
    expect(formatIssue({ path: "", code: "X", message: "no routes" })).toBe("no routes");
  });
});

test("pointerSegment escapes ~ and / (RFC 6901)", () => {
  expect(pointerSegment("a/b~c")).toBe("a~1b~0c");
});

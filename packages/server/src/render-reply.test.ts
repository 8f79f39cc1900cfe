import { describe, expect, test } from "bun:test";
import type { GatewayReply } from "@catena/pipeline";
import { renderReply } from "./render-reply.ts";

const anonymous = { serverHeader: "" };
const withHeaders = (...headers: string[]): GatewayReply => ({
  status: 200,
  headers,
  body: null,
  source: "gateway",
});

describe("a header that can't be sent as it is", () => {
  test.each([
    ["a CRLF in a value", "x-a", "1\r\nx-b: 2"],
    ["a CRLF that ends a value", "x-a", "1\r\n"],
    ["an end of the head in a value", "x-a", "1\r\n\r\nHTTP/1.1 200 OK"],
    ["a LF in a value", "x-a", "1\nx-b: 2"],
    ["a CR in a value", "x-a", "1\rx-b: 2"],
    ["NUL in a value", "x-a", "\0"],
    ["a control character in a value", "x-a", "\x1b"],
    ["DEL in a value", "x-a", "\x7f"],
    ["what no byte holds in a value", "x-a", "\u0100"],
    ["what is cut to a line end", "x-a", "\u010d\u010a"],
    ["an empty name", "", "1"],
    ["a name with a space", "x a", "1"],
    ["a name with a colon", "x:a", "1"],
    ["a name with a CRLF", "x-a: 1\r\nx-b", "2"],
    ["a name beyond ASCII", "x-\xe9", "1"],
  ])("%s: REPLY_INVALID", (_name, name, value) => {
    expect(() => renderReply(withHeaders("x-ok", "1", name, value), anonymous)).toThrow(
      expect.objectContaining({ code: "REPLY_INVALID", status: 500 }),
    );
  });

  test("is told by name, never by value", () => {
    try {
      renderReply(withHeaders("set-cookie", "secret\r\n"), anonymous);
      throw new Error("it was rendered");
    } catch (error) {
      expect(String(error)).toContain('"set-cookie"');
      expect(String(error)).not.toContain("secret");
    }
  });
});

test.each([
  ["tabs and spaces", "\ta  b\t"],
  ["bytes beyond ASCII", "\x80\xff"],
  ["nothing", ""],
  ["signs", "\"'()<>@,;:\\/[]?={}"],
])("a value of %s is sent", (_name, value) => {
  expect(renderReply(withHeaders("x-a", value), anonymous).words).toBe(
    `HTTP/1.1 200 OK\r\nx-a: ${value}\r\n`,
  );
});

test.each([
  ["12", 12],
  ["0", 0],
  ["012", 12],
  ["", -1],
  ["+1", -1],
  ["1, 1", -1],
  ["1e3", -1],
  ["9999999999999999", -1],
])("a length of %p is taken for %d, and never sent as it is", (value, declared) => {
  const { words, declared: taken } = renderReply(withHeaders("Content-Length", value), anonymous);
  expect([taken, words]).toEqual([declared, "HTTP/1.1 200 OK\r\n"]);
});

test("a reply is not changed by being rendered", () => {
  const reply = withHeaders("Connection", "close", "Server", "x", "x-a", "1");
  const before = structuredClone(reply);
  renderReply(reply, { serverHeader: "us" });
  expect(reply).toEqual(before);
});

import { describe, expect, test } from "bun:test";
import { ResponseReader } from "./response-reader.ts";

const cases = [
  {
    name: "content-length",
    wire: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    status: 200,
    keepAlive: true,
  },
  {
    name: "an empty body",
    wire: "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
    status: 404,
    keepAlive: true,
  },
  {
    name: "no body for 204",
    wire: "HTTP/1.1 204 No Content\r\n\r\n",
    status: 204,
    keepAlive: true,
  },
  {
    name: "chunks, an extension and a trailer",
    wire: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhel\r\n\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\n",
    status: 200,
    keepAlive: true,
  },
  {
    name: "connection: close",
    wire: "HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno",
    status: 502,
    keepAlive: false,
  },
];

describe.each(cases)("a response with $name", ({ wire, status, keepAlive }) => {
  const bytes = Buffer.from(wire, "latin1");

  test.each([1, 2, 3, 7, bytes.length])("ends at its last byte, in pieces of %d", (size) => {
    const reader = new ResponseReader();
    const ended: boolean[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      ended.push(reader.push(bytes.subarray(at, at + size)));
    }
    expect(ended.pop()).toBe(true);
    expect(ended).not.toContain(true);
    expect(reader.status).toBe(status);
    expect(reader.keepAlive).toBe(keepAlive);
  });
});

test("a second response is read after a reset", () => {
  const reader = new ResponseReader();
  const one = Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
  expect(reader.push(one)).toBe(true);
  reader.reset();
  expect(reader.push(one)).toBe(true);
});

test("a body without length lasts until the connection closes", () => {
  const reader = new ResponseReader();
  expect(reader.push(Buffer.from("HTTP/1.1 200 OK\r\n\r\nabc"))).toBe(false);
  expect(reader.endsWithConnection).toBe(true);
});

test.each([
  ["what is no HTTP", "SSH-2.0-x\r\n\r\n"],
  ["a bad chunk size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"],
  ["bytes nobody asked for", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy"],
])("refuses %s", (_name, wire) => {
  expect(() => new ResponseReader().push(Buffer.from(wire))).toThrow();
});

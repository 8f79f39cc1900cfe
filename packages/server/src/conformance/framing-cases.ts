import { accepted, get, head, post, type ReadCase, refused } from "./read-case.ts";

const chunked = "Transfer-Encoding: chunked";
/** A chunked body in a POST. */
const inChunks = (body: string): string => post("/", chunked) + body;

/** Where a request ends (RFC 9112 §6): what two servers in a row must never read differently. */
export const lengthCases: readonly ReadCase[] = [
  accepted("a length", `${post("/", "Content-Length: 5")}hello`, { body: "hello" }),
  accepted("a length of 0", `${post("/1", "Content-Length: 0")}${get("/2")}`, { body: "" }, {}),
  accepted("zeros before a length", `${post("/", "Content-Length: 005")}hello`, { body: "hello" }),
  accepted("blanks around a length", `${post("/", "Content-Length: \t5 ")}hello`, {
    body: "hello",
  }),
  accepted("a body of a GET", `${get("/", "Content-Length: 2")}hi`, { method: "GET", body: "hi" }),
  accepted("no length is no body", `${post("/1")}${get("/2")}`, { body: "" }, { target: "/2" }),
  accepted(
    "a request behind a body",
    `${post("/1", "Content-Length: 2")}hi${get("/2")}`,
    { body: "hi" },
    { target: "/2" },
  ),
  accepted(
    "a body that looks like a request",
    `${post("/1", `Content-Length: ${get("/2").length}`)}${get("/2")}`,
    { body: get("/2") },
  ),
  refused("two lengths that differ", post("/", "Content-Length: 5", "Content-Length: 6"), 400),
  refused("two lengths that are equal", post("/", "Content-Length: 5", "Content-Length: 5"), 400),
  ...[
    ...["5, 5", "5,5", "5, 6", "+5", "-5", "-0", "0x5", "5.0", "5e0", "", "five", "5 5", "5;"],
    ...["99999999999999999999", "18446744073709551617", "\xb2", "٥", "1_0", "NaN", "Infinity"],
  ].map((value) =>
    refused(`a length of ${JSON.stringify(value)}`, post("/", `Content-Length: ${value}`), 400),
  ),
  refused("a space before the colon of the length", post("/", "Content-Length : 5"), 400),
  refused("a length in a folded line", post("/", "Content-Length:", " 5"), 400),
  refused("a length, then chunks", post("/", "Content-Length: 5", chunked), 400),
  refused("chunks, then a length", post("/", chunked, "Content-Length: 5"), 400),
  refused("a length of 0, then chunks", post("/", "Content-Length: 0", chunked), 400),
];

export const transferEncodingCases: readonly ReadCase[] = [
  ...["chunked", "Chunked", "CHUNKED", "\t chunked "].map((value) =>
    accepted(
      `Transfer-Encoding: ${value}`,
      `${post("/", `Transfer-Encoding: ${value}`)}2\r\nhi\r\n0\r\n\r\n`,
      { body: "hi" },
    ),
  ),
  ...[
    ...["chunked, chunked", "identity", "xchunked", "chunkedx", "gzip", "gzip, chunked"],
    ...["chunked, identity", "identity, chunked", ",chunked", "chunked,", '"chunked"'],
    ...["chunked;q=1", "", "\x0bchunked", "chunked\xa0"],
  ].map((value) =>
    refused(
      `Transfer-Encoding: ${JSON.stringify(value)}`,
      `${post("/", `Transfer-Encoding: ${value}`)}2\r\nhi\r\n0\r\n\r\n`,
      value === "\x0bchunked" ? 400 : 501,
    ),
  ),
  refused("two Transfer-Encodings", post("/", chunked, chunked), 400),
  refused("a second Transfer-Encoding", post("/", chunked, "Transfer-Encoding: identity"), 400),
  refused("a folded Transfer-Encoding", post("/", "Transfer-Encoding:", " chunked"), 400),
  refused("a space before its colon", post("/", "Transfer-Encoding : chunked"), 400),
  refused("a tab before its colon", post("/", "Transfer-Encoding\t: chunked"), 400),
  refused("it in HTTP/1.0", head("POST / HTTP/1.0", "Host: a.test", chunked), 400),
  accepted(
    "a name that is like it",
    `${post("/1", "Transfer_Encoding: chunked")}${get("/2")}`,
    {},
    {},
  ),
];

/** Chunks (RFC 9112 §7.1). */
export const chunkCases: readonly ReadCase[] = [
  accepted("no chunk", inChunks("0\r\n\r\n"), { body: "" }),
  accepted("several chunks", inChunks("1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"), { body: "abc" }),
  accepted(
    "a size in either case",
    inChunks(`a\r\n${"x".repeat(10)}\r\nB\r\n${"y".repeat(11)}\r\n0\r\n\r\n`),
    {
      body: "x".repeat(10) + "y".repeat(11),
    },
  ),
  accepted("zeros before a size", inChunks("0002\r\nhi\r\n000\r\n\r\n"), { body: "hi" }),
  accepted("extensions", inChunks('2;a=b\r\nhi\r\n0 ;c="d;e"\r\n\r\n'), { body: "hi" }),
  accepted("line ends within a chunk", inChunks("6\r\n\r\n0\r\n\r\r\n0\r\n\r\n"), {
    body: "\r\n0\r\n\r",
  }),
  accepted("trailers, which are dropped", inChunks("2\r\nhi\r\n0\r\nX-T: 1\r\nHost: b\r\n\r\n"), {
    host: "a.test",
    headers: ["host", "a.test", "transfer-encoding", "chunked"],
    body: "hi",
  }),
  accepted(
    "a request behind chunks",
    `${inChunks("1\r\na\r\n0\r\n\r\n")}${get("/2")}`,
    {},
    {
      target: "/2",
    },
  ),
  ...[
    ["a sign before a size", "+2\r\nhi\r\n0\r\n\r\n"],
    ["a negative size", "-2\r\nhi\r\n0\r\n\r\n"],
    ["0x before a size", "0x2\r\nhi\r\n0\r\n\r\n"],
    ["a blank before a size", " 2\r\nhi\r\n0\r\n\r\n"],
    ["a blank behind a size", "2 \r\nhi\r\n0\r\n\r\n"],
    ["a tab behind a size", "2\t\r\nhi\r\n0\r\n\r\n"],
    ["an empty size", "\r\nhi\r\n0\r\n\r\n"],
    ["an extension without a size", ";a\r\nhi\r\n0\r\n\r\n"],
    ["a size that is no number", "g\r\nhi\r\n0\r\n\r\n"],
    ["a size with an underscore", "1_0\r\nhi\r\n0\r\n\r\n"],
    ["a size of more digits than a number holds", "fffffffffffffff\r\nhi\r\n"],
    ["a size that overflows 64 bits", "10000000000000002\r\nhi\r\n0\r\n\r\n"],
    ["a size line that never ends", `2;${"a".repeat(2000)}`],
    ["a bare LF behind a size", "2\nhi\r\n0\r\n\r\n"],
    ["a bare CR behind a size", "2\rhi\r\n0\r\n\r\n"],
    ["a bare LF in an extension", "2;a\nb\r\nhi\r\n0\r\n\r\n"],
    ["a bare LF behind a chunk", "2\r\nhi\n0\r\n\r\n"],
    ["nothing behind a chunk", "2\r\nhi0\r\n\r\n"],
    ["a chunk longer than its size", "2\r\nhis\r\n0\r\n\r\n"],
    ["a chunk shorter than its size", "3\r\nhi\r\n0\r\n\r\n"],
    ["a NUL in an extension", "2;\x00\r\nhi\r\n0\r\n\r\n"],
    ["a bare LF for the last line", "2\r\nhi\r\n0\r\n\n"],
    ["a trailer without a name", "0\r\n: 1\r\n\r\n"],
    ["a trailer without a colon", "0\r\nGET / HTTP/1.1\r\n\r\n"],
    ["a folded trailer", "0\r\nX-T: 1\r\n 2\r\n\r\n"],
    ["a space before the colon of a trailer", "0\r\nX-T : 1\r\n\r\n"],
    ["a NUL in a trailer", "0\r\nX-T: \x00\r\n\r\n"],
    ["257 trailers", `0\r\n${"X-T: 1\r\n".repeat(257)}\r\n`],
  ].map(([name = "", body = ""]) => refused(name, inChunks(body), 400)),
];

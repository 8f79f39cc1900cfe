import { accepted, get, head, post, type ReadCase, refused } from "./read-case.ts";

/** Names of one letter and a number, none of them twice. */
const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `n${i}: v`);

/** The request line (RFC 9112 §3), and empty lines before it. */
export const requestLineCases: readonly ReadCase[] = [
  accepted("a plain request", get("/"), {
    method: "GET",
    target: "/",
    host: "a.test",
    keepAlive: true,
    headers: ["host", "a.test"],
    body: "",
  }),
  ...["OPTIONS", "PROPFIND", "M-SEARCH", "PURGE", "FOO", "A_B", "Q"].map((method) =>
    accepted(`the method ${method}`, head(`${method} / HTTP/1.1`, "Host: a.test"), { method }),
  ),
  refused("a method in lower case", head("get / HTTP/1.1", "Host: a.test"), 400),
  refused("a method in mixed case", head("Get / HTTP/1.1", "Host: a.test"), 400),
  refused("a method with a digit", head("GET1 / HTTP/1.1", "Host: a.test"), 400),
  refused("a method with a colon", head("GE:T / HTTP/1.1", "Host: a.test"), 400),
  refused("no method", head(" / HTTP/1.1", "Host: a.test"), 400),
  refused("no target", head("GET HTTP/1.1", "Host: a.test"), 400),
  refused("an empty target", head("GET  HTTP/1.1", "Host: a.test"), 400),
  refused("two spaces before the target", head("GET  / HTTP/1.1", "Host: a.test"), 400),
  refused("two spaces behind the target", head("GET /  HTTP/1.1", "Host: a.test"), 400),
  refused("a space within the target", head("GET /a b HTTP/1.1", "Host: a.test"), 400),
  refused("a space behind the version", head("GET / HTTP/1.1 ", "Host: a.test"), 400),
  refused("a tab for a space", head("GET\t/\tHTTP/1.1", "Host: a.test"), 400),
  refused("a space before the method", head(" GET / HTTP/1.1", "Host: a.test"), 400),
  refused("HTTP/0.9", "GET /\r\n\r\n", 400),
  accepted("HTTP/1.0", head("GET / HTTP/1.0", "Host: a.test"), { keepAlive: false }),
  accepted("HTTP/1.0 without a Host", head("GET / HTTP/1.0"), { host: null }),
  accepted("a version of 1 that is not known yet", head("GET / HTTP/1.9", "Host: a.test"), {}),
  refused("HTTP/1.10", head("GET / HTTP/1.10", "Host: a.test"), 400),
  refused("HTTP/2.0", head("GET / HTTP/2.0", "Host: a.test"), 505),
  refused("HTTP/3.0", head("GET / HTTP/3.0", "Host: a.test"), 505),
  refused("HTTP/0.9 by name", head("GET / HTTP/0.9", "Host: a.test"), 505),
  refused("a protocol in lower case", head("GET / http/1.1", "Host: a.test"), 400),
  refused("another protocol", head("GET / RTSP/1.0", "Host: a.test"), 400),
  refused("a version without a dot", head("GET / HTTP/11", "Host: a.test"), 400),
  refused("a version with blanks", head("GET / HTTP/ 1.1", "Host: a.test"), 400),
  refused("what begins a connection of TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
  refused("NUL first", "\x00GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", 400),
  refused("NUL in the target", head("GET /\x00 HTTP/1.1", "Host: a.test"), 400),
  refused("DEL in the target", head("GET /\x7f HTTP/1.1", "Host: a.test"), 400),
  refused("a control character in the target", head("GET /\x01 HTTP/1.1", "Host: a.test"), 400),
  accepted("bytes beyond ASCII in the target as escapes", get("/\xc3\xa9?\xff"), {
    target: "/%C3%A9?%FF",
  }),
  refused("a target of more than 8 KiB with its escapes", get(`/${"\xe9".repeat(2731)}`), 414),
  refused("bytes beyond ASCII in the method", head("G\xc3T / HTTP/1.1", "Host: a.test"), 400),
  refused("bytes beyond ASCII in the version", head("GET / HTTP/\xb9.1", "Host: a.test"), 400),
  accepted("a target of 8 KiB", get(`/${"u".repeat(8191)}`), { target: `/${"u".repeat(8191)}` }),
  refused("a target of more than 8 KiB", get(`/${"u".repeat(8192)}`), 414),
  accepted("a target as it was sent", get("/a/../b//%2F?x=%20&y=+?"), {
    target: "/a/../b//%2F?x=%20&y=+?",
  }),
  accepted("the host of an absolute target before that of Host", get("http://b.test:81/p?q"), {
    target: "/p?q",
    host: "b.test:81",
  }),
  accepted("an absolute target in upper case", get("HTTPS://b.test"), {
    target: "/",
    host: "b.test",
  }),
  accepted("an absolute target without a path", get("http://b.test?x=1"), {
    target: "/?x=1",
    host: "b.test",
  }),
  refused("an absolute target with a user", get("http://u:p@b.test/"), 400),
  refused("an absolute target without a host", get("http:///p"), 400),
  refused("an absolute target of another scheme", get("ftp://b.test/"), 400),
  refused("an absolute target without Host", head("GET http://b.test/ HTTP/1.1"), 400),
  refused("* of OPTIONS", head("OPTIONS * HTTP/1.1", "Host: a.test"), 400),
  refused("* of GET", get("*"), 400),
  refused("a target without a slash", get("p"), 400),
  refused("a query alone", get("?x"), 400),
  refused("CONNECT", head("CONNECT a.test:443 HTTP/1.1", "Host: a.test"), 405),
  accepted("an empty line before a request", `\r\n${get("/")}`, { target: "/" }),
  accepted("two empty lines before a request", `\r\n\r\n${get("/")}`, { target: "/" }),
  refused("more empty lines before a request", `\r\n\r\n\r\n${get("/")}`, 400),
  refused("a bare LF before a request", `\n${get("/")}`, 400),
  refused("a bare CR before a request", `\r${get("/")}`, 400),
  accepted("an empty line between two requests", `${get("/1")}\r\n${get("/2")}`, {}, {}),
  accepted("three requests at once", get("/1") + get("/2") + get("/3"), {}, {}, { target: "/3" }),
  {
    name: "a sound request before what is none",
    bytes: `${get("/1")}nonsense\r\n\r\n`,
    requests: [{ target: "/1" }],
    refused: 400,
  },
];

/** Header lines (RFC 9112 §5). */
export const headerCases: readonly ReadCase[] = [
  accepted("names in lower case, values as they came", get("/", "X-Mixed: As-Sent"), {
    headers: ["host", "a.test", "x-mixed", "As-Sent"],
  }),
  accepted("blanks around a value", get("/", "X-A: \t one  two \t"), {
    headers: ["host", "a.test", "x-a", "one  two"],
  }),
  accepted("no blank before a value", get("/", "X-A:1"), {
    headers: ["host", "a.test", "x-a", "1"],
  }),
  accepted("empty values", get("/", "X-A:", "X-B: ", "X-C:\t\t"), {
    headers: ["host", "a.test", "x-a", "", "x-b", "", "x-c", ""],
  }),
  accepted("colons in a value", get("/", "X-A: b: c:"), {
    headers: ["host", "a.test", "x-a", "b: c:"],
  }),
  accepted("a no-break space is no blank", get("/", "X-A: \xa0b\xa0"), {
    headers: ["host", "a.test", "x-a", "\xa0b\xa0"],
  }),
  accepted("bytes beyond ASCII in a value", get("/", "X-A: \xc3\xa9"), {
    headers: ["host", "a.test", "x-a", "\xc3\xa9"],
  }),
  accepted("every character of a token in a name", get("/", "!#$%&'*+-.^_`|~09aZ: 1"), {
    headers: ["host", "a.test", "!#$%&'*+-.^_`|~09az", "1"],
  }),
  accepted("a repeated name is one list", get("/", "X-A: 1", "X-B: 2", "x-a: 3", "X-A:"), {
    headers: ["host", "a.test", "x-a", "1, 3, ", "x-b", "2"],
  }),
  accepted("cookies are joined as cookies", get("/", "Cookie: a=1", "Cookie: b=2"), {
    headers: ["host", "a.test", "cookie", "a=1; b=2"],
  }),
  accepted("names that differ from usual ones in one bit", get("/", "H\x7est: 1", "Hos^: 2"), {
    headers: ["host", "a.test", "h\x7est", "1", "hos^", "2"],
  }),
  refused("a bare LF behind the request line", "GET / HTTP/1.1\nHost: a.test\r\n\r\n", 400),
  refused("a bare LF behind a header", "GET / HTTP/1.1\r\nHost: a.test\nX-A: 1\r\n\r\n", 400),
  refused("bare LFs alone", "GET / HTTP/1.1\nHost: a.test\n\n", 400),
  refused("a bare LF for the empty line", "GET / HTTP/1.1\r\nHost: a.test\r\n\n\r\n\r\n", 400),
  refused("a bare CR in a value", get("/", "X-A: 1\rX-B: 2"), 400),
  refused("a bare CR behind the request line", "GET / HTTP/1.1\rHost: a.test\r\n\r\n", 400),
  refused("two CRs before a LF", "GET / HTTP/1.1\r\r\nHost: a.test\r\n\r\n", 400),
  refused("NUL in a value", get("/", "X-A: 1\x00"), 400),
  refused("NUL in a name", get("/", "X\x00A: 1"), 400),
  refused("a control character in a value", get("/", "X-A: \x1b[1m"), 400),
  refused("DEL in a value", get("/", "X-A: \x7f"), 400),
  refused("a folded line with a space", get("/", "X-A: 1", " 2"), 400),
  refused("a folded line with a tab", get("/", "X-A: 1", "\t2"), 400),
  refused("a folded line first", head("GET / HTTP/1.1", " X-A: 1", "Host: a.test"), 400),
  refused("a space before the colon", get("/", "X-A : 1"), 400),
  refused("a tab before the colon", get("/", "X-A\t: 1"), 400),
  refused("a space within a name", get("/", "X A: 1"), 400),
  refused("an empty name", get("/", ": 1"), 400),
  refused("no colon", get("/", "X-A"), 400),
  refused("no colon before one in the next line", get("/", "X-A", "X-B: 1"), 400),
  refused("a name beyond ASCII", get("/", "X-\xc3\xa9: 1"), 400),
  ...['"', "(", ")", ",", "/", ";", "<", "=", ">", "?", "@", "[", "\\", "]", "{", "}"].map((sign) =>
    refused(`${sign} in a name`, get("/", `X${sign}A: 1`), 400),
  ),
  accepted("256 headers", get("/", ...names(255)), {}),
  refused("257 headers", get("/", ...names(256)), 431),
  refused("257 headers of one name", get("/", ...Array<string>(256).fill("X-A: 1")), 431),
  refused("no Host", head("GET / HTTP/1.1", "X-A: 1"), 400),
  refused("no header at all", head("GET / HTTP/1.1"), 400),
  refused("two Hosts", get("/", "Host: b.test"), 400),
  refused("two Hosts that are equal", get("/", "Host: a.test"), 400),
  refused("two Hosts in HTTP/1.0", head("GET / HTTP/1.0", "Host: a", "Host: b"), 400),
  accepted("an empty Host, which is nobody's", head("GET / HTTP/1.1", "Host:"), { host: "" }),
];

/** What becomes of the connection, and of Expect (RFC 9112 §9.3, RFC 9110 §10.1.1). */
export const connectionCases: readonly ReadCase[] = [
  ...["close", "Close", "x, CLOSE", "close, keep-alive", "keep-alive,\tclose", ",close,"].map(
    (value) =>
      accepted(`Connection: ${value} ends it`, get("/", `Connection: ${value}`), {
        keepAlive: false,
      }),
  ),
  accepted("close in the second of two lines", get("/", "Connection: x", "Connection: close"), {
    keepAlive: false,
  }),
  accepted("close in the first of two lines", get("/", "Connection: close", "Connection: x"), {
    keepAlive: false,
  }),
  ...["keep-alive", "closed", "x-close", "upgrade", ""].map((value) =>
    accepted(`Connection: ${value} does not end it`, get("/", `Connection: ${value}`), {
      keepAlive: true,
    }),
  ),
  ...["keep-alive", "Keep-Alive", "x, KEEP-ALIVE"].map((value) =>
    accepted(
      `HTTP/1.0 with Connection: ${value} goes on`,
      head("GET / HTTP/1.0", `Connection: ${value}`),
      { keepAlive: true },
    ),
  ),
  accepted("HTTP/1.0 with both ends", head("GET / HTTP/1.0", "Connection: keep-alive, close"), {
    keepAlive: false,
  }),
  accepted("Expect of a body", `${post("/", "Expect: 100-Continue", "Content-Length: 1")}x`, {
    expectsContinue: true,
  }),
  accepted("Expect without a body", get("/", "Expect: 100-continue"), { expectsContinue: false }),
  accepted(
    "Expect of HTTP/1.0",
    `${head("POST / HTTP/1.0", "Expect: 100-continue", "Content-Length: 1")}x`,
    { expectsContinue: false },
  ),
  refused("another Expect", post("/", "Expect: 200-ok", "Content-Length: 1"), 417),
];

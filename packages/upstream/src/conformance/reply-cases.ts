/** Bytes an upstream answers with, and what a transport must make of them. */
export interface ReplyCase {
  readonly name: string;
  /** latin1 text, sent in one write. */
  readonly reply: string;
  /** What the server does behind the bytes; default: keeps the connection open. */
  readonly after?: "close" | "reset";
  readonly method?: "GET" | "HEAD" | "POST";
  readonly expect: ExpectedReply | ExpectedFault;
}

export interface ExpectedReply {
  readonly status: number;
  /** Lower-case names; repeated headers joined with `, `. */
  readonly headers?: Readonly<Record<string, string>>;
  /** latin1 text; `null` for no body. */
  readonly body: string | null;
  /** Whether the next call uses the same connection; absent when either is right. */
  readonly reuses?: boolean;
}

export interface ExpectedFault {
  readonly code: "UPSTREAM_BAD_REPLY" | "UPSTREAM_RESET";
}

const OK = "HTTP/1.1 200 OK\r\n";
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;
const bad: ExpectedFault = { code: "UPSTREAM_BAD_REPLY" };
const cut: ExpectedFault = { code: "UPSTREAM_RESET" };

const reply = (body: string | null, more: Partial<ExpectedReply> = {}): ExpectedReply => ({
  status: 200,
  body,
  reuses: true,
  ...more,
});

const bodiless = (status: number, headers: Record<string, string>): ExpectedReply => ({
  status,
  body: null,
  headers,
});

const headerLines = (count: number): string =>
  Array.from({ length: count }, (_, i) => `X-${i}: ${i}\r\n`).join("");

const validReplies: readonly ReplyCase[] = [
  {
    name: "a body of the length said",
    reply: `${OK}Content-Length: 5\r\n\r\nhello`,
    expect: reply("hello"),
  },
  { name: "an empty body", reply: `${OK}Content-Length: 0\r\n\r\n`, expect: reply("") },
  {
    name: "a body in chunks",
    reply: `${CHUNKED}5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n`,
    expect: reply("hello world"),
  },
  { name: "an empty body in chunks", reply: `${CHUNKED}0\r\n\r\n`, expect: reply("") },
  {
    name: "chunk sizes in capitals and with leading zeros",
    reply: `${CHUNKED}00A\r\n0123456789\r\n000\r\n\r\n`,
    expect: reply("0123456789"),
  },
  {
    name: "chunk extensions are ignored",
    reply: `${CHUNKED}5;a=b\r\nhello\r\n0;c="d"\r\n\r\n`,
    expect: reply("hello"),
  },
  {
    name: "trailers are read and dropped",
    reply: `${CHUNKED}5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n`,
    expect: reply("hello"),
  },
  {
    name: "a body until the connection closes",
    reply: `${OK}Content-Type: text/plain\r\n\r\nhello`,
    after: "close",
    expect: reply("hello", { reuses: false }),
  },
  {
    name: "an HTTP/1.0 reply ends its connection",
    reply: "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    expect: reply("hello", { reuses: false }),
  },
  {
    name: "Connection: close ends the connection",
    reply: `${OK}Connection: close\r\nContent-Length: 5\r\n\r\nhello`,
    expect: reply("hello", { reuses: false }),
  },
  {
    name: "204 has no body",
    reply: "HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n",
    expect: reply(null, { status: 204, headers: { "x-a": "1" } }),
  },
  {
    name: "304 has no body, whatever length it tells",
    reply: "HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n",
    expect: bodiless(304, { "content-length": "10" }),
  },
  {
    name: "a reply to HEAD has no body, whatever length it tells",
    method: "HEAD",
    reply: `${OK}Content-Length: 10\r\n\r\n`,
    expect: bodiless(200, { "content-length": "10" }),
  },
  {
    name: "100 and 103 before the reply are skipped",
    reply: `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}Content-Length: 2\r\n\r\nok`,
    expect: reply("ok"),
  },
  {
    name: "a reason phrase may be empty",
    reply: "HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok",
    expect: reply("ok"),
  },
  {
    name: "header names keep apart by case only in writing",
    reply: `${OK}CONTENT-LENGTH: 2\r\nconnection: Keep-Alive\r\n\r\nok`,
    expect: reply("ok"),
  },
  {
    name: "blanks around a header value are cut, inside they stay",
    reply: `${OK}X-A:  \t a  b \t\r\nX-B:c\r\nContent-Length: 2\r\n\r\nok`,
    expect: reply("ok", { headers: { "x-a": "a  b", "x-b": "c" } }),
  },
  {
    name: "a header value may be empty",
    reply: `${OK}X-A:\r\nContent-Length: 2\r\n\r\nok`,
    expect: reply("ok", { headers: { "x-a": "" } }),
  },
  {
    name: "a header value may be latin1",
    reply: `${OK}X-A: caf\xe9\r\nContent-Length: 2\r\n\r\nok`,
    expect: reply("ok", { headers: { "x-a": "caf\xe9" } }),
  },
  {
    name: "a repeated header keeps all its values",
    reply: `${OK}X-A: 1\r\nX-A: 2\r\nContent-Length: 2\r\n\r\nok`,
    expect: reply("ok", { headers: { "x-a": "1, 2" } }),
  },
  {
    name: "a redirect is not followed",
    reply: "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    expect: reply("", { status: 302, headers: { location: "http://127.0.0.1:1/" } }),
  },
  {
    name: "an encoded body is passed as it is",
    reply: `${OK}Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x00\xff`,
    expect: reply("\x1f\x8b\x00\xff", { headers: { "content-encoding": "gzip" } }),
  },
  {
    name: "an error status is a reply",
    reply: "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy",
    expect: reply("busy", { status: 503 }),
  },
  {
    name: "a status without a registered meaning is a reply",
    reply: "HTTP/1.1 599 Odd\r\nContent-Length: 0\r\n\r\n",
    expect: reply("", { status: 599 }),
  },
  {
    name: "a header name of a JavaScript object is data",
    reply: `${OK}__proto__: x\r\nContent-Length: 2\r\n\r\nok`,
    // A literal with this key would set the prototype instead.
    expect: reply("ok", { headers: Object.fromEntries([["__proto__", "x"]]) }),
  },
  {
    name: "200 headers are taken",
    reply: `${OK}${headerLines(200)}Content-Length: 2\r\n\r\nok`,
    expect: reply("ok", { headers: { "x-199": "199" } }),
  },
  {
    name: "bytes behind the body end the connection",
    reply: `${OK}Content-Length: 2\r\n\r\nokEXTRA`,
    expect: reply("ok", { reuses: false }),
  },
  {
    name: "a second reply behind the first is dropped with the connection",
    reply: `${OK}Content-Length: 2\r\n\r\nok${OK}Content-Length: 4\r\n\r\nevil`,
    expect: reply("ok", { reuses: false }),
  },
  {
    name: "bytes behind a chunked body end the connection",
    reply: `${CHUNKED}2\r\nok\r\n0\r\n\r\nEXTRA`,
    expect: reply("ok", { reuses: false }),
  },
];

const badHeads: readonly ReplyCase[] = [
  { name: "refuses text that is not HTTP", reply: "hello world\r\n\r\n", expect: bad },
  { name: "refuses another protocol's banner", reply: "SSH-2.0-OpenSSH_9.2\r\n", expect: bad },
  { name: "refuses an empty line first", reply: `\r\n${OK}Content-Length: 0\r\n\r\n`, expect: bad },
  { name: "refuses HTTP/2.0", reply: "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", expect: bad },
  { name: "refuses HTTP/0.9", reply: "HTTP/0.9 200 OK\r\nContent-Length: 0\r\n\r\n", expect: bad },
  {
    name: "refuses a lower-case protocol",
    reply: "http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    expect: bad,
  },
  ...["0", "000", "099", "99", "600", "999", "1000", "abc", "-200", "2e2"].map((status) => ({
    name: `refuses the status ${status}`,
    reply: `HTTP/1.1 ${status} X\r\nContent-Length: 0\r\n\r\n`,
    expect: bad,
  })),
  {
    name: "refuses an upgrade that was not asked for",
    reply: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
    expect: bad,
  },
  ...headerFaults([
    ["a folded header", "X-A: 1\r\n 2"],
    ["a folded first header", " X-A: 1"],
    ["a NUL in a value", "X-A: a\0b"],
    ["a control character in a value", "X-A: a\x01b"],
    ["a bare CR in a value", "X-A: a\rb"],
    ["a NUL in a name", "X\0A: 1"],
    ["a space in a name", "X A: 1"],
    ["a space before the colon", "X-A : 1"],
    ["a line without a colon", "X-A"],
    ["an empty name", ": 1"],
    ["a bare LF", "X-A: 1\nX-B: 2"],
    ["latin1 in a name", "X-\xe9: 1"],
  ]),
  {
    name: "refuses a head that ends lines with LF alone",
    reply: "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    expect: bad,
  },
  {
    name: "refuses more than 256 headers",
    reply: `${OK}${headerLines(257)}Content-Length: 0\r\n\r\n`,
    expect: bad,
  },
  {
    name: "refuses a head of more than 64 KiB",
    reply: `${OK}X-A: ${"a".repeat(70_000)}\r\nContent-Length: 0\r\n\r\n`,
    expect: bad,
  },
];

const badFraming: readonly ReplyCase[] = [
  ...["-1", "+5", "0x5", "5 5", "5,6", "1e3", "5;", "", "five", "99999999999999999999"].map(
    (length) => ({
      name: `refuses the content-length "${length}"`,
      reply: `${OK}Content-Length: ${length}\r\n\r\nhello`,
      expect: bad,
    }),
  ),
  {
    name: "refuses two lengths that differ",
    reply: `${OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!`,
    expect: bad,
  },
  {
    name: "refuses two equal lengths",
    reply: `${OK}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`,
    expect: bad,
  },
  {
    name: "refuses a length together with chunks",
    reply: `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    expect: bad,
  },
  ...["identity", "gzip, chunked", "chunked, identity", "xchunked", "chunked, chunked", ""].map(
    (coding) => ({
      name: `refuses the transfer-encoding "${coding}"`,
      reply: `${OK}Transfer-Encoding: ${coding}\r\n\r\n0\r\n\r\n`,
      expect: bad,
    }),
  ),
  {
    name: "refuses chunks in HTTP/1.0",
    reply: "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    expect: bad,
  },
  ...["zz", "-5", "0x5", "5 ", " 5", "", "5 5", "fffffffffffffffff"].map((size) => ({
    name: `refuses the chunk size "${size}"`,
    reply: `${CHUNKED}${size}\r\nhello\r\n0\r\n\r\n`,
    expect: bad,
  })),
  {
    name: "refuses a chunk longer than its size",
    reply: `${CHUNKED}3\r\nhello\r\n0\r\n\r\n`,
    expect: bad,
  },
  {
    name: "refuses a chunk size that ends in LF alone",
    reply: `${CHUNKED}5\nhello\r\n0\r\n\r\n`,
    expect: bad,
  },
  {
    name: "refuses a chunk extension without end",
    reply: `${CHUNKED}5;${"a".repeat(20_000)}\r\nhello\r\n0\r\n\r\n`,
    expect: bad,
  },
  {
    name: "refuses many chunk extensions",
    reply: `${CHUNKED}${`1;${"a".repeat(1_000)}\r\nx\r\n`.repeat(20)}0\r\n\r\n`,
    expect: bad,
  },
  {
    name: "refuses a bad trailer",
    reply: `${CHUNKED}5\r\nhello\r\n0\r\nX A: 1\r\n\r\n`,
    expect: bad,
  },
  {
    name: "refuses trailers of more than 64 KiB",
    reply: `${CHUNKED}5\r\nhello\r\n0\r\n${`X-A: ${"a".repeat(1_000)}\r\n`.repeat(70)}\r\n`,
    expect: bad,
  },
];

const cutReplies: readonly ReplyCase[] = (["close", "reset"] as const).flatMap((after) => [
  { name: `a ${after} instead of a reply is an error`, reply: "", after, expect: cut },
  { name: `a ${after} within the head is an error`, reply: "HTTP/1.1 200 O", after, expect: cut },
  {
    name: `a ${after} within a body of known length is an error`,
    reply: `${OK}Content-Length: 10\r\n\r\nhello`,
    after,
    expect: cut,
  },
  {
    name: `a ${after} within a chunk is an error`,
    reply: `${CHUNKED}a\r\nhello`,
    after,
    expect: cut,
  },
  {
    name: `a ${after} before the last chunk is an error`,
    reply: `${CHUNKED}5\r\nhello\r\n`,
    after,
    expect: cut,
  },
  {
    name: `a ${after} within the trailers is an error`,
    reply: `${CHUNKED}5\r\nhello\r\n0\r\nX-A: 1\r\n`,
    after,
    expect: cut,
  },
]);

/** Everything both transports are held to, apart from the skips each of them lists. */
export const replyCases: readonly ReplyCase[] = [
  ...validReplies,
  ...badHeads,
  ...badFraming,
  ...cutReplies,
  {
    name: "a reset within a body until close is an error",
    reply: `${OK}X-A: 1\r\n\r\nhello`,
    after: "reset",
    expect: cut,
  },
];

function headerFaults(faults: readonly (readonly [string, string])[]): ReplyCase[] {
  return faults.map(([what, line]) => ({
    name: `refuses ${what}`,
    reply: `${OK}${line}\r\nContent-Length: 2\r\n\r\nok`,
    expect: bad,
  }));
}

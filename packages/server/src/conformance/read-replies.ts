/** A reply as a client reads it. */
export interface RawReply {
  readonly status: number;
  readonly statusLine: string;
  /** Lines as they came, without the status line. */
  readonly lines: readonly string[];
  /** Names in lower case; the last of each name. */
  readonly headers: Readonly<Record<string, string>>;
  /** Decoded; latin1. */
  readonly body: string;
  /** How the end of the body is told. */
  readonly framing: "none" | "length" | "chunked" | "close";
  readonly isWhole: boolean;
}

/**
 * Reads the replies in what a client received: strict, so that what is no reply fails the test.
 *
 * @param methods of the requests in order, because a reply to HEAD has no body.
 */
export function readReplies(
  bytes: Buffer,
  methods: readonly string[],
  hasEnded: boolean,
): readonly RawReply[] {
  const replies: RawReply[] = [];
  let answered = 0;
  for (let at = 0; at < bytes.length; ) {
    const headEnd = bytes.indexOf("\r\n\r\n", at);
    if (headEnd < 0) break;
    const [statusLine = "", ...lines] = bytes.toString("latin1", at, headEnd).split("\r\n");
    const status = Number(/^HTTP\/1\.1 ([0-9]{3}) [ -~]*$/.exec(statusLine)?.[1] ?? Number.NaN);
    if (Number.isNaN(status)) throw new Error(`no status line: ${JSON.stringify(statusLine)}`);
    const headers = Object.fromEntries(lines.map(fieldOf));
    const method = methods[answered] ?? "GET";
    const read = readBody(bytes, headEnd + 4, status, method, headers, hasEnded);
    const { body, framing, isWhole } = read;
    replies.push({ status, statusLine, lines, headers, body, framing, isWhole });
    if (status >= 200) answered += 1;
    at = read.end;
  }
  return replies;
}

function fieldOf(line: string): readonly [string, string] {
  const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?(.*)$/.exec(line);
  if (match === null) throw new Error(`no header line: ${JSON.stringify(line)}`);
  const [, name = "", value = ""] = match;
  return [name.toLowerCase(), value];
}

interface ReadBody {
  readonly body: string;
  readonly framing: RawReply["framing"];
  readonly isWhole: boolean;
  readonly end: number;
}

function readBody(
  bytes: Buffer,
  at: number,
  status: number,
  method: string,
  headers: Readonly<Record<string, string>>,
  hasEnded: boolean,
): ReadBody {
  if (method === "HEAD" || status < 200 || status === 204 || status === 304)
    return { body: "", framing: "none", isWhole: true, end: at };
  if (headers["transfer-encoding"] !== undefined) return readChunks(bytes, at);
  const length = headers["content-length"];
  if (length === undefined) {
    const body = bytes.toString("latin1", at);
    return { body, framing: "close", isWhole: hasEnded, end: bytes.length };
  }
  const end = Math.min(bytes.length, at + Number(length));
  const body = bytes.toString("latin1", at, end);
  return { body, framing: "length", isWhole: end - at === Number(length), end };
}

function readChunks(bytes: Buffer, at: number): ReadBody {
  let body = "";
  for (;;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    const size = lineEnd < 0 ? "" : bytes.toString("latin1", at, lineEnd);
    if (lineEnd >= 0 && !/^[0-9a-f]+$/.test(size)) throw new Error(`no chunk size: ${size}`);
    const from = lineEnd + 2;
    const end = from + Number.parseInt(size, 16);
    if (lineEnd < 0 || bytes.length < end + 2)
      return { body, framing: "chunked", isWhole: false, end: bytes.length };
    if (bytes.toString("latin1", end, end + 2) !== "\r\n") throw new Error("no chunk end");
    if (end === from) return { body, framing: "chunked", isWhole: true, end: end + 2 };
    body += bytes.toString("latin1", from, end);
    at = end + 2;
  }
}

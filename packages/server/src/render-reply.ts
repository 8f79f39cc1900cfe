import type { GatewayReply } from "@catena/pipeline";
import type { BodyPieces, CallBody, ReturnedLines } from "@catena/upstream";
import { replyErrors } from "./errors.ts";

/** A reply whose head is in words, but for what depends on the connection. */
export interface RenderedReply {
  readonly status: number;
  /** Status line and headers, each with its CRLF; without framing, `Connection` and `Date`. */
  readonly words: string;
  /** Whether `words` has a `Date`. */
  readonly isDated: boolean;
  /** `Content-Length` as it was given; -1 when it was not. */
  readonly declared: number;
  readonly body: CallBody;
  /** A body that is still on its way, in place of `body`. */
  readonly pieces: BodyPieces | null;
  /** A reply of an upstream, which may leave out what its body's length is. */
  readonly isPassedOn: boolean;
  /** As in `GatewayReply`. */
  readonly trailers?: (() => readonly string[]) | undefined;
}

/** What every reply says of us. */
export interface ReplyIdentity {
  /** `Server`; empty for none. */
  readonly serverHeader: string;
}

/** Headers that belong to this hop and are ours to write. */
const ours = new Set(["connection", "keep-alive", "transfer-encoding", "content-length"]);

/** One line per header; with the count of lines this holds all that a name and a value may be. */
const SOUND_LINES = /^(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t\x20-\x7e\x80-\xff]*\r\n)*$/;
const LENGTH = /^[0-9]{1,15}$/;

/**
 * @throws REPLY_INVALID when a header can't be sent as it is: a line end in a value would begin another
 *   header (RFC 9112 §11.1).
 */
export function renderReply(reply: GatewayReply, { serverHeader }: ReplyIdentity): RenderedReply {
  const { status } = reply;
  // What no status line can hold, or promises another reply behind it.
  if ((status | 0) !== status || status < 200 || status > 599)
    return renderReply(
      { status: 502, headers: [], body: null, source: "gateway" },
      { serverHeader },
    );
  const untouched = reply.untouchedLines?.() ?? null;
  if (untouched !== null) return renderUntouched(reply, untouched, serverHeader);
  const { headers } = reply;
  const pieces = reply.untouchedPieces?.() ?? null;
  const body = pieces === null ? (reply.untouchedText?.() ?? reply.body) : null;
  let lines = "";
  let count = 0;
  let declared = -1;
  let isDated = false;
  for (let i = 0; i < headers.length; i += 2) {
    // Flat lists have an even length, so both are there.
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    switch (name.length) {
      case 4:
        if (name === "date" || name.toLowerCase() === "date") isDated = true;
        break;
      case 6:
        if (serverHeader !== "" && name.toLowerCase() === "server") continue;
        break;
      case 10:
      case 14:
      case 17: {
        const lower = name.toLowerCase();
        if (lower === "content-length" && LENGTH.test(value)) declared = Number(value);
        if (ours.has(lower)) continue;
        break;
      }
    }
    lines += `${name}: ${value}\r\n`;
    count += 1;
  }
  if (!SOUND_LINES.test(lines) || countLines(lines) !== count) throw invalid(headers);
  if (serverHeader !== "") lines += `server: ${serverHeader}\r\n`;
  const words = statusLine(status) + lines;
  const isPassedOn = reply.source === "upstream";
  return { status, words, isDated, declared, body, pieces, isPassedOn, trailers: reply.trailers };
}

/** What an upstream gave goes on as it came: its lines were checked when they were read. */
function renderUntouched(
  reply: GatewayReply,
  { text, isDated, declared }: ReturnedLines,
  serverHeader: string,
): RenderedReply {
  const { status } = reply;
  const ours = serverHeader === "" ? "" : `server: ${serverHeader}\r\n`;
  const words = statusLine(status) + text + ours;
  const pieces = reply.untouchedPieces?.() ?? null;
  const body = pieces === null ? (reply.untouchedText?.() ?? reply.body) : null;
  return { status, words, isDated, declared, body, pieces, isPassedOn: true };
}

function countLines(text: string): number {
  let count = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) count += 1;
  return count;
}

/** The value may be a secret: the reason names the header only. */
function invalid(headers: readonly string[]) {
  for (let i = 0; i < headers.length; i += 2) {
    const line = `${headers[i]}: ${headers[i + 1]}\r\n`;
    if (SOUND_LINES.test(line) && countLines(line) === 1) continue;
    const name = JSON.stringify(headers[i] ?? "");
    return replyErrors.REPLY_INVALID({ reason: `the header ${name} has forbidden characters` });
  }
  return replyErrors.REPLY_INVALID({ reason: "a header has no value" });
}

const statusLines: string[] = [];

function statusLine(status: number): string {
  const known = statusLines[status];
  if (known !== undefined) return known;
  const line = `HTTP/1.1 ${status} ${reasons[status] ?? ""}\r\n`;
  statusLines[status] = line;
  return line;
}

/** IANA's HTTP status code registry. */
const reasons: Readonly<Record<number, string>> = {
  200: "OK",
  201: "Created",
  202: "Accepted",
  203: "Non-Authoritative Information",
  204: "No Content",
  205: "Reset Content",
  206: "Partial Content",
  207: "Multi-Status",
  208: "Already Reported",
  226: "IM Used",
  300: "Multiple Choices",
  301: "Moved Permanently",
  302: "Found",
  303: "See Other",
  304: "Not Modified",
  305: "Use Proxy",
  307: "Temporary Redirect",
  308: "Permanent Redirect",
  400: "Bad Request",
  401: "Unauthorized",
  402: "Payment Required",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  407: "Proxy Authentication Required",
  408: "Request Timeout",
  409: "Conflict",
  410: "Gone",
  411: "Length Required",
  412: "Precondition Failed",
  413: "Content Too Large",
  414: "URI Too Long",
  415: "Unsupported Media Type",
  416: "Range Not Satisfiable",
  417: "Expectation Failed",
  418: "I'm a teapot",
  421: "Misdirected Request",
  422: "Unprocessable Content",
  423: "Locked",
  424: "Failed Dependency",
  425: "Too Early",
  426: "Upgrade Required",
  428: "Precondition Required",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  451: "Unavailable For Legal Reasons",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
  506: "Variant Also Negotiates",
  507: "Insufficient Storage",
  508: "Loop Detected",
  511: "Network Authentication Required",
};

import type { BodyPieces, CallBody, ReturnedLines } from "@catena/upstream";

/** An answer to the client before it becomes a web `Response`; response phases edit it in place. */
export interface GatewayReply {
  status: number;
  /** Flat list `[name, value, …]`; a name may repeat (`Set-Cookie`). */
  headers: string[];
  body: CallBody;
  /** Who answered: us, or the upstream whose reply this is. */
  readonly source: "gateway" | "upstream";
  /** Adds headers, of a flat list, without those there are being looked at. */
  addHeaders?(list: readonly string[]): void;
  /** The headers in words, while nobody has looked at them or the body; else `null`. */
  untouchedLines?(): ReturnedLines | null;
  /** A body that is still on its way, while nobody has looked at it: to be taken instead of `body`. */
  untouchedPieces?(): BodyPieces | null;
  /** The body as text that is ASCII, while nobody has looked at it and where that is cheaper; else `null`. */
  untouchedText?(): string | null;
  /**
   * What comes behind the body (RFC 9110 §6.5) as a flat list, to be asked for once that is sent. Only
   * of upstreams over HTTP/2; clients get it over HTTP/2 alone.
   */
  readonly trailers?: (() => readonly string[]) | undefined;
}

// nginx's reason phrases where they differ from the registry's (src/http/ngx_http_header_filter_module.c).
const titles: Readonly<Record<number, string>> = {
  301: "Moved Permanently",
  302: "Found",
  303: "See Other",
  307: "Temporary Redirect",
  308: "Permanent Redirect",
  400: "Bad Request",
  401: "Authorization Required",
  403: "Forbidden",
  404: "Not Found",
  405: "Not Allowed",
  408: "Request Time-out",
  413: "Request Entity Too Large",
  414: "Request-URI Too Large",
  415: "Unsupported Media Type",
  417: "Expectation Failed",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  499: "Client Closed Request",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Temporarily Unavailable",
  504: "Gateway Time-out",
  505: "HTTP Version Not Supported",
};

const pages = new Map<number, string>();

function errorPage(status: number): string {
  const known = pages.get(status);
  if (known !== undefined) return known;
  const title = `${status} ${titles[status] ?? "Error"}`;
  // The bytes APISIX 3.18 answers with (recorded), so that clients which look for them find them.
  const page =
    `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n` +
    `<center><h1>${title}</h1></center>\r\n<hr><center>openresty</center>\r\n` +
    `<p><em>Powered by <a href="https://apisix.apache.org/">APISIX</a>.</em></p></body>\r\n</html>\r\n`;
  pages.set(status, page);
  return page;
}

/**
 * A status without a body of its own. From 300 on the body is a short HTML page, as APISIX answers
 * (apisix-compat: "status-only exits"); below 300 it is empty.
 */
export function statusReply(status: number): GatewayReply {
  return status >= 300
    ? {
        status,
        headers: ["content-type", "text/html; charset=utf-8"],
        body: errorPage(status),
        source: "gateway",
      }
    : { status, headers: [], body: null, source: "gateway" };
}

/** A text body, `text/plain` unless a type is given; APISIX's plugins answer so. */
export function textReply(
  status: number,
  body: string,
  contentType = "text/plain; charset=utf-8",
): GatewayReply {
  return { status, headers: ["content-type", contentType], body, source: "gateway" };
}

/** A JSON body followed by a newline, with APISIX's content type for such bodies. */
export function messageReply(status: number, value: unknown): GatewayReply {
  return textReply(status, `${JSON.stringify(value)}\n`);
}

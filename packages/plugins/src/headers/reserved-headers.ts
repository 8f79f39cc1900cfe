import type { Issue } from "@catena/errors";

/** Headers that say how a message is framed and what becomes of its connection: never a plugin's. */
const framing = new Set([
  "connection",
  "content-length",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** RFC 9110 §5.1: a name is a token; anything else can't be sent. */
const notToken = /[^!#$%&'*+\-.^_`|~0-9A-Za-z]/;

/** As {@link checkHeaderName}, for the request to the upstream, whose Host is chosen another way. */
export function checkUpstreamHeader(name: string, path: string): readonly Issue[] {
  if (name.toLowerCase() !== "host") return checkHeaderName(name, path);
  return [
    { path, code: "HEADER_RESERVED", message: "Host is set by the upstream or proxy-rewrite" },
  ];
}

/** Refuses a name that is none, or of a header that only the gateway may write. */
export function checkHeaderName(name: string, path: string): readonly Issue[] {
  if (name === "" || notToken.test(name)) {
    const message =
      name === "" ? "invalid field length in header" : "invalid field character in header";
    return [{ path, code: "HEADER_INVALID", message, found: name.slice(0, 60) }];
  }
  if (!framing.has(name.toLowerCase())) return [];
  return [{ path, code: "HEADER_RESERVED", message: `${name} is written by the gateway alone` }];
}

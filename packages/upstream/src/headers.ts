import type { HeaderLines } from "@catena/http";

/**
 * Request headers that are ours to write or end at this hop: framing, connection management
 * (RFC 9110 §7.6.1) and what nginx's proxy module leaves out. `Host` and the `X-Forwarded-*` family
 * are set anew.
 */
const notForwarded = new Set([
  "connection",
  "content-length",
  "expect",
  "forwarded",
  "host",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-proto",
  "x-real-ip",
]);

/**
 * Response headers that end at this hop, and `Server`, which is ours (nginx, proxy_hide_header). `Date`
 * is the upstream's, as APISIX passes it: caches reckon with it (RFC 9110 §6.6.1).
 */
const notReturned = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "server",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "x-accel-buffering",
  "x-accel-charset",
  "x-accel-expires",
  "x-accel-limit-rate",
  "x-accel-redirect",
  "x-pad",
]);

/** Who the client is and what it asked for, as the upstream is told. */
export interface ForwardedFor {
  readonly clientAddress: string;
  readonly scheme: "http" | "https";
  /** `Host` as sent, with port. */
  readonly rawHost: string;
  /** Port we listen on, for a Host without one. */
  readonly serverPort: number;
}

/**
 * The client's headers as they go upstream: a flat list whose first pair is `Host` (its value is set
 * per node), then `X-Real-IP` and `X-Forwarded-*`, then everything else in the client's order.
 * `X-Forwarded-For` is the client's list with its address appended; the other forwarded headers are
 * always ours (apisix/cli/ngx_tpl.lua).
 *
 * @param client flat list, names in lower case.
 */
export function requestHeaders(client: readonly string[], about: ForwardedFor): string[] {
  const { clientAddress, rawHost } = about;
  const headers = [
    "Host",
    rawHost,
    "X-Real-IP",
    clientAddress,
    "X-Forwarded-For",
    clientAddress,
    "X-Forwarded-Proto",
    about.scheme,
    "X-Forwarded-Host",
    rawHost,
    "X-Forwarded-Port",
    portOf(rawHost) ?? String(about.serverPort),
  ];
  let named: ReadonlySet<string> | null = null;
  for (let i = 0; i + 1 < client.length; i += 2) {
    // The bound makes both elements present.
    const name = client[i] as string;
    const value = client[i + 1] as string;
    if (!notForwarded.has(name)) headers.push(name, value);
    else if (name === "x-forwarded-for") headers[5] = `${value}, ${clientAddress}`;
    else if (name === "connection") named = joined(named, namedByConnection(value));
  }
  return named === null ? headers : without(headers, named);
}

/**
 * What {@link requestHeaders} lists, but `Host`, as lines that are passed on as they came.
 *
 * @returns `null` when they can't be.
 */
export function requestLines(client: HeaderLines, about: ForwardedFor): string | null {
  const { clientAddress, rawHost, scheme } = about;
  const { text, starts, headers } = client;
  let forwardedFor = clientAddress;
  let kept = "";
  let from = starts[0] as number;
  let line = 0;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    line += 1;
    if (!notForwarded.has(name)) continue;
    const value = headers[i + 1] as string;
    if (name === "x-forwarded-for") forwardedFor = `${value}, ${clientAddress}`;
    else if (name === "connection" && namedByConnection(value) !== null) return null;
    // As many lines as names, and one more start.
    const start = starts[line - 1] as number;
    if (start > from) kept += text.slice(from, start);
    from = starts[line] as number;
  }
  const end = starts[line] as number;
  if (end > from) kept += text.slice(from, end);
  const port = portOf(rawHost) ?? about.serverPort;
  return `X-Real-IP: ${clientAddress}\r\nX-Forwarded-For: ${forwardedFor}\r\nX-Forwarded-Proto: ${scheme}\r\nX-Forwarded-Host: ${rawHost}\r\nX-Forwarded-Port: ${port}\r\n${kept}`;
}

/** An upstream's headers as they go to the client: without those that end at this hop. */
export function responseHeaders(upstream: readonly string[]): string[] {
  const headers: string[] = [];
  let named: ReadonlySet<string> | null = null;
  for (let i = 0; i + 1 < upstream.length; i += 2) {
    const name = upstream[i] as string;
    const value = upstream[i + 1] as string;
    const lower = returnedName(name);
    if (lower !== "") headers.push(lower, value);
    else if (name.length === 10 && name.toLowerCase() === "connection")
      named = joined(named, namedByConnection(value));
  }
  return named === null ? headers : without(headers, named);
}

const endingLengths: boolean[] = [];
for (const { length } of notReturned) endingLengths[length] = true;

/** Whether the header of an upstream whose name is in `text` from `at` to `end` is none of the client's. */
export function endsHere(text: string, at: number, end: number): boolean {
  // Most names are told by their length alone, without a string of each being made.
  return endingLengths[end - at] === true && returnedName(text.slice(at, end)) === "";
}

/** What a name of an upstream's header is to the client; empty when it ends here. */
function returnedName(name: string): string {
  return returnedNames.get(name) ?? learnName(name);
}

/**
 * Names as upstreams write them, to how they go to the client: in lower case, empty when they do not.
 * Servers use few, and one string per name makes it cheap to put into the reply's headers: a fresh one
 * is hashed at every use (0.2 µs of a proxied reply).
 */
const returnedNames = new Map<string, string>();

/** More names than any set of services has; beyond, each is looked at anew. */
const maxNames = 2048;

function learnName(name: string): string {
  const lower = name.toLowerCase();
  const returned = notReturned.has(lower) ? "" : lower;
  if (returnedNames.size < maxNames) returnedNames.set(name, returned);
  return returned;
}

/** Whether a `Connection` speaks of the connection alone. */
export function isUsualConnection(value: string): boolean {
  return value === "close" || value === "keep-alive" || value === "Keep-Alive";
}

/** Headers that `Connection` declares to be for this hop only; `null` for the usual values. */
function namedByConnection(value: string): ReadonlySet<string> | null {
  if (isUsualConnection(value)) return null;
  const names = value
    .split(",")
    .map((name) => name.trim().toLowerCase())
    // What we write ourselves can't be asked away (RFC 9110 §7.6.1: end-to-end fields).
    .filter((name) => name !== "" && !notForwarded.has(name));
  return names.length === 0 ? null : new Set(names);
}

/** A header that is repeated is one list (RFC 9110 §5.3). */
function joined(
  one: ReadonlySet<string> | null,
  other: ReadonlySet<string> | null,
): ReadonlySet<string> | null {
  return one === null || other === null ? (one ?? other) : one.union(other);
}

function without(headers: readonly string[], names: ReadonlySet<string>): string[] {
  const kept: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] as string;
    if (!names.has(name.toLowerCase())) kept.push(name, headers[i + 1] as string);
  }
  return kept;
}

function portOf(rawHost: string): string | null {
  const colon = rawHost.lastIndexOf(":");
  if (colon < 0 || colon === rawHost.length - 1) return null;
  for (let i = colon + 1; i < rawHost.length; i++) {
    const code = rawHost.charCodeAt(i);
    if (code < 48 || code > 57) return null;
  }
  return rawHost.slice(colon + 1);
}

import { arraySlices, scanObject } from "@catena/json";
import type { UpstreamReply } from "@catena/upstream";
import type { ChainRequest } from "../chain-request.ts";
import { jsonText } from "../json-text.ts";
import type { RenderedCall } from "../steps/send-call.ts";
import type { ReplyMask } from "./reply-mask.ts";
import { isPlainHeader, isSecretName, MASKED } from "./secret-names.ts";
import type { CallMask, Mask } from "./taint.ts";

/** What a call said and was answered, with secrets masked. */
export interface CallValues {
  /** `upstream:ID` or `uri:http://host[:port][/base]`. */
  readonly to: string;
  readonly method: string;
  /** Path and query; the path as the chain writes it when a value in it is secret. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON text, or how many bytes there are; `null` for none. */
  readonly body: string | null;
  replyHeaders: Readonly<Record<string, string>> | null;
  replyBody: string | null;
}

/** What a recorder keeps of bodies, in characters. */
export interface ValueBounds {
  /** Of one body; of a longer one only its size is shown. */
  readonly bodyChars: number;
  /** Of all bodies of one request. */
  readonly requestChars: number;
}

const DEFAULT_BOUNDS: ValueBounds = { bodyChars: 4096, requestChars: 65_536 };
/** Shorter ones would be found in text that has nothing to do with them. */
const SHORTEST_SECRET = 4;
const DEPTH = 256;
/** Secrets of one request that are looked for in what comes later. */
const MOST_LEARNED = 256;

/** Any argument of a query that is named like a secret, in a target or a `Location`. */
const QUERY_ARGUMENT = /([?&])([^=&#?]*)=([^&#]*)/g;

/**
 * Keeps what the calls of one request said, for people to look at. Three things are masked: what is
 * derived from a secret, which the chain tells; what is named like one; and every occurrence of the
 * secrets that came with the request or were masked before, wherever a service repeats them.
 */
export class ValueRecorder {
  readonly #request: ChainRequest;
  #secrets: readonly string[] | null = null;
  readonly #learned = new Set<string>();
  readonly #bodyChars: number;
  #charsLeft: number;

  constructor(request: ChainRequest, bounds: ValueBounds = DEFAULT_BOUNDS) {
    this.#request = request;
    this.#bodyChars = bounds.bodyChars;
    this.#charsLeft = bounds.requestChars;
  }

  /** The client's own path and query. */
  ownTarget(): string {
    const { path, query } = this.#request;
    return this.#target(query === "" ? path : `${path}?${query}`, new Set());
  }

  /** @param isSecret masks everything: the call is made from a value that is secret as a whole. */
  call(rendered: RenderedCall, mask: CallMask, isSecret: boolean): CallValues {
    const { targetKey, method, path, body } = rendered;
    const question = path.indexOf("?");
    const query = question < 0 ? "" : path.slice(question);
    const shown = isSecret ? MASKED : this.#target(mask.path ?? path, mask.query);
    const isShown = (name: string) => !isSecret && isPlainHeader(name) && !mask.headers.has(name);
    return {
      to: targetKey,
      method,
      target: mask.path === null || isSecret ? shown : shown + this.#target(query, mask.query),
      headers: this.#headers(rendered.headers, isShown),
      body: this.#body(body, isSecret || mask.body),
      replyHeaders: null,
      replyBody: null,
    };
  }

  /** Adds what was answered. */
  reply(values: CallValues, { headers, body }: UpstreamReply, isSecret: boolean): void {
    values.replyHeaders = this.#headers(headers, (name) => !isSecret && isPlainHeader(name));
    values.replyBody = this.#body(body, isSecret);
  }

  /**
   * The client's own reply; its body as in {@link CallValues}. Who asked for it has sent its secrets, so
   * that of its headers only those are masked that are named like one.
   */
  ownReply(
    list: readonly string[],
    body: RenderedCall["body"],
    mask: ReplyMask,
  ): { readonly headers: Readonly<Record<string, string>>; readonly body: string | null } {
    const isShown = (name: string) => !isSecretName(name) && !mask.headers.has(name);
    return { headers: this.#headers(list, isShown), body: this.#body(body, mask.body) };
  }

  /** A text in which every secret known so far is masked, arguments named like one too. */
  text(text: string): string {
    return this.#target(text, new Set());
  }

  #target(target: string, secret: ReadonlySet<string>): string {
    const masked = target.replaceAll(QUERY_ARGUMENT, (whole, mark: string, name: string) => {
      const decoded = decodeName(name);
      return secret.has(decoded) || isSecretName(decoded) ? `${mark}${name}=${MASKED}` : whole;
    });
    return this.#scrub(masked);
  }

  /** @param isShown is given a name in lower case. */
  #headers(
    list: readonly string[],
    isShown: (name: string) => boolean,
  ): Readonly<Record<string, string>> {
    const shown: Record<string, string> = {};
    for (let i = 0; i + 1 < list.length; i += 2) {
      const name = (list[i] ?? "").toLowerCase();
      const isOpen = isShown(name);
      if (!isOpen) this.#learn(list[i + 1] ?? "");
      const value = isOpen ? this.#target(list[i + 1] ?? "", new Set()) : MASKED;
      shown[name] = shown[name] === undefined ? value : `${shown[name]}, ${value}`;
    }
    return shown;
  }

  #body(body: RenderedCall["body"], mask: Mask): string | null {
    if (body === null) return null;
    if (body instanceof ReadableStream) return "(a stream)";
    const size = typeof body === "string" ? body.length : body.byteLength;
    if (size === 0) return null;
    const untold = `(${size} ${typeof body === "string" ? "characters" : "bytes"})`;
    if (mask === true || size > Math.min(this.#bodyChars, this.#charsLeft)) return untold;
    const text = typeof body === "string" ? body : jsonText(body);
    // Only JSON says which of its parts are secret.
    if (text === null || scanObject(text).kind === "fault") return untold;
    this.#charsLeft -= size;
    return this.#json(text.trim(), mask, 0);
  }

  #json(raw: string, mask: Mask, depth: number): string {
    if (mask === true || depth > DEPTH) return JSON.stringify(MASKED);
    const items = raw.startsWith("[") ? arraySlices(raw) : null;
    if (items !== null) return `[${items.map((item) => this.#json(item, mask, depth + 1))}]`;
    if (raw.startsWith('"')) return JSON.stringify(this.#scrub(String(JSON.parse(raw))));
    const members = raw.startsWith("{") ? scanObject(raw) : null;
    if (members?.kind !== "object") return raw;
    const shown = members.keys.map((name) => {
      const isNamed = isSecretName(name);
      const own = members.get(name) ?? "null";
      if (isNamed && own.startsWith('"')) this.#learn(String(JSON.parse(own)));
      const inner = isNamed || (mask !== false && (mask.get(name) ?? false));
      return `${JSON.stringify(this.#scrub(name))}:${this.#json(own, inner, depth + 1)}`;
    });
    return `{${shown}}`;
  }

  /** What was masked once is masked wherever a service repeats it later. */
  #learn(text: string): void {
    if (text.length < SHORTEST_SECRET || this.#learned.size >= MOST_LEARNED) return;
    if (this.#learned.has(text)) return;
    this.#learned.add(text);
    this.#secrets = null;
  }

  #scrub(text: string): string {
    this.#secrets ??= secretsOf(this.#request, this.#learned);
    let scrubbed = text;
    for (const secret of this.#secrets) scrubbed = scrubbed.replaceAll(secret, MASKED);
    return scrubbed;
  }
}

/** Everything a request brought that may say who asks, longest first: one may hold another. */
function secretsOf(request: ChainRequest, learned: ReadonlySet<string>): readonly string[] {
  const found = new Set<string>();
  const add = (text: string): void => {
    if (text.length < SHORTEST_SECRET) return;
    found.add(text);
    found.add(encodeURIComponent(text));
  };
  for (const text of learned) add(text);
  const list = request.headerList();
  for (let i = 0; i + 1 < list.length; i += 2) {
    const name = (list[i] ?? "").toLowerCase();
    if (!isPlainHeader(name)) for (const part of partsOf(name, list[i + 1] ?? "")) add(part);
  }
  for (const argument of request.query.split("&")) {
    const [name = "", value = ""] = argument.split("=", 2);
    if (!isSecretName(decodeName(name))) continue;
    add(value);
    add(decodeName(value));
  }
  return [...found].sort((a, b) => b.length - a.length);
}

/** A header's value, and what a service may repeat of it alone. */
function partsOf(name: string, value: string): readonly string[] {
  if (name === "cookie")
    return value.split(";").map((pair) => pair.slice(pair.indexOf("=") + 1).trim());
  // RFC 9110 §11.4: a scheme, and what is secret.
  const [scheme = "", credentials] = value.split(" ", 2);
  if (credentials === undefined) return [value];
  if (scheme.toLowerCase() !== "basic") return [value, credentials];
  const plain = Buffer.from(credentials, "base64").toString("utf8");
  return [value, credentials, plain, plain.slice(plain.indexOf(":") + 1)];
}

function decodeName(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}

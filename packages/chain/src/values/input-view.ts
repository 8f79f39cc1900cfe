import { formatFault, JsonObjectSlices } from "@catena/json";
import type { ChainRequest } from "../chain-request.ts";
import { decodeComponent, mergeQueryArguments } from "../classic/query-arguments.ts";
import type { StartValue } from "../classic/start-value.ts";
import { chainErrors } from "../errors.ts";
import { isExactLiteral } from "./json-literal.ts";
import { type JsonView, type Raw, viewJson } from "./json-view.ts";

/** Which members of the query, params and headers a schema declares as something else than text. */
export interface InputCoercions {
  readonly query: ReadonlyMap<string, "number" | "boolean">;
  readonly params: ReadonlyMap<string, "number" | "boolean">;
  readonly headers: ReadonlyMap<string, "number" | "boolean">;
}

/** The client's request as `$.input` shows it; each part is read on first use. */
export class InputView {
  readonly request: ChainRequest;
  /** The body as it came; read only when the chain passes it on. */
  readonly bytes: Uint8Array | null;
  /** The body looked into; `null` when the chain does not, or there is none. */
  readonly body: JsonView | null;
  /** Milliseconds since the epoch. */
  readonly startedAtMs: number;
  /** The body as what results are merged into; `null` when the chain does not do that. */
  readonly start: StartValue | null;
  readonly #coercions: InputCoercions;
  #query: JsonObjectSlices | null = null;
  #params: JsonObjectSlices | null = null;
  #headers: JsonObjectSlices | null = null;
  #cookies: JsonObjectSlices | null = null;

  constructor(
    request: ChainRequest,
    bytes: Uint8Array | null,
    body: JsonView | null,
    coercions: InputCoercions,
    startedAtMs: number,
    start: StartValue | null = null,
  ) {
    this.request = request;
    this.bytes = bytes;
    this.body = body;
    this.#coercions = coercions;
    this.startedAtMs = startedAtMs;
    this.start = start;
  }

  /** Decoded arguments: a repeated one is an array, a bare one `true`. */
  query(): JsonObjectSlices {
    if (this.#query === null) {
      this.#query = new JsonObjectSlices();
      mergeQueryArguments(this.#query, this.request.query);
      coerce(this.#query, this.#coercions.query);
    }
    return this.#query;
  }

  params(): JsonObjectSlices {
    if (this.#params === null) {
      this.#params = new JsonObjectSlices();
      for (const [name, value] of Object.entries(this.request.params))
        this.#params.set(name, JSON.stringify(value));
      coerce(this.#params, this.#coercions.params);
    }
    return this.#params;
  }

  /** One header without building all of them, name in lower case. */
  header(name: string): Raw {
    const value = this.request.header(name);
    if (value === null) return undefined;
    return literal(value, this.#coercions.headers.get(name)) ?? JSON.stringify(value);
  }

  headers(): JsonObjectSlices {
    if (this.#headers === null) {
      this.#headers = new JsonObjectSlices();
      const list = this.request.headerList();
      for (let i = 0; i < list.length; i += 2) {
        const name = (list[i] ?? "").toLowerCase();
        if (!this.#headers.has(name)) this.#headers.set(name, JSON.stringify(list[i + 1] ?? ""));
      }
      coerce(this.#headers, this.#coercions.headers);
    }
    return this.#headers;
  }

  /** First value of each cookie, decoded (RFC 6265 §5.4 leaves values to the server). */
  cookies(): JsonObjectSlices {
    if (this.#cookies === null) {
      this.#cookies = new JsonObjectSlices();
      for (const pair of (this.request.header("cookie") ?? "").split(";")) {
        const equals = pair.indexOf("=");
        const name = pair.slice(0, equals).trim();
        if (equals < 0 || name === "" || this.#cookies.has(name)) continue;
        this.#cookies.set(name, JSON.stringify(cookieValue(pair.slice(equals + 1).trim())));
      }
    }
    return this.#cookies;
  }
}

/** @throws CHAIN_REQUEST_INVALID (400) with line and column when the body is not JSON. */
export function viewRequestBody(text: string, maxDepth: number): JsonView | null {
  if (text === "" || text.trim() === "") return null;
  const view = viewJson(text, maxDepth);
  if ("kind" in view) throw chainErrors.CHAIN_REQUEST_INVALID({ reason: formatFault(view) });
  return view;
}

function cookieValue(text: string): string {
  const bare =
    text.length > 1 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
  // In a cookie a plus is a plus.
  return bare.includes("%") ? decodeComponent(bare.replaceAll("+", "%2B")) : bare;
}

/** Replaces text by the number or boolean its schema asks for, when it is one. */
function coerce(members: JsonObjectSlices, kinds: ReadonlyMap<string, "number" | "boolean">): void {
  for (const [name, kind] of kinds) {
    const raw = members.get(name);
    if (raw === undefined || !raw.startsWith('"')) continue;
    const made = literal(raw.slice(1, -1), kind);
    if (made !== null) members.set(name, made);
  }
}

function literal(text: string, kind: "number" | "boolean" | undefined): string | null {
  if (kind === "number") return isExactLiteral(text) ? text : null;
  if (kind === "boolean") return text === "true" || text === "false" ? text : null;
  return null;
}

import { isSecretName } from "@catena/chain";
import type { RecordedCall, RecordedForward, Recording } from "./recording.ts";
import type { TestRequest } from "./test-request.ts";

/** Headers whose values are somebody's credentials, beside those that are named so. */
const CREDENTIALS: ReadonlySet<string> = new Set(["x-api-key", "apikey"]);
/** Shorter ones would be found in text that has nothing to do with them. */
const SHORTEST = 4;
/** Any argument of a query. */
const ARGUMENT = /([?&])([^=&#?]*)=([^&#]*)/g;

/**
 * Masks what a recording holds of credentials: headers, cookies, arguments and members of JSON that
 * are named like a secret, and the same text wherever else it stands. One secret has one mask, which
 * a URL and a header take as they are, so that what a chain makes of it is the same when it is replayed.
 *
 * @param known other texts to be masked, each with its mask.
 */
export function maskRecording(
  recording: Recording,
  known: ReadonlyMap<string, string> = new Map(),
): {
  readonly recording: Recording;
  /** How many secrets were found. */
  readonly masks: number;
} {
  const masks = new Masks(known);
  // What is found late may stand early.
  maskAll(recording, masks);
  return { recording: maskAll(recording, masks), masks: masks.count };
}

function maskAll(recording: Recording, masks: Masks): Recording {
  const { request, calls, forwarded, reply } = recording;
  return {
    ...recording,
    request: maskRequest(request, masks),
    calls: calls.map((call) => maskCall(call, masks)),
    ...(forwarded === undefined ? {} : { forwarded: maskForward(forwarded, masks) }),
    reply: "body" in reply ? { ...reply, body: masks.json(reply.body) } : reply,
  };
}

function maskRequest(request: TestRequest, masks: Masks): TestRequest {
  const { path, params, query, headers, body, text } = request;
  return {
    ...request,
    ...(path === undefined ? {} : { path: masks.scrub(path) }),
    // Names and values, as members of JSON are.
    ...(params === undefined ? {} : { params: masks.members(params) }),
    ...(query === undefined ? {} : { query: masks.members(query) }),
    ...(headers === undefined ? {} : { headers: masks.headers(headers) }),
    ...(body === undefined ? {} : { body: masks.json(body) }),
    ...(text === undefined ? {} : { text: masks.text(text) }),
  };
}

function maskCall(call: RecordedCall, masks: Masks): RecordedCall {
  return { ...call, ...maskForward(call, masks), target: masks.target(call.target) };
}

function maskForward<F extends RecordedForward>(call: F, masks: Masks): F {
  const { sent, headers, body, text } = call;
  return {
    ...call,
    ...(sent === undefined ? {} : { sent: masks.json(sent) }),
    ...(headers === undefined ? {} : { headers: masks.headers(headers) }),
    ...(body === undefined ? {} : { body: masks.json(body) }),
    ...(text === undefined ? {} : { text: masks.text(text) }),
  };
}

class Masks {
  readonly #masks: Map<string, string>;
  /** Those found here. */
  #count = 0;
  #longestFirst: readonly string[] | null = null;

  constructor(known: ReadonlyMap<string, string>) {
    this.#masks = new Map(known);
  }

  get count(): number {
    return this.#count;
  }

  scrub(text: string): string {
    this.#longestFirst ??= [...this.#masks.keys()].sort((a, b) => b.length - a.length);
    let scrubbed = text;
    for (const secret of this.#longestFirst) {
      if (secret.length < SHORTEST) break;
      const mask = this.mask(secret);
      scrubbed = scrubbed.replaceAll(secret, mask).replaceAll(encodeURIComponent(secret), mask);
    }
    return scrubbed;
  }

  mask(secret: string): string {
    const known = this.#masks.get(secret);
    if (known !== undefined) return known;
    // What is masked already is seen again in the second round.
    if (secret === "" || [...this.#masks.values()].includes(secret)) return secret;
    this.#count++;
    const mask = this.#count === 1 ? "masked" : `masked-${this.#count}`;
    this.#masks.set(secret, mask);
    this.#longestFirst = null;
    return mask;
  }

  target(target: string): string {
    const masked = target.replaceAll(
      ARGUMENT,
      (whole, mark: string, name: string, value: string) =>
        isSecretName(decode(name)) ? `${mark}${name}=${this.mask(decode(value))}` : whole,
    );
    return this.scrub(masked);
  }

  headers<V extends string | readonly string[]>(
    headers: Readonly<Record<string, V>>,
  ): Readonly<Record<string, V>> {
    const masked = Object.entries(headers).map(([name, value]) => {
      const one = (text: string) => this.#header(name.toLowerCase(), text);
      return [name, typeof value === "string" ? one(value) : value.map(one)];
    });
    // Each value is as many texts as it was.
    return Object.fromEntries(masked) as Readonly<Record<string, V>>;
  }

  /** Text that may be JSON, of which it was kept as it is. */
  text(text: string): string {
    try {
      this.json(JSON.parse(text));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
    return this.scrub(text);
  }

  members<T extends object>(object: T): T {
    // As JSON gives it: the same members, with texts and numbers in the places of others.
    return this.json(object) as T;
  }

  json(value: unknown, isSecret = false): unknown {
    if (typeof value === "string") return isSecret ? this.mask(value) : this.scrub(value);
    if (typeof value === "number" && isSecret) return 0;
    if (Array.isArray(value)) return value.map((item) => this.json(item, isSecret));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [
        name,
        this.json(member, isSecret || isSecretName(name)),
      ]),
    );
  }

  #header(name: string, value: string): string {
    if (!CREDENTIALS.has(name) && !isSecretName(name)) return this.scrub(value);
    if (name === "cookie") return value.replaceAll(/=([^;]*)/g, (_, own) => `=${this.mask(own)}`);
    if (name === "set-cookie") return value.replace(/=([^;]*)/, (_, own) => `=${this.mask(own)}`);
    // RFC 9110 §11.4: a scheme, and what is secret.
    const [scheme = "", credentials] = value.split(" ", 2);
    return credentials === undefined ? this.mask(value) : `${scheme} ${this.mask(credentials)}`;
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}

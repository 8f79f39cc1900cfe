/** One call that was made, and how it was answered. */
export interface SentCall {
  /** `users.get`; the target where the call is of no operation. */
  readonly operation: string;
  readonly method: string;
  /** Encoded, with the query. */
  readonly target: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | readonly string[]>>;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Decoded when it is JSON, else its text; `undefined` for none. */
  readonly body: unknown;
  /** The status it was answered with, or what became of it. */
  readonly answer: number | "refused" | "timeout" | "reset" | "cancelled" | "unanswered";
  /** Why a real service did not answer, in words. */
  readonly fault?: string;
}

/** `GET /users/1?x=1`. */
export function wordCall({ method, target }: Pick<SentCall, "method" | "target">): string {
  return `${method} ${target}`;
}

/** The arguments of a query; a name that comes more than once has a list. */
export function readQuery(search: string): Readonly<Record<string, string | readonly string[]>> {
  const params = new URLSearchParams(search);
  return Object.fromEntries(
    [...new Set(params.keys())].map((name) => {
      const [first = "", ...more] = params.getAll(name);
      return [name, more.length === 0 ? first : [first, ...more]];
    }),
  );
}

/** A flat list of headers by lower-case name; repeated ones are joined (RFC 9110 §5.3). */
export function readHeaders(list: readonly string[]): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (let i = 0; i + 1 < list.length; i += 2) {
    const name = (list[i] ?? "").toLowerCase();
    const before = headers[name];
    headers[name] = before === undefined ? (list[i + 1] ?? "") : `${before}, ${list[i + 1]}`;
  }
  return headers;
}

/** `{id}` of a path template; the name is as in JavaScript. */
const PLACEHOLDER = /\{([^{}]*)\}/g;
const PLACEHOLDER_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** The names of a path's placeholders, in order, each once: `/users/{id}` has `id`. */
export function pathParameters(path: string): readonly string[] {
  return [...new Set([...path.matchAll(PLACEHOLDER)].map((match) => match[1] ?? ""))];
}

/** What is wrong with a call's path template, or `null`. */
export function pathFault(path: string): string | null {
  if (!path.startsWith("/")) return "a path starts with /";
  if (/[?#]/.test(path)) return "a path has no ? and no #; arguments go in query";
  const literal = path.replace(PLACEHOLDER, "x");
  // RFC 3986 §3.3: pchar and the slash.
  if (/[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]/.test(literal)) {
    return "a character must be percent-encoded in a path";
  }
  if (/%(?![0-9A-Fa-f]{2})/.test(literal)) return "% must be followed by two hex digits";
  if (literal.split("/").some((segment) => /^(\.|%2e){1,2}$/i.test(segment))) {
    return "a path has no . and .. segments";
  }
  const bad = pathParameters(path).find((name) => !PLACEHOLDER_NAME.test(name));
  return bad === undefined ? null : `"{${bad}}" is not a placeholder`;
}

/** What is wrong with a call's `uri`, or `null`. */
export function baseUriFault(uri: string): string | null {
  const match = /^https?:\/\/([^/?#]*)([^?#]*)(.*)$/.exec(uri);
  if (match === null) return "not an http or https URL";
  const [, authority = "", base = "", rest = ""] = match;
  if (authority.includes("@")) return "a URL must not hold a user or password";
  if (!/^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?$/.test(authority)) {
    return "not a valid host";
  }
  if (rest !== "") return "query and fragment do not belong in uri; use query";
  return base === "" ? null : base.includes("{") ? "placeholders go in path" : pathFault(base);
}

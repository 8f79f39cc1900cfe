/** Stands for a value that is not shown; as in what the Control API lists. */
export const MASKED = "(secret)";

/** Members, arguments and cookies whose value is nobody's business but the services'. */
const SECRET =
  /auth(?!or(?!i[sz]))|token|secret|passw|pwd|passphrase|cookie|session|credential|jwt|bearer|(?:api|access|private|client|signing)[-_]?key|^key$|signature|^sig$|^otp$|^pin$|^cvv|card[-_]?n|iban/i;

/** Headers that say nothing of who asks. Any other may be where a plugin looks for a key. */
const PLAIN_HEADERS = new Set([
  "accept",
  "accept-encoding",
  "accept-language",
  "age",
  "allow",
  "cache-control",
  "content-encoding",
  "content-language",
  "content-length",
  "content-type",
  "date",
  "etag",
  "expires",
  "host",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-unmodified-since",
  "last-modified",
  "location",
  "range",
  "retry-after",
  "server",
  "user-agent",
  "vary",
  "x-request-id",
]);

/** Whether a member of that name is masked wherever it stands. */
export function isSecretName(name: string): boolean {
  return SECRET.test(name);
}

/** Whether the value of a header may be shown. @param name in any case. */
export function isPlainHeader(name: string): boolean {
  return PLAIN_HEADERS.has(name.toLowerCase());
}

/**
 * JSON with members sorted by name (UTF-16 code units, as RFC 8785 §3.2.3), without white space:
 * two documents that mean the same have the same text. Members that are `undefined` are left out.
 */
export function canonicalJson(json: unknown): string {
  if (Array.isArray(json)) return `[${json.map((item) => canonicalJson(item ?? null)).join(",")}]`;
  if (typeof json !== "object" || json === null) return JSON.stringify(json) ?? "null";
  const members = Object.entries(json)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
  return `{${members.join(",")}}`;
}

const SHOWN = 40;

/** A value in a few words for an issue's `found`: `"text"`, `12`, `an array of 3`, `{ a, b }`. */
export function describeFound(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === "object" && value !== null) {
    const keys = Object.keys(value);
    const shown = keys.slice(0, 4).join(", ");
    return keys.length === 0 ? "{}" : `{ ${shown}${keys.length > 4 ? ", …" : ""} }`;
  }
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}…`;
}

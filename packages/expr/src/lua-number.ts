const hexadecimal = /^[+-]?0x[0-9a-f]+$/i;
const decimal = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i;

/**
 * Reads text as Lua's `tonumber` does: decimal or hexadecimal, blanks around it allowed. `null` for
 * anything else, where JavaScript's `Number` would take `""`, `0b1` or `Infinity`.
 */
export function toNumber(value: unknown): number | null {
  if (typeof value === "number") return value;
  if (typeof value !== "string") return null;
  const text = value.trim();
  if (decimal.test(text)) return Number(text);
  if (!hexadecimal.test(text)) return null;
  return text.startsWith("-") ? -Number(text.slice(1)) : Number(text.replace("+", ""));
}

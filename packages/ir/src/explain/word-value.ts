import type { StoredValue } from "../stored-chain.ts";
import { isList, isStoredLiteral, isStoredOperation, isStoredReference } from "../stored-value.ts";

/** Longest text of one value. */
const MAX_LENGTH = 120;

/** A stored value in one line for people: `gt(user.tier, 0)`. */
export function wordValue(value: StoredValue): string {
  const text = word(value, 0);
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH - 1)}…` : text;
}

function word(value: StoredValue, depth: number): string {
  if (depth > 8) return "…";
  if (isStoredReference(value)) return wordReference(value.$ref);
  if (isStoredOperation(value)) return `${value.$op}(${words(value.args, depth)})`;
  if (isStoredLiteral(value)) return JSON.stringify(value.$literal);
  if (isList(value)) return `[${words(value, depth)}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(
    ([key, member]) => `${key}: ${word(member, depth + 1)}`,
  );
  return members.length === 0 ? "{}" : `{ ${members.join(", ")} }`;
}

function words(values: readonly StoredValue[], depth: number): string {
  return values.map((value) => word(value, depth + 1)).join(", ");
}

/** `user.items[0].sku`; a name that is no plain one stands in quotes. */
export function wordReference(path: readonly (string | number)[]): string {
  return path
    .map((segment, index) => {
      if (typeof segment === "number") return `[${segment}]`;
      const isPlain = /^[A-Za-z_][A-Za-z0-9_-]*$/.test(segment);
      return isPlain ? `${index === 0 ? "" : "."}${segment}` : `[${JSON.stringify(segment)}]`;
    })
    .join("");
}

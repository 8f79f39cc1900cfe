/**
 * What came of looking a secret up. `missing`: whoever should have it says that there is none, so an
 * earlier value is void. `failed`: nobody could say, so an earlier value is used on. Reasons hold
 * nothing of what was answered.
 */
export type SecretAnswer =
  | { readonly kind: "found"; readonly value: string }
  | { readonly kind: "missing"; readonly reason: string }
  | { readonly kind: "failed"; readonly reason: string };

/** A member of an object that is a text, or what can be written as one. */
export function memberOf(value: unknown, name: string, holder: string): SecretAnswer {
  const isObject = typeof value === "object" && value !== null && Object.hasOwn(value, name);
  const member: unknown = isObject
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : null;
  if (typeof member === "string") return { kind: "found", value: member };
  if (typeof member === "number" || typeof member === "boolean") {
    return { kind: "found", value: String(member) };
  }
  const reason = isObject ? `"${name}" of ${holder} is no text` : `${holder} has no "${name}"`;
  return { kind: "missing", reason };
}

/** As {@link memberOf}, of JSON text. */
export function memberText(json: string, name: string, holder: string): SecretAnswer {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return { kind: "missing", reason: `${holder} does not hold JSON` };
  }
  return memberOf(value, name, holder);
}

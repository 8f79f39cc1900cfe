import { canonicalJson, type StoredValue } from "@catena/ir";

/** The stored form of what the classic form sends after some steps. */
export function mergedValue(steps: readonly string[]): StoredValue {
  return {
    $op: "merge",
    args: [
      "shallow",
      { $ref: ["input", "body"] },
      { $ref: ["input", "query"] },
      ...steps.map((name): StoredValue => ({ $ref: [name] })),
    ],
  };
}

/** Whether a stored value is what the classic form sends after some steps. */
export function isMergedValue(value: unknown, steps: readonly string[]): boolean {
  return canonicalJson(value) === canonicalJson(mergedValue(steps));
}

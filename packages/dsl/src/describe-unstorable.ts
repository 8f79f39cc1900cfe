/** Words a value JSON has no form for, and what to write in its place. */
export function describeUnstorable(value: unknown): {
  readonly found: string;
  readonly hint: string;
} {
  return { found: describe(value), hint: hintFor(value) };
}

function describe(value: unknown): string {
  if (typeof value === "number") return String(value);
  if (typeof value !== "object" || value === null) return `a value of type ${typeof value}`;
  const name: unknown = value.constructor?.name;
  return typeof name === "string" && name !== "" ? `an object of class ${name}` : "an object";
}

function hintFor(value: unknown): string {
  if (value instanceof Date) return "use formatDate or now, or write the time as a string";
  if (typeof value === "function") return "what runs per request is written with helpers";
  if (typeof value === "bigint") return "write it as a string";
  if (value instanceof Promise) return "a step's callback must not be async";
  return "use strings, numbers, booleans, null, arrays and plain objects";
}

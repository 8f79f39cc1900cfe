import type { Issue } from "@catena/errors";

/** An issue, and the same failure in the words of APISIX's validator. */
export interface Finding extends Issue {
  /** The whole text from the outermost value on: `property "uri" validation failed: …`. */
  readonly apisix: string;
}

/** Where the walk stands. */
export interface Place {
  /** JSON pointer. */
  readonly path: string;
  /** What APISIX writes in front of a failure found here. */
  readonly wrap: string;
}

export const ROOT: Place = { path: "", wrap: "" };

/** Leaves the APISIX wording out, for users. */
export function toIssue({ apisix: _, ...issue }: Finding): Issue {
  return issue;
}

/** The word for a value's type in Lua, which APISIX's messages use. */
export function luaType(value: unknown): string {
  if (value === null) return "userdata";
  if (value === undefined) return "nil";
  return typeof value === "object" ? "table" : typeof value;
}

/** Names a value shortly; the content of strings that may be secret is not shown. */
export function describeValue(value: unknown, path: string): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return value.length === 0 ? "an empty array" : "an array";
  if (typeof value === "object") return "an object";
  if (typeof value !== "string") return `${typeof value} ${String(value)}`;
  if (value === "") return "an empty string";
  if (value.length > 60 || SENSITIVE.test(path.slice(path.lastIndexOf("/") + 1))) {
    return `a string of ${value.length} characters`;
  }
  return `string ${JSON.stringify(value)}`;
}

const SENSITIVE = /key|secret|passw|token|auth|cert|credential|private|session/i;

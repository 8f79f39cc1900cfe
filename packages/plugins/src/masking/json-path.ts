import type { Checked } from "@catena/errors";
import { isJsonObject } from "@catena/schema";

/** A step into a value: one member, or all of them; at any depth, or right here. */
interface PathStep {
  /** `null` for all. */
  readonly name: string | number | null;
  readonly isDeep: boolean;
}

export type JsonPath = readonly PathStep[];

/** Deepest value that is gone into. */
const maxDepth = 100;

const part =
  /(\.\.|\.)?(?:([\p{L}_$@-][\p{L}\p{N}_$@-]*)|(\*)|\[(?:(\d+)|(\*)|'([^']*)'|"([^"]*)")\])/uy;

/**
 * Compiles a JSONPath of member names, indexes, `*` and `..` (`$.user.password`, `$.users[*].token`,
 * `$..secret`). Filters and slices are not served.
 */
export function compilePath(text: string): Checked<JsonPath> {
  const steps: PathStep[] = [];
  let at = text.startsWith("$") ? 1 : 0;
  while (at < text.length) {
    part.lastIndex = at;
    const found = part.exec(text);
    const isFirst = at === 0;
    const [whole, dots, name, all, index, every, single, double] = found ?? [];
    const needsDot = name !== undefined || all !== undefined;
    if (whole === undefined || (needsDot && dots === undefined && !isFirst)) {
      const message = "not a JSONPath of names, indexes, * and ..";
      return { issues: [{ path: "", code: "JSON_PATH_INVALID", message }] };
    }
    const isDeep = dots === "..";
    if (all !== undefined || every !== undefined) steps.push({ name: null, isDeep });
    else if (index !== undefined) steps.push({ name: Number(index), isDeep });
    else steps.push({ name: name ?? single ?? double ?? "", isDeep });
    at += whole.length;
  }
  if (steps.length > 0) return { value: steps, issues: [] };
  return { issues: [{ path: "", code: "JSON_PATH_INVALID", message: "the path names nothing" }] };
}

/**
 * Changes the members that a path leads to, in place.
 *
 * @param change from a member to what takes its place; `null` removes it.
 */
export function editMembers(
  root: unknown,
  path: JsonPath,
  change: (member: unknown) => unknown,
): void {
  edit(root, path, 0, change, 0);
}

function edit(
  holder: unknown,
  path: JsonPath,
  at: number,
  change: (member: unknown) => unknown,
  depth: number,
): void {
  const step = path[at];
  if (step === undefined || depth > maxDepth) return;
  // From the last: a removed item moves those behind it.
  for (const key of keysOf(holder).reverse()) {
    const member = memberOf(holder, key);
    if (step.isDeep) edit(member, path, at, change, depth + 1);
    if (step.name !== null && step.name !== key) continue;
    if (at + 1 < path.length) edit(member, path, at + 1, change, depth + 1);
    else replace(holder, key, change(member));
  }
}

function keysOf(holder: unknown): (string | number)[] {
  if (Array.isArray(holder)) return [...holder.keys()];
  return isJsonObject(holder) ? Object.keys(holder) : [];
}

function memberOf(holder: unknown, key: string | number): unknown {
  return Object(holder)[key];
}

function replace(holder: unknown, key: string | number, value: unknown): void {
  if (Array.isArray(holder)) {
    if (value === null) holder.splice(Number(key), 1);
    else holder[Number(key)] = value;
  } else if (value === null) delete Object(holder)[key];
  else
    Object.defineProperty(holder, key, {
      value,
      enumerable: true,
      writable: true,
      configurable: true,
    });
}

import type { Issue } from "@catena/errors";
import { type Declaration, isDeclaration } from "../declaration.ts";
import { dslIssue } from "../errors.ts";
import { isPlainObject } from "../plain-object.ts";
import { isUnfinished } from "../unfinished.ts";

/** Declarations in the order they were found, each with the names it is exported by. */
export type Collected = Map<Declaration, Set<string>>;

/**
 * Finds what a config declares: in a module's exports, a `defineConfig`, a list, or any list of
 * those. Named exports that declare nothing are left alone; everything in a default export must be
 * a resource.
 */
export function collect(config: unknown, issues: Issue[]): Collected {
  const found: Collected = new Map();
  if (Array.isArray(config)) {
    for (const item of config) collectTop(item, found, issues);
  } else collectTop(config, found, issues);
  return found;
}

function collectTop(value: unknown, found: Collected, issues: Issue[]): void {
  if (isDeclaration(value) || !isRecord(value)) {
    collectStrictly(value, undefined, "the config", found, issues);
    return;
  }
  for (const [name, member] of Object.entries(value)) {
    if (name === "default") {
      collectStrictly(member, undefined, "the default export", found, issues);
    } else if (declaresSomething(member)) {
      collectStrictly(member, name, `the export "${name}"`, found, issues);
    }
  }
}

function collectStrictly(
  value: unknown,
  name: string | undefined,
  place: string,
  found: Collected,
  issues: Issue[],
): void {
  if (isDeclaration(value)) {
    const names = found.get(value) ?? new Set();
    if (name !== undefined) names.add(name);
    found.set(value, names);
  } else if (isUnfinished(value)) {
    issues.push(
      dslIssue("DSL_UNFINISHED", `${place} is a chain without an end`, {
        hint: "end it with .reply(…), .forward(…) or .stream(…)",
        source: value.source,
      }),
    );
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      collectStrictly(item, undefined, `${place}[${index}]`, found, issues);
    }
  } else if (isRecord(value)) {
    for (const [key, item] of Object.entries(value)) {
      collectStrictly(item, key, `${place}.${key}`, found, issues);
    }
  } else if (value !== undefined) {
    issues.push(
      dslIssue("DSL_EXPORT", `${place} is no resource`, {
        expected: "what route(), upstream(), chain()… return, lists of those, or defineConfig",
        found: describe(value),
      }),
    );
  }
}

/** Whether an export, or a member of a list or record that is exported, is a resource. */
function declaresSomething(value: unknown): boolean {
  if (isDeclaration(value) || isUnfinished(value)) return true;
  const members = Array.isArray(value) ? value : isPlainObject(value) ? Object.values(value) : [];
  return members.some(
    (member: unknown) =>
      isDeclaration(member) ||
      isUnfinished(member) ||
      (Array.isArray(member) && member.some((item) => isDeclaration(item) || isUnfinished(item))),
  );
}

/** A plain object, or a module namespace, which has no prototype either. */
function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    isPlainObject(value) ||
    (typeof value === "object" &&
      value !== null &&
      Reflect.get(value, Symbol.toStringTag) === "Module")
  );
}

function describe(value: unknown): string {
  if (value === null) return "null";
  return typeof value === "function" ? "a function" : `a ${typeof value}`;
}

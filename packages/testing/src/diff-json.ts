import { pointerSegment } from "@catena/errors";
import { isEqualJson } from "@catena/ir";

/** Most differences shown. */
const MAX_SHOWN = 10;

/** Where two JSON values differ. */
export interface Difference {
  /** JSON pointer into both; empty when they differ as a whole. */
  readonly path: string;
  /** `undefined` when nothing is expected there. */
  readonly expected: unknown;
  /** `undefined` when nothing is there. */
  readonly found: unknown;
}

/**
 * Finds where two JSON values differ.
 *
 * @param mode `part`: what is only in `found` is no difference; lists still must be as long.
 */
export function differencesOf(
  expected: unknown,
  found: unknown,
  mode: "whole" | "part" = "whole",
): readonly Difference[] {
  const differences: Difference[] = [];
  collect(expected, found, "", mode, differences);
  return differences;
}

/** Words differences, one line each: `/user/tier: expected 2, found 3`. */
export function wordDifferences(differences: readonly Difference[]): readonly string[] {
  const lines = differences
    .slice(0, MAX_SHOWN)
    .map(
      ({ path, expected, found }) =>
        `${path === "" ? "" : `${path}: `}expected ${word(expected)}, found ${word(found)}`,
    );
  const more = differences.length - MAX_SHOWN;
  return more > 0 ? [...lines, `and ${more} more`] : lines;
}

function collect(
  expected: unknown,
  found: unknown,
  path: string,
  mode: "whole" | "part",
  differences: Difference[],
): void {
  if (isEqualJson(expected, found)) return;
  if (Array.isArray(expected) && Array.isArray(found) && expected.length === found.length) {
    for (const [index, item] of expected.entries()) {
      collect(item, found[index], `${path}/${index}`, mode, differences);
    }
    return;
  }
  if (isRecord(expected) && isRecord(found)) {
    const names = new Set([
      ...Object.keys(expected),
      ...(mode === "part" ? [] : Object.keys(found)),
    ]);
    for (const name of names) {
      collect(
        own(expected, name),
        own(found, name),
        `${path}/${pointerSegment(name)}`,
        mode,
        differences,
      );
    }
    return;
  }
  differences.push({ path, expected, found });
}

/** A value in one line, shortened. */
export function word(value: unknown): string {
  const text = value === undefined ? "nothing" : JSON.stringify(value);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function own(object: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

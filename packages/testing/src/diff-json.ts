import { pointerSegment } from "@catena/errors";
import { isEqualJson } from "@catena/ir";

/** Most differences shown. */
const MAX_SHOWN = 10;

/**
 * Says where two JSON values differ, one line each: `/user/tier: expected 2, found 3`.
 *
 * @param mode `part`: what is only in `found` is no difference; lists still must be as long.
 */
export function diffJson(
  expected: unknown,
  found: unknown,
  mode: "whole" | "part" = "whole",
): readonly string[] {
  const lines: string[] = [];
  collect(expected, found, "", mode, lines);
  return lines.length > MAX_SHOWN
    ? [...lines.slice(0, MAX_SHOWN), `and ${lines.length - MAX_SHOWN} more`]
    : lines;
}

function collect(
  expected: unknown,
  found: unknown,
  path: string,
  mode: "whole" | "part",
  lines: string[],
): void {
  if (isEqualJson(expected, found)) return;
  if (Array.isArray(expected) && Array.isArray(found) && expected.length === found.length) {
    for (const [index, item] of expected.entries()) {
      collect(item, found[index], `${path}/${index}`, mode, lines);
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
        lines,
      );
    }
    return;
  }
  lines.push(`${path === "" ? "" : `${path}: `}expected ${word(expected)}, found ${word(found)}`);
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

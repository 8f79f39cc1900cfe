import { pointerSegment } from "@catena/errors";

/** One difference between two JSON documents; `undefined` means: not there. */
export interface FieldChange {
  /** JSON pointer. */
  readonly path: string;
  readonly before: unknown;
  readonly after: unknown;
}

/**
 * The smallest set of fields that differ. Objects are compared member by member, in any order; arrays
 * of equal length element by element, others as a whole.
 */
export function diffValues(before: unknown, after: unknown, path = ""): readonly FieldChange[] {
  if (Object.is(before, after)) return [];
  if (isObject(before) && isObject(after)) {
    const changes: FieldChange[] = [];
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      changes.push(
        ...diffValues(own(before, key), own(after, key), `${path}/${pointerSegment(key)}`),
      );
    }
    return changes;
  }
  if (Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
    return before.flatMap((item, i) => diffValues(item, after[i], `${path}/${i}`));
  }
  return [{ path, before, after }];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function own(value: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(value, key) ? value[key] : undefined;
}

/**
 * Names the end of the range of keys that start with `prefix`: the first text after all of them.
 * UTF-8 sorts as code points do, so raising the last code point by one holds in byte order too.
 *
 * @returns `null` when the range has no end (an empty prefix).
 */
export function prefixEnd(prefix: string): string | null {
  const points = Array.from(prefix);
  while (points.length > 0) {
    const last = points.pop()?.codePointAt(0) ?? 0;
    if (last === 0x10_ff_ff) continue;
    // U+D800..U+DFFF are no characters and have no UTF-8 form.
    const next = last === 0xd7_ff ? 0xe0_00 : last + 1;
    return points.join("") + String.fromCodePoint(next);
  }
  return null;
}

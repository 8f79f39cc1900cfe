import type { SourcePosition } from "@catena/errors";

/** Turns offsets in a text (UTF-16 code units) into lines and columns, both from 1. */
export function createLocator(text: string, file: string): (offset: number) => SourcePosition {
  const starts = [0];
  for (const match of text.matchAll(/\r\n|[\n\r\u2028\u2029]/g)) {
    starts.push(match.index + match[0].length);
  }
  return (offset) => {
    const line = starts.findLastIndex((start) => start <= offset);
    return { file, line: line + 1, column: offset - (starts[line] ?? 0) + 1 };
  };
}

/**
 * Compares what a command printed with what a page shows. `…` stands for any text within a line, and
 * a line of `…` alone for any number of lines.
 *
 * @returns `null` when it fits, else the first shown line that was not found in its place.
 */
export function findMismatch(shown: string, printed: string): string | null {
  const expected = linesOf(shown);
  const actual = linesOf(printed);
  let at = 0;
  let maySkip = false;
  for (const line of expected) {
    if (line.trim() === "…") {
      maySkip = true;
      continue;
    }
    const pattern = new RegExp(`^${line.split("…").map(RegExp.escape).join(".*")}$`);
    const found = maySkip
      ? actual.findIndex((candidate, index) => index >= at && pattern.test(candidate))
      : pattern.test(actual[at] ?? "")
        ? at
        : -1;
    if (found < 0) return line;
    at = found + 1;
    maySkip = false;
  }
  return maySkip || at === actual.length ? null : `nothing after ${JSON.stringify(actual[at - 1])}`;
}

/** Lines without trailing blanks, colours and empty lines at the end. */
function linesOf(text: string): string[] {
  return Bun.stripANSI(text)
    .trimEnd()
    .split("\n")
    .map((line) => line.trimEnd());
}

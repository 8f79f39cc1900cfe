import type { Checked, Issue } from "@catena/errors";
import { compilePattern, type Pattern, type PatternOptions } from "@catena/expr";

/** Compiles a list of regular expressions; issues have paths into it. */
export function compilePatterns(
  sources: readonly string[],
  path: string,
  options: PatternOptions = {},
): Checked<readonly Pattern[]> {
  const issues: Issue[] = [];
  const patterns: Pattern[] = [];
  for (const [index, source] of sources.entries()) {
    const { value, issues: found } = compilePattern(source, options);
    for (const issue of found) issues.push({ ...issue, path: `${path}/${index}` });
    if (value !== undefined) patterns.push(value);
  }
  return issues.length > 0 ? { issues } : { value: patterns, issues };
}

/** Whether one of them is found in the text. */
export function isAnyFound(patterns: readonly Pattern[], text: string): boolean {
  for (const pattern of patterns) if (pattern.test(text)) return true;
  return false;
}

import type { Checked, Issue } from "@catena/errors";
import { RE2JS } from "re2js";

/** Longest regular expression; APISIX's plugins allow as much. */
const maxPatternLength = 4096;

/** Steps per character a pattern may cost: a match takes at most their product with the text. */
const maxProgramSize = 1000;

/** One match: where it is, and what the groups took (`null`: nothing). */
export interface PatternMatch {
  readonly start: number;
  readonly end: number;
  /** Index 0 is the whole match. */
  readonly groups: readonly (string | null)[];
}

/** A regular expression that somebody else wrote. Searching takes time linear in the text. */
export interface Pattern {
  readonly source: string;
  /** Whether it matches anywhere in the text. */
  test(text: string): boolean;
  /** The first match at or after `from`. */
  find(text: string, from?: number): PatternMatch | null;
}

export interface PatternOptions {
  readonly ignoreCase?: boolean;
  /** Whether `.` takes line ends too. */
  readonly dotAll?: boolean;
  /** Whether `^` and `$` are also where lines begin and end. */
  readonly multiline?: boolean;
}

/**
 * Compiles a regular expression from configuration for RE2, which never backtracks. What only a
 * backtracking engine can do (lookaround, back references, possessive groups) is refused; APISIX,
 * which has PCRE, would take it.
 */
export function compilePattern(source: string, options: PatternOptions = {}): Checked<Pattern> {
  if (source.length > maxPatternLength) {
    return refuse(source, `longer than ${maxPatternLength} characters`);
  }
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(source, flagsOf(options));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return refuse(source, reason.replace(/^error parsing regexp: /, ""));
  }
  if (compiled.programSize() > maxProgramSize) {
    return refuse(source, "its repetitions make it too large");
  }
  return { value: new Re2Pattern(source, compiled), issues: [] };
}

function flagsOf({ ignoreCase, dotAll, multiline }: PatternOptions): number {
  return (
    (ignoreCase === true ? RE2JS.CASE_INSENSITIVE : 0) |
    (dotAll === true ? RE2JS.DOTALL : 0) |
    (multiline === true ? RE2JS.MULTILINE : 0)
  );
}

class Re2Pattern implements Pattern {
  readonly source: string;
  readonly #compiled: RE2JS;

  constructor(source: string, compiled: RE2JS) {
    this.source = source;
    this.#compiled = compiled;
  }

  test(text: string): boolean {
    return this.#compiled.test(text);
  }

  find(text: string, from = 0): PatternMatch | null {
    const matcher = this.#compiled.matcher(text);
    if (!matcher.find(from)) return null;
    const groups: (string | null)[] = [];
    for (let i = 0; i <= matcher.groupCount(); i++) groups.push(matcher.group(i));
    return { start: matcher.start(), end: matcher.end(), groups };
  }
}

function refuse(source: string, reason: string): Checked<Pattern> {
  const shown = source.length > 60 ? `${source.slice(0, 57)}...` : source;
  const issue: Issue = {
    path: "",
    code: "PATTERN_INVALID",
    message: `regular expression "${shown}" can't be used: ${reason}`,
    expected: "RE2 syntax",
  };
  return { issues: [issue] };
}

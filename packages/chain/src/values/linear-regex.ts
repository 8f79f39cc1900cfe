import { RE2JS } from "re2js";

/**
 * Stands in for `RegExp` inside JSONata, on an engine whose time is linear in the text: a pattern
 * like `^(a+)+$` would otherwise stop the whole process on 30 characters.
 */
export class LinearRegex {
  readonly source: string;
  lastIndex = 0;
  readonly #pattern: RE2JS;

  /** @throws the engine's error for what it does not know, such as look-behind. */
  constructor(expression: RegExp) {
    this.source = expression.source;
    const flags =
      (expression.ignoreCase ? RE2JS.CASE_INSENSITIVE : 0) |
      (expression.multiline ? RE2JS.MULTILINE : 0);
    this.#pattern = RE2JS.compile(expression.source, flags);
  }

  /** Finds the next match from `lastIndex` on, as a global `RegExp` does. */
  exec(text: string): RegExpExecArray | null {
    const matcher = this.#pattern.matcher(text);
    if (this.lastIndex > text.length || !matcher.find(this.lastIndex)) {
      this.lastIndex = 0;
      return null;
    }
    const groups: (string | undefined)[] = [];
    for (let i = 0; i <= matcher.groupCount(); i++) groups.push(matcher.group(i) ?? undefined);
    this.lastIndex = matcher.end();
    // Group 0 is the match itself, so the first element is a string as in RegExp's result.
    return Object.assign(groups, { index: matcher.start(), input: text }) as RegExpExecArray;
  }
}

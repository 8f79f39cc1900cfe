import type { Checked } from "@catena/errors";
import type { Pattern, PatternMatch } from "@catena/expr";

/** What takes the place of a match: text and what groups captured, by turns. */
export type Replacement = readonly (string | number)[];

/** Longest one call may go on replacing: a pattern can be made to look at all that follows each time. */
const maxReplacingMs = 1000;

/**
 * Compiles what OpenResty's `ngx.re.sub` takes as a replacement: `$1` and `${1}` are groups, `$0` the
 * match, `$$` a dollar sign, and anything else behind a dollar sign is wrong.
 */
export function compileReplacement(text: string): Checked<Replacement> {
  const parts: (string | number)[] = [];
  for (let at = 0; at < text.length; ) {
    const dollar = text.indexOf("$", at);
    if (dollar < 0) {
      parts.push(text.slice(at));
      break;
    }
    if (dollar > at) parts.push(text.slice(at, dollar));
    const reference = /^(?:\$|(\d{1,2})|\{(\d{1,2})\})/.exec(text.slice(dollar + 1, dollar + 5));
    if (reference === null) {
      const message = "failed to compile the replacement template";
      return { issues: [{ path: "", code: "REPLACEMENT_INVALID", message }] };
    }
    const number = reference[1] ?? reference[2];
    parts.push(number === undefined ? "$" : Number(number));
    at = dollar + 1 + reference[0].length;
  }
  return { value: parts, issues: [] };
}

/** The text with the match in it replaced. */
export function replaceMatch(text: string, match: PatternMatch, replacement: Replacement): string {
  return text.slice(0, match.start) + fill(match, replacement) + text.slice(match.end);
}

/** Replaces the first match; the text itself when there is none. */
export function replaceFirst(text: string, pattern: Pattern, replacement: Replacement): string {
  const match = pattern.find(text);
  return match === null ? text : replaceMatch(text, match, replacement);
}

/**
 * Replaces every match. Each single search takes linear time, all of them together need not: the
 * whole is given up after a second.
 *
 * @returns `null` when it was given up.
 */
export function replaceAll(
  text: string,
  pattern: Pattern,
  replacement: Replacement,
  budgetMs = maxReplacingMs,
): string | null {
  const endsAt = performance.now() + budgetMs;
  let result = "";
  let copied = 0;
  for (let from = 0; from <= text.length; ) {
    const match = pattern.find(text, from);
    if (match === null) break;
    result += text.slice(copied, match.start) + fill(match, replacement);
    copied = match.end;
    // An empty match would be found again at the same place.
    from = match.end > match.start ? match.end : match.end + 1;
    if (performance.now() > endsAt) return null;
  }
  return result + text.slice(copied);
}

function fill({ groups }: PatternMatch, replacement: Replacement): string {
  let text = "";
  for (const part of replacement) text += typeof part === "string" ? part : (groups[part] ?? "");
  return text;
}

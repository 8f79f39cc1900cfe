import type { Issue } from "@catena/errors";
import { parseSync } from "oxc-parser";
import { createLocator } from "./locate.ts";
import type { Misuse } from "./misuses.ts";
import type { Node } from "./node.ts";
import { isNode } from "./node.ts";
import { ReferenceChecker } from "./reference-checker.ts";

/** Longest piece of source shown. */
const MAX_SHOWN = 60;

/**
 * Finds uses of references that neither the type checker nor the run of a config sees, because a
 * reference is an object to JavaScript: `ref ? a : b`, `ref ?? b`, `ref === x`, `!ref`, `if (ref)`;
 * and those that a run would see only where it comes by: plain templates, arithmetic, loops. Never
 * throws.
 *
 * @param text source of a config file, TypeScript or JavaScript.
 * @param file its path; the ending decides the language.
 * @returns one issue for each, with file, line and column; or those of its syntax.
 *
 * @example
 * checkSource("chain({ route: '/' }).step('a', ($) => value($.input.body.x ?? 1))", "a.ts")
 * // a.ts:1:43 the reference "$.input.body.x" is used with ??, … (write or(value, default))
 */
export function checkSource(text: string, file: string): readonly Issue[] {
  const locate = createLocator(text, file);
  const { program, errors } = parseSync(file, text, { preserveParens: false });
  if (errors.length > 0) {
    return errors.map(({ message, labels, helpMessage }) => ({
      path: "",
      code: "SOURCE_SYNTAX",
      message: lowerFirst(message),
      ...(helpMessage === null ? {} : { hint: helpMessage }),
      source: locate(labels[0]?.start ?? 0),
    }));
  }
  const issues: Issue[] = [];
  // One use can be met twice, when a function is given to two steps.
  const seen = new Set<string>();
  const report = (node: Node, { use, hint }: Misuse): void => {
    const key = `${node.start} ${use}`;
    if (seen.has(key)) return;
    seen.add(key);
    const shown = shorten(text.slice(node.start, node.end));
    const what = use === "async" ? "the callback is async" : `a reference is ${use}`;
    issues.push({
      path: "",
      code: "SOURCE_REFERENCE",
      message: `${what}: ${shown}`,
      hint,
      source: locate(node.start),
    });
  };
  // The parser's nodes are what Node describes, seen without their types.
  const root: unknown = program;
  if (isNode(root)) new ReferenceChecker(report).check(root);
  return issues;
}

function shorten(source: string): string {
  const line = source.replace(/\s+/g, " ");
  return line.length > MAX_SHOWN ? `${line.slice(0, MAX_SHOWN)}…` : line;
}

function lowerFirst(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}

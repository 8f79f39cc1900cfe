import { RE2JS } from "re2js";
import { CHAIN_LIMITS } from "../chain-limits.ts";
import { isPresent, type Operator, text, textArgument, value } from "./operator.ts";

/** Patterns come from stored chains, which are few; the bound is against an unusual store. */
const MAX_CACHED = 1000;
const compiled = new Map<string, RE2JS>();

/** @throws the engine's error, whose message says what is wrong with the pattern. */
function compile(pattern: string): RE2JS {
  let expression = compiled.get(pattern);
  if (expression === undefined) {
    expression = RE2JS.compile(pattern);
    if (compiled.size >= MAX_CACHED) compiled.clear();
    compiled.set(pattern, expression);
  }
  return expression;
}

export const matches: Operator = {
  name: "matches",
  doc: "Whether a string contains a match of a pattern (RE2 syntax: time linear in the string)",
  params: [value("text"), text("pattern")],
  returns: "boolean",
  check([, pattern]) {
    if (typeof pattern !== "string") return null;
    if (pattern.length > CHAIN_LIMITS.maxPatternLength) {
      return `takes a pattern of at most ${CHAIN_LIMITS.maxPatternLength} characters`;
    }
    try {
      compile(pattern);
      return null;
    } catch (error) {
      return `cannot use the pattern: ${error instanceof Error ? error.message : String(error)}`;
    }
  },
  evaluate: ([given, pattern]) =>
    isPresent(given) &&
    compile(textArgument("matches", pattern)).test(textArgument("matches", given)),
};

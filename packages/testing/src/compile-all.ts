import { type CompiledResource, compile } from "@catena/dsl";
import { testingErrors } from "./errors.ts";
import { wordIssues } from "./word-issues.ts";

/**
 * Compiles a config for a test; a declaration without an id gets one.
 *
 * @throws TESTING_CHAIN with the issues.
 */
export function compileAll(config: object): readonly CompiledResource[] {
  const { value, issues } = compile(config);
  if (value !== undefined) return value;
  const isUnnamed = issues.every(({ code }) => code === "DSL_NO_ID");
  const named = isUnnamed ? compile({ chain: config }) : { issues };
  if ("value" in named && named.value !== undefined) return named.value;
  throw testingErrors.TESTING_CHAIN({ reason: wordIssues(named.issues) });
}

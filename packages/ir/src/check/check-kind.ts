import { describeFound } from "../describe-found.ts";
import { operators } from "../operators/registry.ts";
import type { StoredEach, StoredValue } from "../stored-chain.ts";
import { fromLiteral, isStoredOperation, isStoredReference } from "../stored-value.ts";
import { checkValue, type ValueScope } from "./check-value.ts";
import type { Findings } from "./findings.ts";

/** Checks what decides something: it must be able to be true. */
export function checkCondition(
  value: StoredValue,
  path: string,
  scope: ValueScope,
  findings: Findings,
): void {
  if (!isSound(value, path, scope, findings)) return;
  const kind = kindOf(value);
  if (kind === null || kind === "boolean") return;
  findings.add(path, "CHAIN_CONDITION", "the condition is never true", {
    expected: "true, false, a reference, or an operator that gives one of them",
    found: describeFound(value),
    hint: "compare it: eq, gt, exists, matches",
  });
}

/** Checks what an `each` goes over, as far as it is written in the chain. */
export function checkItems(
  each: StoredEach,
  path: string,
  scope: ValueScope,
  findings: Findings,
): void {
  const { in: items, max } = each;
  if (!isSound(items, `${path}/in`, scope, findings)) return;
  const kind = kindOf(items);
  if (kind !== null && kind !== "array") {
    findings.add(`${path}/in`, "CHAIN_EACH", "the items are no array", {
      found: describeFound(items),
    });
    return;
  }
  const literal = Array.isArray(items) ? items : literalOf(items);
  if (Array.isArray(literal) && max !== undefined && literal.length > max) {
    findings.add(`${path}/max`, "CHAIN_EACH", "there are more items than that", {
      expected: `at least ${literal.length}`,
      found: String(max),
    });
  }
}

/** Whether a value can be looked at closer: what is wrong with it as such is found here. */
function isSound(value: StoredValue, path: string, scope: ValueScope, findings: Findings): boolean {
  const before = findings.issues.length;
  checkValue(value, path, scope, findings);
  return findings.issues.length === before;
}

/** What a value will be; `null` when that is known only at run time. */
function kindOf(value: StoredValue): string | null {
  if (isStoredReference(value)) return null;
  if (isStoredOperation(value)) {
    const returns = operators.get(value.$op)?.returns ?? "any";
    return returns === "any" ? null : returns;
  }
  const json = literalOf(value) ?? value;
  return Array.isArray(json) ? "array" : json === null ? "null" : typeof json;
}

function literalOf(value: StoredValue): unknown {
  const literal = fromLiteral(value);
  return literal.isConstant ? literal.json : undefined;
}

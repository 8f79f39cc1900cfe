import { isSafeMethod } from "../chain-limits.ts";
import { describeFound } from "../describe-found.ts";
import { callsOf, type StepKind, stepKind } from "../step-kind.ts";
import type { StoredAction, StoredItemPolicies, StoredStep } from "../stored-chain.ts";
import { isStoredOperation, isStoredReference } from "../stored-value.ts";
import { checkHeaders } from "./check-headers.ts";
import { checkCondition } from "./check-kind.ts";
import { checkValue, type ValueScope } from "./check-value.ts";
import type { Findings } from "./findings.ts";

type PolicyName = Exclude<
  keyof StoredStep,
  "name" | "call" | "value" | "sub" | "each" | "choose" | "exit"
>;

const CALL_ONLY: readonly PolicyName[] = [
  "retry",
  "on_status",
  "max_bytes",
  "validate",
  "idempotency_key",
  "cache",
  "coalesce",
  "hedge",
  "breaker",
];

/** What each kind of step does not take, and why. */
const MISPLACED: Readonly<
  Record<StepKind, { readonly names: readonly PolicyName[]; readonly hint: string }>
> = {
  call: { names: [], hint: "" },
  value: {
    names: [...CALL_ONLY, "timeout", "parallel", "undo"],
    hint: "a value makes no call",
  },
  sub: { names: CALL_ONLY, hint: "set it on the steps of the other chain" },
  each: { names: [...CALL_ONLY, "timeout"], hint: "set it on the call inside each" },
  choose: { names: [...CALL_ONLY, "timeout"], hint: "set it on the call of a branch" },
  exit: {
    names: [...CALL_ONLY, "timeout", "on_error", "parallel", "undo"],
    hint: "an exit makes no call",
  },
};

/** Rules on the policies of one step; those on `each` items and branches are {@link checkItemPolicies}. */
export function checkPolicies(
  step: StoredStep,
  path: string,
  scope: ValueScope,
  findings: Findings,
): void {
  const kind = stepKind(step);
  if (kind === null) return;
  const { names, hint } = MISPLACED[kind];
  for (const name of names) {
    if (step[name] === undefined) continue;
    findings.add(
      `${path}/${name}`,
      "CHAIN_POLICY",
      `"${name}" does nothing on a step of kind ${kind}`,
      {
        hint,
      },
    );
  }
  checkItemPolicies(step, path, scope, findings);
  if (step.when !== undefined) checkCondition(step.when, `${path}/when`, scope, findings);
  if (step.on_error !== undefined) checkOnError(step.on_error, `${path}/on_error`, scope, findings);
  checkValidate(step, path, findings);
  checkKeys(step, path, scope, findings);
  if (kind === "call") checkCallPolicies(step, path, findings);
  if (
    step.undo !== undefined &&
    kind !== "value" &&
    kind !== "exit" &&
    callsOf(step).length === 0
  ) {
    if (step.sub === undefined) {
      findings.add(`${path}/undo`, "CHAIN_UNDO", "there is no call to undo");
    }
  }
}

/** A response that is said to be held to its schema must have one. */
export function checkValidate(
  { call, validate }: StoredAction & StoredItemPolicies,
  path: string,
  findings: Findings,
): void {
  if (call === undefined || validate === undefined || validate === "off") return;
  if (call.response !== undefined) return;
  findings.add(`${path}/validate`, "CHAIN_POLICY", "the call has no schema of its response", {
    hint: "give the call a response schema, or leave validate out",
  });
}

function checkKeys(step: StoredStep, path: string, scope: ValueScope, findings: Findings): void {
  for (const [index, part] of (step.cache?.key ?? []).entries()) {
    checkValue(part, `${path}/cache/key/${index}`, scope, findings);
  }
  if (typeof step.coalesce === "object") {
    for (const [index, part] of step.coalesce.key.entries()) {
      checkValue(part, `${path}/coalesce/key/${index}`, scope, findings);
    }
  }
}

/** A method that writes must not be answered from a copy, joined with another's, or sent twice. */
function checkCallPolicies(step: StoredStep, path: string, findings: Findings): void {
  const { call } = step;
  if (call === undefined || isSafeMethod(call.method)) return;
  if (step.cache !== undefined && step.cache.allow_unsafe !== true) {
    findings.add(`${path}/cache`, "CHAIN_POLICY", `a ${call.method} is not cached`, {
      hint: "a POST that only reads is cached with allow_unsafe: true",
    });
  }
  if (step.coalesce !== undefined) {
    findings.add(`${path}/coalesce`, "CHAIN_POLICY", `calls of ${call.method} are not joined`);
  }
  if (step.hedge !== undefined && step.idempotency_key === undefined) {
    findings.add(`${path}/hedge`, "CHAIN_POLICY", `a ${call.method} is not sent twice`, {
      hint: "give an idempotency_key",
    });
  }
}

export function checkItemPolicies(
  policies: StoredItemPolicies,
  path: string,
  scope: ValueScope,
  findings: Findings,
): void {
  for (const [status, action] of Object.entries(policies.on_status ?? {})) {
    if (typeof action !== "object") continue;
    const at = `${path}/on_status/${status}`;
    if ("fallback" in action) checkValue(action.fallback, `${at}/fallback`, scope, findings);
    else if ("exit" in action) {
      const { exit } = action;
      checkHeaders(exit.headers, `${at}/exit/headers`, scope, findings);
      checkStatus(exit.status, `${at}/exit/status`, scope, findings);
      if (exit.body !== undefined) checkValue(exit.body, `${at}/exit/body`, scope, findings);
    }
  }
  const key = policies.idempotency_key;
  if (key !== undefined && key !== "auto") {
    // The shape was judged by one key that both kinds of values may lack.
    if (isStoredReference(key) || isStoredOperation(key))
      checkValue(key, `${path}/idempotency_key`, scope, findings);
    else {
      findings.add(`${path}/idempotency_key`, "CHAIN_SHAPE", "wrong value", {
        expected: '"auto", a reference or an operation',
        found: describeFound(key),
      });
    }
  }
  const { backoff } = policies.retry ?? {};
  if (backoff?.base !== undefined && backoff.max !== undefined && backoff.max < backoff.base) {
    findings.add(`${path}/retry/backoff/max`, "CHAIN_POLICY", "max is less than base", {
      expected: `at least ${backoff.base}`,
      found: String(backoff.max),
    });
  }
}

export function checkOnError(
  onError: NonNullable<StoredStep["on_error"]>,
  path: string,
  scope: ValueScope,
  findings: Findings,
): void {
  if (typeof onError === "object")
    checkValue(onError.fallback, `${path}/fallback`, scope, findings);
}

/** A status the client gets: 200 to 599, as a literal or computed. */
export function checkStatus(
  status: unknown,
  path: string,
  scope: ValueScope,
  findings: Findings,
): void {
  if (status === undefined) return;
  if (typeof status === "object" && status !== null && !Array.isArray(status)) {
    checkValue(status, path, scope, findings);
  } else if (!Number.isInteger(status) || Number(status) < 200 || Number(status) > 599) {
    findings.add(path, "CHAIN_STATUS", "not a status", {
      expected: "200 to 599",
      found: JSON.stringify(status),
    });
  }
}

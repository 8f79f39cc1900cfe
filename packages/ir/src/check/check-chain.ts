import type { Checked, Issue } from "@catena/errors";
import { RESERVED_STEP_NAMES } from "../chain-limits.ts";
import { describeFound } from "../describe-found.ts";
import { nearestName } from "../nearest-name.ts";
import { ShapeExplainer } from "../schema/explain-shape.ts";
import { chainDefinitions, StoredChainSchema } from "../schema/stored-chain-schema.ts";
import { STEP_KINDS, stepKind } from "../step-kind.ts";
import type { StoredAction, StoredChain, StoredItemPolicies, StoredStep } from "../stored-chain.ts";
import { checkCall } from "./check-call.ts";
import { checkHeaders } from "./check-headers.ts";
import { checkCondition, checkItems } from "./check-kind.ts";
import {
  checkItemPolicies,
  checkOnError,
  checkPolicies,
  checkStatus,
  checkValidate,
} from "./check-policies.ts";
import { checkValue, type ValueScope } from "./check-value.ts";
import { Findings } from "./findings.ts";

/**
 * Checks a document against every rule of the stored form that needs no other resource: its shape,
 * names, references, operators, calls, policies and ends. Never throws.
 *
 * @param chain `plugins["proxy-chain"]` of a route, as parsed from JSON.
 * @returns the chain when nothing is wrong; issue paths are JSON pointers into it.
 */
export function checkChain(chain: unknown): Checked<StoredChain> {
  const version = checkVersion(chain);
  if (version !== null) return { issues: [version] };
  const shape = new ShapeExplainer(chainDefinitions).explain(StoredChainSchema, chain);
  if (shape.length > 0) return { issues: shape };
  // The schema is the interface, which a type test holds it to, and nothing differed from it.
  const stored = chain as StoredChain;
  const findings = new Findings();
  const all = checkNames(stored, findings);
  checkSteps(stored, all, findings);
  checkEnds(stored, all, findings);
  return findings.issues.length > 0
    ? { issues: findings.issues }
    : { value: stored, issues: findings.issues };
}

function checkVersion(chain: unknown): Issue | null {
  if (typeof chain !== "object" || chain === null || !("v" in chain) || chain.v === 1) return null;
  const isNewer = typeof chain.v === "number" && chain.v > 1;
  return {
    path: "/v",
    code: "CHAIN_VERSION",
    message: isNewer
      ? `the chain is of version ${chain.v}, which this gateway does not know`
      : "not a version of the stored form",
    expected: "1",
    found: describeFound(chain.v),
    ...(isNewer
      ? { hint: "upgrade the gateway before it gets chains written by a newer one" }
      : {}),
  };
}

function checkNames(chain: StoredChain, findings: Findings): ReadonlyMap<string, StoredStep> {
  const all = new Map<string, StoredStep>();
  for (const [index, step] of chain.steps.entries()) {
    const path = `/steps/${index}/name`;
    if (RESERVED_STEP_NAMES.has(step.name)) {
      findings.add(path, "CHAIN_STEP_NAME", `"${step.name}" is reserved`, {
        hint: "choose another name for the step",
      });
    } else if (all.has(step.name)) {
      findings.add(path, "CHAIN_STEP_NAME", `there is another step "${step.name}"`);
    } else all.set(step.name, step);
  }
  return all;
}

function checkSteps(
  chain: StoredChain,
  all: ReadonlyMap<string, StoredStep>,
  findings: Findings,
): void {
  const earlier = new Set<string>();
  for (const [index, step] of chain.steps.entries()) {
    const path = `/steps/${index}`;
    const scope: ValueScope = { all, visible: new Set(earlier), isInEach: false };
    checkKind(step, path, findings);
    checkAction(step, path, scope, findings);
    checkPolicies(step, path, scope, findings);
    checkAfter(step, path, scope, findings);
    if (step.undo !== undefined) {
      const withOwn = { ...scope, visible: new Set([...earlier, step.name]) };
      checkCall(step.undo.call, `${path}/undo/call`, withOwn, findings);
    }
    earlier.add(step.name);
  }
}

function checkKind(step: StoredStep, path: string, findings: Findings): void {
  if (stepKind(step) !== null) return;
  const kinds = STEP_KINDS.filter((kind) => step[kind] !== undefined);
  findings.add(path, "CHAIN_STEP_KIND", `step "${step.name}" must do exactly one thing`, {
    expected: `one of ${STEP_KINDS.join(", ")}`,
    found: kinds.length === 0 ? "none" : kinds.join(", "),
  });
}

function checkAction(step: StoredStep, path: string, scope: ValueScope, findings: Findings): void {
  checkPlainAction(step, path, scope, findings);
  const { each, choose, exit } = step;
  if (each !== undefined) {
    checkItems(each, `${path}/each`, scope, findings);
    const inside = { ...scope, isInEach: true };
    checkInnerAction(each.do, `${path}/each/do`, inside, findings);
    if (each.on_error !== undefined) {
      checkOnError(each.on_error, `${path}/each/on_error`, inside, findings);
    }
  }
  for (const [index, branch] of (choose?.branches ?? []).entries()) {
    const at = `${path}/choose/branches/${index}`;
    checkCondition(branch.when, `${at}/when`, scope, findings);
    checkInnerAction(branch, at, scope, findings);
  }
  if (choose?.otherwise !== undefined) {
    checkInnerAction(choose.otherwise, `${path}/choose/otherwise`, scope, findings);
  }
  if (exit !== undefined) {
    checkStatus(exit.status, `${path}/exit/status`, scope, findings);
    checkHeaders(exit.headers, `${path}/exit/headers`, scope, findings);
    if (exit.body !== undefined) checkValue(exit.body, `${path}/exit/body`, scope, findings);
  }
}

function checkPlainAction(
  action: StoredAction,
  path: string,
  scope: ValueScope,
  findings: Findings,
): void {
  if (action.call !== undefined) checkCall(action.call, `${path}/call`, scope, findings);
  if (action.value !== undefined) checkValue(action.value, `${path}/value`, scope, findings);
  if (action.sub?.body !== undefined) {
    checkValue(action.sub.body, `${path}/sub/body`, scope, findings);
  }
}

/** What stands in an `each` or a branch: one of the plain actions, with policies if it is a call. */
function checkInnerAction(
  action: StoredAction & StoredItemPolicies,
  path: string,
  scope: ValueScope,
  findings: Findings,
): void {
  const kinds = (["call", "value", "sub"] as const).filter((kind) => action[kind] !== undefined);
  if (kinds.length !== 1) {
    findings.add(path, "CHAIN_STEP_KIND", "must do exactly one thing", {
      expected: "one of call, value, sub",
      found: kinds.length === 0 ? "none" : kinds.join(", "),
    });
  }
  checkPlainAction(action, path, scope, findings);
  checkItemPolicies(action, path, scope, findings);
  checkValidate(action, path, findings);
  if (action.call !== undefined) return;
  const names = [
    "retry",
    "on_status",
    "max_bytes",
    "validate",
    "idempotency_key",
    ...(action.value === undefined ? [] : (["timeout"] as const)),
  ] as const;
  for (const name of names) {
    if (action[name] === undefined) continue;
    findings.add(`${path}/${name}`, "CHAIN_POLICY", `"${name}" is for calls`);
  }
}

function checkAfter(step: StoredStep, path: string, scope: ValueScope, findings: Findings): void {
  for (const [index, name] of (step.after ?? []).entries()) {
    if (scope.visible.has(name)) continue;
    const isLater = scope.all.has(name);
    const near = nearestName(name, scope.visible);
    findings.add(
      `${path}/after/${index}`,
      "CHAIN_AFTER",
      isLater ? `"${name}" is not an earlier step` : `there is no step "${name}"`,
      {
        expected:
          scope.visible.size === 0
            ? "no names: this is the first step"
            : [...scope.visible].join(", "),
        ...(isLater
          ? { hint: `move step "${name}" up` }
          : near === null
            ? {}
            : { hint: `did you mean "${near}"?` }),
      },
    );
  }
}

function checkEnds(
  chain: StoredChain,
  all: ReadonlyMap<string, StoredStep>,
  findings: Findings,
): void {
  const ends = (["reply", "forward", "stream"] as const).filter((end) => chain[end] !== undefined);
  if (ends.length !== 1) {
    findings.add("", "CHAIN_END", "a chain has exactly one end", {
      expected: "one of reply, forward, stream",
      found: ends.length === 0 ? "none" : ends.join(", "),
    });
  }
  const scope: ValueScope = { all, visible: new Set(all.keys()), isInEach: false };
  const { reply, forward, stream } = chain;
  if (reply !== undefined) {
    checkStatus(reply.status, "/reply/status", scope, findings);
    checkHeaders(reply.headers, "/reply/headers", scope, findings);
    if (reply.body !== undefined) checkValue(reply.body, "/reply/body", scope, findings);
  }
  if (forward !== undefined) {
    checkHeaders(forward.headers, "/forward/headers", scope, findings);
    if (forward.body !== undefined) checkValue(forward.body, "/forward/body", scope, findings);
  }
  if (stream !== undefined) checkStream(chain, stream, all, findings);
}

/** A response that is passed through unread can be neither looked at nor replaced. */
const NOT_WITH_STREAM = [
  "when",
  "on_error",
  "cache",
  "coalesce",
  "hedge",
  "validate",
  "undo",
] as const;

function checkStream(
  chain: StoredChain,
  name: string,
  all: ReadonlyMap<string, StoredStep>,
  findings: Findings,
): void {
  const step = all.get(name);
  if (step === undefined) {
    const near = nearestName(name, all.keys());
    findings.add("/stream", "CHAIN_STREAM", `there is no step "${name}"`, {
      ...(near === null ? {} : { hint: `did you mean "${near}"?` }),
    });
    return;
  }
  if (step.call === undefined) {
    findings.add("/stream", "CHAIN_STREAM", `step "${name}" is not a call`);
  }
  if (chain.steps.at(-1) !== step) {
    findings.add("/stream", "CHAIN_STREAM", `step "${name}" is not the last step`, {
      hint: "a response that is streamed is not there for later steps; move them up",
    });
  }
  for (const policy of NOT_WITH_STREAM) {
    if (step[policy] === undefined) continue;
    const path = `/steps/${chain.steps.indexOf(step)}/${policy}`;
    findings.add(path, "CHAIN_STREAM", `"${policy}" does not go with streaming the response`);
  }
}

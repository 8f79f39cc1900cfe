import type { OnError, StoredCall, StoredExit, StoredItemPolicies } from "@catena/ir";
import { formatFault } from "@catena/json";
import type { UpstreamReply } from "@catena/upstream";
import type { CompileContext } from "../compile-context.ts";
import { type CompiledReply, compileReply } from "../ends/compile-reply.ts";
import { chainErrors } from "../errors.ts";
import { compileCheck, type SchemaCheck } from "../input/compile-check.ts";
import { replyText } from "../json-text.ts";
import { type CompiledFallback, compileFallback } from "../policies/fallback.ts";
import type { StepRun } from "../run-context.ts";
import { type StepReply, StepResult } from "../step-result.ts";
import { type JsonView, viewJson, viewWhole } from "../values/json-view.ts";
import type { ActionPlace } from "./compile-action.ts";

/** What to do with a response. */
export interface ReplyRules {
  readonly onStatus: ReadonlyMap<number, StatusRule>;
  readonly looksInto: () => boolean;
  readonly readsMembers: () => boolean;
  readonly check: SchemaCheck | null;
  /** `warn` lets a response pass that does not match. */
  readonly checkFails: boolean;
  readonly jsonDepth: number;
  readonly buffered: boolean;
}

type StatusRule =
  | { readonly kind: "skip" | "fail" | "pass" }
  | { readonly kind: "fallback"; readonly fallback: CompiledFallback }
  | { readonly kind: "exit"; readonly exit: CompiledReply };

export function compileReplyRules(
  call: StoredCall,
  policies: StoredItemPolicies,
  path: string,
  context: CompileContext,
  place: ActionPlace,
): ReplyRules {
  const onStatus = new Map<number, StatusRule>();
  for (const [status, rule] of Object.entries(policies.on_status ?? {}))
    onStatus.set(Number(status), compileRule(rule, `${path}/on_status/${status}`, context));
  const { looksInto, readsMembers, buffered } = place;
  const validate = policies.validate ?? "off";
  return {
    onStatus,
    looksInto,
    readsMembers,
    check:
      validate === "off"
        ? null
        : compileCheck(call.response, `${path}/call/response`, context.values),
    checkFails: validate === "fail",
    jsonDepth: context.limits.jsonDepth,
    buffered,
  };
}

type StoredRule =
  | "skip"
  | "fail"
  | { readonly fallback: Fallback }
  | { readonly exit: StoredExit }
  | { readonly pass: true };
type Fallback = Extract<OnError, object>["fallback"];

function compileRule(rule: StoredRule, path: string, context: CompileContext): StatusRule {
  if (rule === "skip" || rule === "fail") return { kind: rule };
  if ("pass" in rule) return { kind: "pass" };
  if ("exit" in rule)
    return { kind: "exit", exit: compileReply(rule.exit, `${path}/exit`, context) };
  return {
    kind: "fallback",
    fallback: compileFallback(rule.fallback, `${path}/fallback`, context),
  };
}

/**
 * Judges a response: a status of the 2xx class or one with a rule is a result, another one a
 * failure. A body that anyone looks into must be JSON.
 *
 * @throws CHAIN_STEP_STATUS, CHAIN_REPLY_INVALID
 */
export function takeReply(
  rules: ReplyRules,
  reply: UpstreamReply,
  run: StepRun,
): StepResult | Promise<StepResult> {
  const { status } = reply;
  const { trace } = run;
  if (trace !== null) {
    trace.status = status;
    trace.bytes = reply.body instanceof Uint8Array ? reply.body.length : 0;
  }
  const rule = rules.onStatus.get(status);
  if (rule !== undefined) return applyRule(rule, reply, run);
  if (status < 200 || status > 299) return refuseStatus(reply, run);
  if (!rules.buffered) return new StepResult("done", null, reply);
  const view = rules.looksInto() || rules.check !== null ? viewBody(rules, reply, run) : null;
  if (rules.check !== null) checkBody(rules, rules.check, view, run);
  return new StepResult("done", view, reply);
}

async function refuseStatus(reply: UpstreamReply, run: StepRun): Promise<never> {
  await release(reply);
  throw chainErrors.CHAIN_STEP_STATUS({ step: run.label, status: reply.status });
}

async function applyRule(
  rule: StatusRule,
  reply: UpstreamReply,
  run: StepRun,
): Promise<StepResult> {
  const { status } = reply;
  await release(reply);
  const kept: StepReply = { status, headers: reply.headers, body: null };
  switch (rule.kind) {
    case "skip":
      return new StepResult("skipped", null, kept);
    case "fail":
      throw chainErrors.CHAIN_STEP_STATUS({ step: run.label, status });
    case "pass":
      throw chainErrors.CHAIN_STEP_STATUS({ step: run.label, status, pass: true });
    case "fallback":
      return await rule.fallback(run, kept);
    case "exit":
      return new StepResult("exit", null, kept, await rule.exit.render(run.scope, run.label));
    default:
      return rule satisfies never;
  }
}

/** A streamed body that nobody will read must not keep its connection. */
async function release(reply: UpstreamReply): Promise<void> {
  if (reply.body instanceof ReadableStream) await reply.body.cancel();
}

function viewBody(rules: ReplyRules, reply: UpstreamReply, run: StepRun): JsonView | null {
  const text = replyText(reply);
  if (text === null) throw invalid(run, "it is not UTF-8");
  if (text.trim() === "") return null;
  const { jsonDepth } = rules;
  const view = rules.readsMembers() ? viewJson(text, jsonDepth) : viewWhole(text, jsonDepth);
  if ("kind" in view) throw invalid(run, formatFault(view));
  return view;
}

function checkBody(
  rules: ReplyRules,
  check: SchemaCheck,
  view: JsonView | null,
  run: StepRun,
): void {
  const finding = view === null ? { path: "", message: "there is no body" } : check(view.raw);
  if (finding === null) return;
  const reason = `${finding.path === "" ? "" : `${finding.path} `}${finding.message}`;
  if (rules.checkFails) throw invalid(run, reason);
  run.context.trace?.warnings.push(`response of step "${run.label}": ${reason}`);
}

function invalid(run: StepRun, reason: string): Error {
  return chainErrors.CHAIN_REPLY_INVALID({ step: run.label, reason });
}

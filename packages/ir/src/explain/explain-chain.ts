import type { Checked } from "@catena/errors";
import {
  type ClassicChain,
  checkClassicChain,
  classicChainSchema,
  compileSchema,
} from "@catena/schema";
import { CHAIN_LIMITS, isSafeMethod } from "../chain-limits.ts";
import { type ChainPlan, type PlannedStep, planChain, type Wait } from "../plan/plan-chain.ts";
import { collectReferences, valuesOfEnd, valuesOfStep } from "../plan/values-of.ts";
import { callsOf, type StepKind } from "../step-kind.ts";
import type { StoredCall, StoredStep } from "../stored-chain.ts";
import { wordPolicies } from "./word-policies.ts";
import { wordReference, wordValue } from "./word-value.ts";

/** What a chain does and in what order, as data for people and tools. */
export interface ExplainedChain {
  readonly form: "classic" | "steps";
  readonly id?: string;
  readonly deadlineMs: number;
  readonly steps: readonly ExplainedStep[];
  /** Names of the steps that can run at the same time, wave after wave. */
  readonly waves: readonly (readonly string[])[];
  /** Steps that can be undone, in the order it is done; of one wave it is the reverse of their ends. */
  readonly undoOrder: readonly string[];
  readonly end: ExplainedEnd;
}

export interface ExplainedStep {
  readonly name: string;
  readonly kind: StepKind;
  /** From 0. */
  readonly wave: number;
  /** Only reads, so it may overlap with steps it does not depend on. */
  readonly isSafe: boolean;
  readonly calls: readonly ExplainedCall[];
  /** What it goes over, computes, calls or answers, when that is more than a call. */
  readonly does?: string;
  /** What it refers to: `input.body.id`, `user.tier`. */
  readonly uses: readonly string[];
  readonly waitsFor: readonly Wait[];
  /** Each in words: `timeout 400 ms`, `when gt(user.tier, 0)`. */
  readonly policies: readonly string[];
  readonly undo?: ExplainedCall;
}

export interface ExplainedCall {
  readonly op?: string;
  readonly method: string;
  /** `upstream users-v1` or a base URL. */
  readonly target: string;
  readonly path: string;
}

export interface ExplainedEnd {
  readonly kind: "reply" | "forward" | "stream";
  readonly uses: readonly string[];
  /** The upstream of a `forward` that names one. */
  readonly upstream?: string;
}

/**
 * Explains the chain of a route, of either form.
 *
 * @param conf `plugins["proxy-chain"]` of a route, as parsed from JSON.
 * @returns no value when the chain is not valid; the issues are those of its form.
 */
export function explainChain(conf: unknown): Checked<ExplainedChain> {
  const isClassic = typeof conf === "object" && conf !== null && "services" in conf;
  if (isClassic) return explainClassic(conf);
  const { value, issues } = planChain(conf);
  return value === undefined ? { issues } : { value: explainPlan(value), issues };
}

/** Explains a chain of the step form that is planned already. */
export function explainPlan(plan: ChainPlan): ExplainedChain {
  const { chain } = plan;
  return {
    form: "steps",
    ...(chain.id === undefined ? {} : { id: chain.id }),
    deadlineMs: chain.deadline ?? CHAIN_LIMITS.defaultDeadlineMs,
    steps: plan.steps.map(explainStep),
    waves: plan.waves,
    undoOrder: undoOrderOf(plan.steps),
    end: explainEnd(plan),
  };
}

function undoOrderOf(steps: readonly PlannedStep[]): readonly string[] {
  return steps
    .filter(({ step }) => step.undo !== undefined)
    .toSorted((a, b) => a.wave - b.wave)
    .map(({ name }) => name)
    .reverse();
}

function explainStep({ name, kind, step, isSafe, waitsFor, wave }: PlannedStep): ExplainedStep {
  const does = wordAction(step);
  return {
    name,
    kind,
    wave,
    isSafe,
    calls: callsOf(step).map(explainCall),
    ...(does === null ? {} : { does }),
    uses: referencesIn(valuesOfStep(step)),
    waitsFor,
    policies: wordPolicies(step),
    ...(step.undo === undefined ? {} : { undo: explainCall(step.undo.call) }),
  };
}

function explainCall({ op, method, upstream_id, uri, path }: StoredCall): ExplainedCall {
  return {
    ...(op === undefined ? {} : { op }),
    method,
    target: upstream_id === undefined ? (uri ?? "") : `upstream ${upstream_id}`,
    path,
  };
}

function wordAction(step: StoredStep): string | null {
  const { each, choose, value, sub, exit } = step;
  if (each !== undefined) {
    const { concurrency, max } = each;
    const cap = concurrency ?? CHAIN_LIMITS.defaultEachConcurrency;
    return `each of ${wordValue(each.in)} (at most ${max ?? CHAIN_LIMITS.defaultEachItems}, ${cap} at a time)`;
  }
  if (choose !== undefined) {
    const conditions = choose.branches.map(({ when }) => wordValue(when));
    const otherwise = choose.otherwise === undefined ? [] : ["otherwise"];
    return `the first of ${[...conditions, ...otherwise].join("; ")}`;
  }
  if (value !== undefined) return wordValue(value);
  if (sub !== undefined) return `chain ${sub.chain}`;
  return exit === undefined ? null : `answers ${wordValue(exit.status ?? 200)}`;
}

function explainEnd({ chain }: ChainPlan): ExplainedEnd {
  const { forward, stream } = chain;
  if (stream !== undefined) return { kind: "stream", uses: [stream] };
  const uses = referencesIn(valuesOfEnd(chain));
  if (forward === undefined) return { kind: "reply", uses };
  const merged = chain.steps.filter(({ exit }) => exit === undefined).map(({ name }) => name);
  return {
    kind: "forward",
    uses: forward.body === undefined ? ["input.body", "input.query", ...merged] : uses,
    ...(forward.upstream_id === undefined ? {} : { upstream: forward.upstream_id }),
  };
}

/** References outside an `each`'s own names, each once, in the order they are written. */
function referencesIn(values: Iterable<Parameters<typeof wordValue>[0]>): readonly string[] {
  const found = new Set<string>();
  for (const value of values) {
    for (const path of collectReferences(value)) {
      if (path[0] !== "item" && path[0] !== "index") found.add(wordReference(path));
    }
  }
  return [...found];
}

const classicCheck = compileSchema(classicChainSchema);

function explainClassic(conf: unknown): Checked<ExplainedChain> {
  const findings = classicCheck.explain(conf, { path: "", wrap: "" });
  if (findings.length > 0) return { issues: findings.map(({ apisix: _, ...issue }) => issue) };
  // The check above found nothing that differs from the schema this is the type of.
  const chain = conf as ClassicChain;
  const issues = checkClassicChain(chain);
  if (issues.length > 0) return { issues };
  const steps = chain.services.map((service, index): ExplainedStep => {
    const before = chain.services.slice(0, index);
    return {
      name: nameOf(service, index),
      kind: "call",
      wave: index,
      isSafe: isSafeMethod(service.method ?? "POST"),
      calls: [explainService(service)],
      uses: ["input.body", "input.query", ...before.map(nameOf)],
      waitsFor: before.map((other, at) => ({
        index: at,
        name: nameOf(other, at),
        reason: "reference",
      })),
      policies: service.timeout === undefined ? [] : [`timeout ${service.timeout} ms`],
    };
  });
  const names = steps.map(({ name }) => name);
  return {
    value: {
      form: "classic",
      deadlineMs: chain.deadline ?? CHAIN_LIMITS.defaultDeadlineMs,
      steps,
      waves: names.map((name) => [name]),
      undoOrder: [],
      end: { kind: "forward", uses: ["input.body", "input.query", ...names] },
    },
    issues: [],
  };
}

type ClassicService = ClassicChain["services"][number];

function nameOf({ name }: ClassicService, index: number): string {
  return name ?? `service ${index + 1}`;
}

function explainService({ uri, method, upstream_id }: ClassicService): ExplainedCall {
  const url = new URL(uri);
  return {
    method: method ?? "POST",
    target: upstream_id === undefined ? url.origin : `upstream ${upstream_id}`,
    path: url.pathname,
  };
}

import type { Checked, Issue } from "@catena/errors";
import { checkChain, findEndlessUse, planChecked, type StoredChain } from "@catena/ir";
import type { TargetResolver } from "@catena/pipeline";
import { type ChainClock, SYSTEM_CLOCK } from "./clock.ts";
import type { CompileContext } from "./compile-context.ts";
import type { ChainEnd, CompiledChain, CompiledStep } from "./compiled-chain.ts";
import { compileForward } from "./ends/compile-forward.ts";
import { compileReply } from "./ends/compile-reply.ts";
import { type BodyUse, compileInput } from "./input/compile-input.ts";
import { type ChainLimits, chainLimits, DEFAULT_LIMITS } from "./limits.ts";
import type { UndoServices } from "./saga/undo-services.ts";
import { compileStep } from "./steps/compile-step.ts";
import type { CompiledSub } from "./steps/compile-sub.ts";
import type { SurvivingState } from "./surviving-state.ts";
import { SecretReplies, Taint } from "./trace/taint.ts";
import { compileValue } from "./values/compile-value.ts";
import { ValueContext } from "./values/value-context.ts";

/** What a step chain is compiled with. */
export interface ChainServices {
  /** What the chain is called where it gives no `id`: the route's. */
  readonly id: string;
  readonly targets: TargetResolver;
  /** The stored conf of another chain, for `sub`; anything that is no step chain is refused. */
  chain(id: string): unknown;
  readonly state: SurvivingState;
  /** The gateway's; a chain's own `limits` go before. */
  readonly limits?: Partial<ChainLimits>;
  readonly clock?: ChainClock;
  /** Needed for chains that undo. */
  readonly undo?: UndoServices;
  /** Whether a text of a chain is a secret that a trace must not show. */
  readonly isSecretText?: (text: string) => boolean;
  /** From 0 to 1, for jitter. */
  readonly random?: () => number;
}

/**
 * Compiles a step chain once per snapshot, with every chain it uses.
 *
 * @param conf `plugins["proxy-chain"]` of a route, as parsed from JSON.
 * @returns no value when {@link checkChain} finds something, or an upstream or a chain does not
 *   exist; paths of issues are JSON pointers into `conf`.
 */
export function compileChain(conf: unknown, services: ChainServices): Checked<CompiledChain> {
  const issues: Issue[] = [];
  const chain = new ChainCompiler(services, issues).compile(conf, services.id, 0);
  return chain === null || issues.length > 0 ? { issues } : { value: chain, issues };
}

/** Compiles the chain of one route and those below it, each once. */
class ChainCompiler {
  readonly #services: ChainServices;
  readonly #issues: Issue[];
  readonly #limits: ChainLimits;
  readonly #subs = new Map<string, CompiledSub>();
  readonly #secretReplies: SecretReplies;

  constructor(services: ChainServices, issues: Issue[]) {
    this.#services = services;
    this.#issues = issues;
    this.#limits = { ...DEFAULT_LIMITS, ...services.limits };
    this.#secretReplies = new SecretReplies((id) => services.chain(id), services.isSecretText);
  }

  compile(conf: unknown, fallbackId: string, depth: number): CompiledChain | null {
    const { value: stored, issues } = checkChain(conf);
    this.#issues.push(...issues);
    if (stored === undefined) return null;
    const id = stored.id ?? fallbackId;
    const limits = chainLimits(this.#limits, stored);
    if (stored.steps.length > limits.steps) {
      this.#issue("/steps", "CHAIN_LIMIT", `a chain has at most ${limits.steps} steps`);
      return null;
    }
    this.#checkUndo(stored);
    if (depth === 0) this.#checkUse(id, fallbackId, stored);
    const names = new Map(stored.steps.map((step, index) => [step.name, index]));
    const values = new ValueContext(names, this.#issues, compileValue);
    const context: CompileContext = {
      chainId: id,
      values,
      targets: this.#services.targets,
      limits,
      sub: (sub, path) => this.#sub(sub, path, depth, limits),
      state: this.#services.state,
      taint: Taint.ofChain(stored, this.#secretReplies),
    };
    const steps = compileSteps(stored, context);
    const end = compileEnd(stored, context);
    const input = compileInput(stored.input, bodyUse(stored, values), values);
    if (steps === null || end === null) return null;
    const { plan } = steps;
    return {
      id,
      steps: steps.compiled,
      waitCounts: plan.map((step) => step.waitsFor.length),
      isFlat: plan.every((step) => step.waitsFor.length === 0),
      deadlineMs: stored.deadline ?? limits.deadlineMs,
      limits,
      serverTiming: stored.server_timing === true,
      onClientGone: stored.on_client_gone ?? "safe",
      input,
      end,
      clock: this.#services.clock ?? SYSTEM_CLOCK,
      random: this.#services.random ?? Math.random,
      undo: this.#services.undo ?? null,
    };
  }

  #sub(id: string, path: string, depth: number, limits: ChainLimits): CompiledSub | null {
    const known = this.#subs.get(id);
    if (known !== undefined) return known;
    // A chain that uses itself is found above; a line of others is followed as far as it may run.
    if (depth >= limits.subDepth) {
      this.#issue(path, "CHAIN_SUB", `chains nest deeper than ${limits.subDepth}`);
      return null;
    }
    const conf = this.#services.chain(id);
    const problem = subProblem(conf);
    if (problem !== null) {
      this.#issue(path, "CHAIN_SUB", `${problem} "${id}"`);
      return null;
    }
    const sub: CompiledSub = { chain: null };
    this.#subs.set(id, sub);
    const before = this.#issues.length;
    sub.chain = this.compile(conf, id, depth + 1);
    if (sub.chain !== null && this.#issues.length === before) return sub;
    // The paths of what was found lead into the other chain's document, not into this one.
    const found = this.#issues.splice(before);
    const reason = found.map((issue) => `${issue.path} ${issue.message}`).join("; ");
    this.#issue(path, "CHAIN_SUB", `chain "${id}" cannot run: ${reason}`);
    return null;
  }

  /** Others may know the chain under either name. */
  #checkUse(id: string, fallbackId: string, stored: StoredChain): void {
    const find = (name: string): StoredChain | null =>
      name === id || name === fallbackId
        ? stored
        : (checkChain(this.#services.chain(name)).value ?? null);
    const endless = findEndlessUse(id, stored, find);
    if (endless === null) return;
    const names = endless.names.map((name) => `"${name}"`).join(" uses ");
    this.#issue(endless.path, "CHAIN_SUB", `running it would never end: ${names}`);
  }

  /** What a chain does must not be left undone by a gateway that ends. */
  #checkUndo(stored: StoredChain): void {
    if (this.#services.undo !== undefined) return;
    for (const [index, step] of stored.steps.entries())
      if (step.undo !== undefined)
        this.#issue(`/steps/${index}/undo`, "CHAIN_UNDO", "there is no store to record it in");
  }

  #issue(path: string, code: string, message: string): void {
    this.#issues.push({ path, code, message });
  }
}

/** Why something cannot be used as a step, as the words before its id. */
function subProblem(conf: unknown): string | null {
  if (typeof conf !== "object" || conf === null) return "there is no chain";
  if (!("steps" in conf)) return "only a step chain can be used by another:";
  if (!("reply" in conf)) return "a chain that another one uses ends with a reply:";
  return null;
}

function compileSteps(stored: StoredChain, context: CompileContext) {
  const plan = planChecked(stored).steps;
  const dependants = stored.steps.map((): number[] => []);
  for (const step of plan)
    for (const wait of step.waitsFor) dependants[wait.index]?.push(step.index);
  const compiled: CompiledStep[] = [];
  for (const step of plan) {
    const isStreamed = stored.stream === step.name;
    const made = compileStep(step, dependants[step.index] ?? [], isStreamed, context);
    if (made !== null) compiled.push(made);
  }
  return compiled.length < plan.length ? null : { plan, compiled };
}

/** Known once everything else is compiled. */
function bodyUse(stored: StoredChain, { looksIntoBody, passesBody }: ValueContext): BodyUse {
  const { forward } = stored;
  return {
    looksIntoBody,
    passesBody,
    mergesBody: forward !== undefined && forward.body === undefined,
  };
}

function compileEnd(stored: StoredChain, context: CompileContext): ChainEnd | null {
  const { reply, forward, stream } = stored;
  if (reply !== undefined) return { kind: "reply", reply: compileReply(reply, "/reply", context) };
  if (forward !== undefined)
    return { kind: "forward", forward: compileForward(forward, "/forward", context) };
  const step = context.values.steps.get(stream ?? "");
  return step === undefined ? null : { kind: "stream", step };
}

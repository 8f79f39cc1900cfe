import type { Checked } from "@catena/errors";
import { checkChain } from "../check/check-chain.ts";
import { isSafeStep, type StepKind, stepKind } from "../step-kind.ts";
import type { StoredChain, StoredStep } from "../stored-chain.ts";
import { collectHeads, valuesOfEnd, valuesOfStep } from "./values-of.ts";

/** In what order a chain's steps run: everything the executor needs to start them. */
export interface ChainPlan {
  readonly chain: StoredChain;
  /** In authored order; `index` is the place in it. */
  readonly steps: readonly PlannedStep[];
  /**
   * Names of the steps that can start together, wave after wave, if each step took equally long. The
   * executor starts a step as soon as what it waits for is done, so a wave is never waited for.
   */
  readonly waves: readonly (readonly string[])[];
  /** Names of the steps whose results the end uses. */
  readonly endUses: readonly string[];
}

export interface PlannedStep {
  readonly index: number;
  readonly name: string;
  readonly kind: StepKind;
  readonly step: StoredStep;
  /** Only reads, so it may overlap with anything it does not depend on. */
  readonly isSafe: boolean;
  /** What must be done before it starts, in authored order. */
  readonly waitsFor: readonly Wait[];
  /** Which wave it is in, from 0. */
  readonly wave: number;
}

export interface Wait {
  readonly index: number;
  readonly name: string;
  readonly reason: WaitReason;
}

/**
 * `reference`: uses its result. `after`: says so. `order`: writes, so everything written before it
 * goes first. `exit`: one of the two may answer the client.
 */
export type WaitReason = "reference" | "after" | "order" | "exit";

/**
 * Plans a chain after checking it.
 *
 * @returns no value when {@link checkChain} finds something.
 */
export function planChain(chain: unknown): Checked<ChainPlan> {
  const { value, issues } = checkChain(chain);
  return value === undefined ? { issues } : { value: planChecked(value), issues };
}

/** Plans a chain that {@link checkChain} found nothing wrong with. */
export function planChecked(chain: StoredChain): ChainPlan {
  const steps: PlannedStep[] = [];
  for (const [index, step] of chain.steps.entries()) {
    const waitsFor = waitsOf(step, steps);
    const wave = waitsFor.reduce((last, wait) => Math.max(last, waveOf(steps, wait) + 1), 0);
    // Checked chains have a kind for each step.
    const kind = stepKind(step) ?? "value";
    steps.push({ index, name: step.name, kind, step, isSafe: isSafeStep(step), waitsFor, wave });
  }
  return { chain, steps, waves: toWaves(steps), endUses: usesOfEnd(chain) };
}

function waitsOf(step: StoredStep, earlier: readonly PlannedStep[]): readonly Wait[] {
  const heads = new Set<string>();
  for (const value of valuesOfStep(step)) collectHeads(value, heads);
  const after = new Set(step.after);
  const waitsForAll = step.exit !== undefined || !(isSafeStep(step) || step.parallel === true);
  const waits: Wait[] = [];
  for (const { index, name, kind } of earlier) {
    const reason: WaitReason | null = heads.has(name)
      ? "reference"
      : after.has(name)
        ? "after"
        : kind === "exit" || step.exit !== undefined
          ? "exit"
          : waitsForAll
            ? "order"
            : null;
    if (reason !== null) waits.push({ index, name, reason });
  }
  return waits;
}

function waveOf(steps: readonly PlannedStep[], wait: Wait): number {
  return steps[wait.index]?.wave ?? 0;
}

function toWaves(steps: readonly PlannedStep[]): readonly (readonly string[])[] {
  const waves: string[][] = [];
  for (const { name, wave } of steps) {
    waves[wave] ??= [];
    waves[wave].push(name);
  }
  return waves;
}

function usesOfEnd(chain: StoredChain): readonly string[] {
  if (chain.stream !== undefined) return [chain.stream];
  if (chain.forward !== undefined && chain.forward.body === undefined) {
    return chain.steps.map(({ name }) => name);
  }
  const heads = new Set<string>();
  for (const value of valuesOfEnd(chain)) collectHeads(value, heads);
  return chain.steps.map(({ name }) => name).filter((name) => heads.has(name));
}

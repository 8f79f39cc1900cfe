import type { StoredEach } from "@catena/ir";
import { arraySlices } from "@catena/json";
import type { CancelReason, CancelScope } from "@catena/upstream";
import type { CompileContext } from "../compile-context.ts";
import { chainErrors } from "../errors.ts";
import { wrapValueFault } from "../failure.ts";
import { linkedScope } from "../linked-scope.ts";
import { compileOnError, type ErrorRule } from "../policies/on-error.ts";
import type { Action, Guard, StepRun } from "../run-context.ts";
import { StepResult } from "../step-result.ts";
import type { CompiledValue } from "../values/compiled-value.ts";
import { type Raw, viewTrusted } from "../values/json-view.ts";
import { type Prepare, prepareAll } from "../values/value-context.ts";
import { type ActionPlace, compileAction } from "./compile-action.ts";
import { runAction } from "./run-action.ts";

interface Each {
  readonly items: CompiledValue;
  readonly prepares: readonly Prepare[];
  readonly action: Action;
  readonly onError: ErrorRule;
  readonly max: number;
  readonly concurrency: number;
  /** Items that have an undo behind them run to their end when another one fails. */
  readonly abortsOthers: boolean;
  readonly looksInto: () => boolean;
  readonly maxBytes: number;
}

/** Does something for each item of an array, a few at a time, results in the items' order. */
export function compileEach(
  stored: StoredEach,
  path: string,
  context: CompileContext,
  place: ActionPlace,
  guard: Guard,
): Action | null {
  const { values, limits } = context;
  const items = values.compile(stored.in, `${path}/in`);
  const prepares = values.takePrepares();
  const inner = { ...context, taint: context.taint.withItems(stored.in) };
  const action = compileAction(stored.do, `${path}/do`, inner, place);
  const onError = compileOnError(stored.on_error, `${path}/on_error`, context);
  if (action === null) return null;
  const each: Each = {
    items,
    prepares,
    action,
    onError,
    max: stored.max ?? limits.eachItems,
    concurrency: stored.concurrency ?? limits.eachConcurrency,
    abortsOthers: guard !== "protected",
    looksInto: place.looksInto,
    maxBytes: limits.mergedBytes,
  };
  return async (run) => await new EachRun(each, run, await readItems(each, run)).run();
}

async function readItems(each: Each, run: StepRun): Promise<readonly string[]> {
  let raw: Raw;
  try {
    if (each.prepares.length > 0) await prepareAll(each.prepares, run.scope);
    raw = each.items.json(run.scope);
  } catch (error) {
    throw wrapValueFault(error, run.label, "the items");
  }
  return checkItems(raw, each.max, run.label);
}

/** @throws CHAIN_EACH_NOT_ARRAY, CHAIN_EACH_TOO_MANY (422) */
export function checkItems(raw: Raw, max: number, step: string): readonly string[] {
  const items = raw === undefined ? null : arraySlices(raw);
  if (items === null) throw chainErrors.CHAIN_EACH_NOT_ARRAY({ step });
  if (items.length > max) throw chainErrors.CHAIN_EACH_TOO_MANY({ step, items: items.length, max });
  return items;
}

/** One request's pass over the items. */
class EachRun {
  readonly #each: Each;
  readonly #run: StepRun;
  readonly #items: readonly string[];
  readonly #results: string[];
  readonly #cancel: CancelScope;
  readonly #unlink: () => void;
  #next = 0;
  #done = 0;
  #bytes = 0;
  #failure: unknown = null;
  #exit: StepResult | null = null;

  constructor(each: Each, run: StepRun, items: readonly string[]) {
    this.#each = each;
    this.#run = run;
    this.#items = items;
    this.#results = new Array<string>(items.length).fill("null");
    const { scope, unlink } = linkedScope(run.cancel);
    this.#cancel = scope;
    this.#unlink = unlink;
  }

  async run(): Promise<StepResult> {
    const lanes = Math.min(this.#each.concurrency, this.#items.length);
    await Promise.all(Array.from({ length: lanes }, () => this.#lane()));
    this.#unlink();
    if (this.#failure !== null) {
      if (this.#done > 0) this.#run.effects.uncertain = true;
      throw this.#failure;
    }
    if (this.#exit !== null) return this.#exit;
    if (!this.#each.looksInto()) return new StepResult("done", null, null);
    return new StepResult("done", viewTrusted(`[${this.#results.join(",")}]`), null);
  }

  /** Takes one item after the other; never rejects. */
  async #lane(): Promise<void> {
    while (this.#failure === null && this.#exit === null && this.#next < this.#items.length) {
      const index = this.#next++;
      const scope = this.#run.scope.withItem(this.#items[index] ?? "null", index);
      const item = this.#run.forItem(scope, this.#cancel);
      try {
        this.#take(index, await runAction(this.#each.action, this.#each.onError, item));
      } catch (error) {
        this.#failure ??= error;
        if (this.#each.abortsOthers) this.#end("sibling-failed");
      }
    }
  }

  #take(index: number, result: StepResult): void {
    if (result.state === "exit") {
      this.#exit ??= result;
      this.#end("superseded");
      return;
    }
    if (result.state === "done") this.#done++;
    const raw = result.view?.raw ?? "null";
    this.#bytes += raw.length + 1;
    const { maxBytes } = this.#each;
    if (this.#bytes > maxBytes)
      throw chainErrors.CHAIN_MERGED_TOO_LARGE({ step: this.#run.label, maxBytes });
    this.#results[index] = raw;
  }

  #end(reason: CancelReason): void {
    this.#cancel.cancel(reason);
  }
}

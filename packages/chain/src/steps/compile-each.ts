import type { GatewayError } from "@catena/errors";
import type { StoredEach } from "@catena/ir";
import { arraySlices } from "@catena/json";
import type { CancelReason, CancelScope } from "@catena/upstream";
import type { CompileContext } from "../compile-context.ts";
import { chainErrors } from "../errors.ts";
import { wrapValueFault } from "../failure.ts";
import { linkedScope } from "../linked-scope.ts";
import { compileOnError, type ErrorRule } from "../policies/on-error.ts";
import type { Action, Guard, ResultTaker, StepRun } from "../run-context.ts";
import { StepResult } from "../step-result.ts";
import type { CompiledValue } from "../values/compiled-value.ts";
import { type Raw, viewTrusted } from "../values/json-view.ts";
import type { Scope } from "../values/scope.ts";
import { type Prepare, prepareAll } from "../values/value-context.ts";
import { type ActionPlace, compileAction } from "./compile-action.ts";
import { RuledRun } from "./ruled-run.ts";

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
  return new EachAction(each);
}

class EachAction implements Action {
  readonly #each: Each;

  constructor(each: Each) {
    this.#each = each;
  }

  start(run: StepRun, taker: ResultTaker): void {
    if (this.#each.prepares.length > 0) void this.#startLater(run, taker);
    else this.#begin(run, taker);
  }

  async #startLater(run: StepRun, taker: ResultTaker): Promise<void> {
    try {
      await prepareAll(this.#each.prepares, run.scope);
    } catch (error) {
      taker.fail(wrapValueFault(error, run.label, "the items"));
      return;
    }
    this.#begin(run, taker);
  }

  #begin(run: StepRun, taker: ResultTaker): void {
    let items: readonly string[];
    try {
      items = readItems(this.#each, run);
    } catch (error) {
      taker.fail(error);
      return;
    }
    new EachRun(this.#each, run, items, taker).fill();
  }
}

function readItems(each: Each, run: StepRun): readonly string[] {
  let raw: Raw;
  try {
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

/** One request's pass over the items: a few at a time, the next one when one is over. */
class EachRun {
  readonly each: Each;
  readonly run: StepRun;
  readonly cancel: CancelScope;
  readonly #items: readonly string[];
  readonly #taker: ResultTaker;
  readonly #results: string[];
  readonly #unlink: () => void;
  #next = 0;
  #open = 0;
  #isFilling = false;
  #done = 0;
  #bytes = 0;
  #failure: GatewayError | null = null;
  #exit: StepResult | null = null;

  constructor(each: Each, run: StepRun, items: readonly string[], taker: ResultTaker) {
    this.each = each;
    this.run = run;
    this.#items = items;
    this.#taker = taker;
    this.#results = new Array<string>(items.length).fill("null");
    const { scope, unlink } = linkedScope(run.cancel);
    this.cancel = scope;
    this.#unlink = unlink;
  }

  /** Starts as many items as may be in flight, and ends when none is left. */
  fill(): void {
    // An item that is over at once comes back here: the loop that began it goes on.
    if (this.#isFilling) return;
    this.#isFilling = true;
    while (this.#open < this.each.concurrency && this.#wantsMore()) this.#startItem(this.#next++);
    this.#isFilling = false;
    if (this.#open === 0) this.#finish();
  }

  #wantsMore(): boolean {
    return this.#failure === null && this.#exit === null && this.#next < this.#items.length;
  }

  #startItem(index: number): void {
    this.#open++;
    const scope = this.run.scope.withItem(this.#items[index] ?? "null", index);
    const item = new ItemRun(this, scope);
    this.each.action.start(item, item);
  }

  itemDone(index: number, result: StepResult): void {
    if (result.state === "exit") {
      this.#exit ??= result;
      this.#end("superseded");
    } else this.#keep(index, result);
    this.#itemOver();
  }

  itemFailed(failure: GatewayError): void {
    this.#fail(failure);
    this.#itemOver();
  }

  /** After everything else: items that are ended with this one are over before it is. */
  #itemOver(): void {
    this.#open--;
    this.fill();
  }

  #keep(index: number, result: StepResult): void {
    if (result.state === "done") this.#done++;
    const raw = result.view?.raw ?? "null";
    this.#bytes += raw.length + 1;
    const { maxBytes } = this.each;
    if (this.#bytes > maxBytes)
      this.#fail(chainErrors.CHAIN_MERGED_TOO_LARGE({ step: this.run.label, maxBytes }));
    else this.#results[index] = raw;
  }

  #fail(failure: GatewayError): void {
    this.#failure ??= failure;
    if (this.each.abortsOthers) this.#end("sibling-failed");
  }

  #end(reason: CancelReason): void {
    this.cancel.cancel(reason);
  }

  #finish(): void {
    this.#unlink();
    if (this.#failure !== null) {
      if (this.#done > 0) this.run.effects.uncertain = true;
      this.#taker.fail(this.#failure);
    } else this.#taker.take(this.#exit ?? this.#result());
  }

  #result(): StepResult {
    if (!this.each.looksInto()) return new StepResult("done", null, null);
    return new StepResult("done", viewTrusted(`[${this.#results.join(",")}]`), null);
  }
}

class ItemRun extends RuledRun {
  readonly #pass: EachRun;

  constructor(pass: EachRun, scope: Scope) {
    const { run, cancel } = pass;
    const { context, name, deadlineAt, effects } = run;
    const trace =
      context.trace === null
        ? null
        : context.trace.begin(`${name}[${scope.index}]`, context.clock.monotonicMs());
    super(context, scope, name, trace, cancel, deadlineAt, effects);
    this.#pass = pass;
  }

  get rule(): ErrorRule {
    return this.#pass.each.onError;
  }

  ended(result: StepResult): void {
    this.#pass.itemDone(this.scope.index, result);
  }

  failed(failure: GatewayError): void {
    this.#pass.itemFailed(failure);
  }
}

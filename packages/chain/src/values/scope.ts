import type { OperatorEnv, OperatorResponse } from "@catena/ir";
import type { StepResult } from "../step-result.ts";
import type { InputView } from "./input-view.ts";
import type { Raw } from "./json-view.ts";

/** What values are computed from; one per run, and one per `each` item. */
export class Scope implements OperatorEnv {
  readonly input: InputView;
  /** By the step's index; a hole until the step ended. */
  readonly results: readonly (StepResult | undefined)[];
  /** The `each` item and its place; `undefined` and -1 outside. */
  readonly item: Raw;
  readonly index: number;
  /** Results of values that had to be awaited, by their place in the compiled chain. */
  prepared: Map<number, Raw> | null = null;

  constructor(
    input: InputView,
    results: readonly (StepResult | undefined)[],
    item: Raw,
    index: number,
  ) {
    this.input = input;
    this.results = results;
    this.item = item;
    this.index = index;
  }

  /** When the request began, so that every `now` of it says the same. */
  now(): number {
    return this.input.startedAtMs;
  }

  uuid(): string {
    return crypto.randomUUID();
  }

  /** Never asked: operators on responses are compiled to read them directly. */
  response(): OperatorResponse | null {
    return null;
  }

  /** Never asked: an expression is computed ahead, see `compile-jsonata.ts`. */
  jsonata(): unknown {
    return undefined;
  }

  /** The scope of one item of an `each`. */
  withItem(item: string, index: number): Scope {
    return new Scope(this.input, this.results, item, index);
  }
}

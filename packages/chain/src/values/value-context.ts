import { type Issue, pointerSegment } from "@catena/errors";
import type { StoredValue } from "@catena/ir";
import type { CompiledValue } from "./compiled-value.ts";
import type { Scope } from "./scope.ts";

/** Computes a value that must be awaited and leaves it in the scope, before it is read. */
export type Prepare = (scope: Scope) => Promise<void>;

type ValueCompiler = (value: StoredValue, path: string, context: ValueContext) => CompiledValue;

/** What compiling the values of one chain needs to know, and what it finds out. */
export class ValueContext {
  /** Index by name, of the steps that may be referred to. */
  readonly steps: ReadonlyMap<string, number>;
  readonly issues: Issue[];
  /** Steps whose response body is looked into, so that it must be valid JSON. */
  readonly looksInto = new Set<number>();
  /** Those of them of which single members are read. */
  readonly readsMembers = new Set<number>();
  /** Steps whose result is passed on as it is, as bytes where it has them. */
  readonly passes = new Set<number>();
  /** Whether `input.body` is looked into. */
  looksIntoBody = false;
  /** Whether `input.body` is passed on as bytes. */
  passesBody = false;
  #prepares: Prepare[] = [];
  #preparedCount = 0;

  readonly #compile: ValueCompiler;

  constructor(steps: ReadonlyMap<string, number>, issues: Issue[], compile: ValueCompiler) {
    this.steps = steps;
    this.issues = issues;
    this.#compile = compile;
  }

  /** Compiles a part of a value. @param path JSON pointer to it. */
  compile(value: StoredValue, path: string): CompiledValue {
    return this.#compile(value, path, this);
  }

  issue(path: string, code: string, message: string): void {
    this.issues.push({ path, code, message });
  }

  segment(key: string | number): string {
    return pointerSegment(key);
  }

  /** Registers a value that must be awaited; the number is its key in `Scope.prepared`. */
  addPrepare(make: (key: number) => Prepare): number {
    const key = this.#preparedCount++;
    this.#prepares.push(make(key));
    return key;
  }

  /** The values to await that were compiled since the last call, in order. */
  takePrepares(): readonly Prepare[] {
    const taken = this.#prepares;
    this.#prepares = [];
    return taken;
  }
}

/** Awaits values one after the other: a later one may read an earlier one. */
export async function prepareAll(prepares: readonly Prepare[], scope: Scope): Promise<void> {
  for (const prepare of prepares) await prepare(scope);
}

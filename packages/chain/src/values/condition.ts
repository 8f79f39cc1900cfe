import type { StoredValue } from "@catena/ir";
import type { CompiledValue } from "./compiled-value.ts";
import type { Scope } from "./scope.ts";
import { holds } from "./structural.ts";
import { type Prepare, prepareAll, type ValueContext } from "./value-context.ts";

/** A value that decides something: only `true` does. */
export interface CompiledCondition {
  readonly value: CompiledValue;
  readonly prepares: readonly Prepare[];
}

export function compileCondition(
  stored: StoredValue,
  path: string,
  context: ValueContext,
): CompiledCondition {
  const value = context.compile(stored, path);
  return { value, prepares: context.takePrepares() };
}

/** Whether it holds; answers at once unless something in it must be awaited. */
export function isMet(condition: CompiledCondition, scope: Scope): boolean | Promise<boolean> {
  if (condition.prepares.length === 0) return holds(condition.value, scope);
  return prepareAll(condition.prepares, scope).then(() => holds(condition.value, scope));
}

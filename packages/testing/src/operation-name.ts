import type { Operation } from "@catena/dsl";

/** An operation by itself, or by its name: `users.get`, the step's where the call has none. */
export type OperationName = string | Operation<never, unknown>;

export function nameOf(operation: OperationName): string {
  return typeof operation === "string" ? operation : operation.name;
}

import type { StoredValue } from "@catena/ir";
import { operationReference } from "../reference.ts";
import type { Condition, Ref } from "../scope-types.ts";
import { toStored } from "../to-stored.ts";

/** A reference to what an operator computes of some values. */
export function refer<T>(op: string, ...args: readonly unknown[]): Ref<T> {
  return referStored(
    op,
    args.map((arg) => toStored(arg)),
  );
}

/** As above, for arguments that are in their stored form. */
export function referStored<T>(op: string, args: readonly StoredValue[]): Ref<T> {
  // A reference is data; what it will be is said by its type alone.
  return operationReference(op, args) as Ref<T>;
}

/** A comparison, or a combination of some. */
export function condition(op: string, ...args: readonly unknown[]): Condition {
  // As in referStored.
  return refer<boolean>(op, ...args) as Condition;
}

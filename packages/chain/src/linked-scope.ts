import { type CancelReason, CancelScope } from "@catena/upstream";

/** A scope that ends with its parent, until `unlink` is called, and can end alone. */
export interface LinkedScope {
  readonly scope: CancelScope;
  /** Lets go of the parent, so that it does not keep what is over. */
  unlink(): void;
}

export function linkedScope(parent: CancelScope): LinkedScope {
  const scope = new CancelScope();
  const listener = (reason: CancelReason): void => scope.cancel(reason);
  parent.onCancel(listener);
  return { scope, unlink: () => parent.offCancel(listener) };
}

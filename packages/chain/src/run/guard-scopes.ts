import { type CancelReason, CancelScope } from "@catena/upstream";
import type { CompiledChain } from "../compiled-chain.ts";
import type { Guard } from "../run-context.ts";

/** The three scopes of one run, by what may end what is in them. */
export class GuardScopes {
  readonly safe = new CancelScope();
  readonly unsafe = new CancelScope();
  readonly protected = new CancelScope();

  of(guard: Guard): CancelScope {
    return this[guard];
  }

  /** Ends everything that is in flight. */
  cancelAll(reason: CancelReason): void {
    this.safe.cancel(reason);
    this.unsafe.cancel(reason);
    this.protected.cancel(reason);
  }

  /**
   * Hands on what happens to the request. A client that leaves ends what the chain says it ends;
   * the deadline and a gateway that stops end all.
   *
   * @returns lets go of the request.
   */
  follow(request: CancelScope, onClientGone: CompiledChain["onClientGone"]): () => void {
    const listener = (reason: CancelReason): void => {
      if (reason !== "client-gone" || onClientGone === "abort") this.cancelAll(reason);
      else if (onClientGone === "safe") this.safe.cancel(reason);
    };
    request.onCancel(listener);
    return () => request.offCancel(listener);
  }

  /** Scopes of a chain run by a step of this one: they end with the same kind, and with the step. */
  nested(step: CancelScope): { readonly scopes: GuardScopes; unlink(): void } {
    const scopes = new GuardScopes();
    const links = (["safe", "unsafe", "protected"] as const).map((guard) => {
      // What the step is protected from does not reach into it either.
      const parent = step === this.protected ? step : this[guard];
      const listener = (reason: CancelReason): void => scopes[guard].cancel(reason);
      parent.onCancel(listener);
      return { parent, listener };
    });
    const onStep = (reason: CancelReason): void => {
      scopes.safe.cancel(reason);
      scopes.unsafe.cancel(reason);
    };
    step.onCancel(onStep);
    return {
      scopes,
      unlink: () => {
        step.offCancel(onStep);
        for (const { parent, listener } of links) parent.offCancel(listener);
      },
    };
  }
}

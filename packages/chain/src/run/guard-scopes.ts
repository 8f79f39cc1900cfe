import { type CancelReason, CancelScope } from "@catena/upstream";
import type { CompiledChain } from "../compiled-chain.ts";
import type { Guard } from "../run-context.ts";

type Listener = Parameters<CancelScope["onCancel"]>[0];

/**
 * The three scopes of one run, by what may end what is in them. Most chains only read: the scopes of
 * what writes are made when a step asks for them, ended if they were ended before.
 */
export class GuardScopes {
  readonly safe = new CancelScope();
  #unsafe: CancelScope | null = null;
  #protected: CancelScope | null = null;
  #unsafeReason: CancelReason | null = null;
  #protectedReason: CancelReason | null = null;
  #request: CancelScope | null = null;
  #listener: Listener | null = null;

  get unsafe(): CancelScope {
    this.#unsafe ??= scopeEndedBy(this.#unsafeReason);
    return this.#unsafe;
  }

  get protected(): CancelScope {
    this.#protected ??= scopeEndedBy(this.#protectedReason);
    return this.#protected;
  }

  of(guard: Guard): CancelScope {
    return this[guard];
  }

  /** Ends what is in flight of the unsafe steps. */
  cancelUnsafe(reason: CancelReason): void {
    this.#unsafeReason ??= reason;
    this.#unsafe?.cancel(reason);
  }

  /** Ends everything that is in flight. */
  cancelAll(reason: CancelReason): void {
    this.safe.cancel(reason);
    this.cancelUnsafe(reason);
    this.#protectedReason ??= reason;
    this.#protected?.cancel(reason);
  }

  /**
   * Hands on what happens to the request, until {@link unfollow}. A client that leaves ends what the
   * chain says it ends; the deadline and a gateway that stops end all.
   */
  follow(request: CancelScope, onClientGone: CompiledChain["onClientGone"]): void {
    const listener = (reason: CancelReason): void => {
      if (reason !== "client-gone" || onClientGone === "abort") this.cancelAll(reason);
      else if (onClientGone === "safe") this.safe.cancel(reason);
    };
    this.#request = request;
    this.#listener = listener;
    request.onCancel(listener);
  }

  /** Lets go of the request. */
  unfollow(): void {
    if (this.#listener !== null) this.#request?.offCancel(this.#listener);
  }

  /** Scopes of a chain run by a step of this one: they end with the same kind, and with the step. */
  nested(step: CancelScope): { readonly scopes: GuardScopes; unlink(): void } {
    const scopes = new GuardScopes();
    const links = GUARDS.map((guard) => {
      // What the step is protected from does not reach into it either.
      const parent = step === this.protected ? step : this[guard];
      const listener: Listener = (reason) => scopes[guard].cancel(reason);
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

const GUARDS = ["safe", "unsafe", "protected"] as const;

function scopeEndedBy(reason: CancelReason | null): CancelScope {
  const scope = new CancelScope();
  if (reason !== null) scope.cancel(reason);
  return scope;
}

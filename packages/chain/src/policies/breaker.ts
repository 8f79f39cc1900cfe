import { isGatewayError } from "@catena/errors";
import type { StoredPolicies } from "@catena/ir";
import { chainErrors } from "../errors.ts";
import { isServiceFault } from "../failure.ts";
import type { Send } from "../steps/send-call.ts";

type Policy = NonNullable<StoredPolicies["breaker"]>;

/**
 * Stops calling a service that keeps failing: after `failures` within `window` nothing is called for
 * `cooldown`, then one call decides. Shared by all requests of a step; the policy is the caller's,
 * so that a changed one counts at once.
 */
export class Breaker {
  /** When the last failures were, oldest first; never more than the policy counts. */
  readonly #failures: number[] = [];
  #openUntil = Number.NEGATIVE_INFINITY;
  #isOpen = false;
  #isProbing = false;

  /** Whether a call may be made; each that may is followed by one of the verdicts. */
  admits(nowMs: number): boolean {
    if (!this.#isOpen) return true;
    if (nowMs < this.#openUntil || this.#isProbing) return false;
    this.#isProbing = true;
    return true;
  }

  succeeded(): void {
    if (!this.#isOpen) {
      return;
    }
    this.#isOpen = false;
    this.#isProbing = false;
    this.#failures.length = 0;
  }

  failed(nowMs: number, policy: Policy): void {
    this.#isProbing = false;
    this.#failures.push(nowMs);
    while (this.#failures.length > policy.failures) this.#failures.shift();
    const [oldest] = this.#failures;
    const isTooMany =
      this.#failures.length === policy.failures &&
      oldest !== undefined &&
      nowMs - oldest <= policy.window;
    if (!this.#isOpen && !isTooMany) return;
    this.#isOpen = true;
    this.#openUntil = nowMs + policy.cooldown;
  }

  /** A call that was given up says nothing about the service. */
  abandoned(): void {
    this.#isProbing = false;
  }
}

/** @throws CHAIN_BREAKER_OPEN without calling. */
export function withBreaker(send: Send, breaker: Breaker, policy: Policy): Send {
  return async (rendered, run) => {
    const { clock } = run.context;
    if (!breaker.admits(clock.monotonicMs()))
      throw chainErrors.CHAIN_BREAKER_OPEN({ step: run.label });
    try {
      const reply = await send(rendered, run);
      if (reply.status >= 500) breaker.failed(clock.monotonicMs(), policy);
      else breaker.succeeded();
      return reply;
    } catch (error) {
      if (isGatewayError(error) && isServiceFault(error))
        breaker.failed(clock.monotonicMs(), policy);
      else breaker.abandoned();
      throw error;
    }
  };
}

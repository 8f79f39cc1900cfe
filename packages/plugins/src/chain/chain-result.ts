import type { ChainOutcome, OutcomeReceiver } from "@catena/chain";
import { LaterResult, type PluginLog, type RequestContext } from "@catena/pipeline";
import { applyForward, type ForwardOutcome, replyOf } from "./apply-outcome.ts";

/** What a chain's outcome is to the request it was run for. */
export class ChainResult extends LaterResult implements OutcomeReceiver {
  readonly #ctx: RequestContext;
  readonly #log: PluginLog;
  readonly #forwarded: WeakMap<RequestContext, ForwardOutcome> | null;

  /** @param forwarded keeps how requests are sent on, for those who ask later. */
  constructor(
    ctx: RequestContext,
    log: PluginLog,
    forwarded: WeakMap<RequestContext, ForwardOutcome> | null = null,
  ) {
    super();
    this.#ctx = ctx;
    this.#log = log;
    this.#forwarded = forwarded;
  }

  resolve(outcome: ChainOutcome): void {
    if (outcome.kind === "reply") {
      this.settle(replyOf(this.#ctx, outcome, this.#log));
      return;
    }
    this.#forwarded?.set(this.#ctx, outcome);
    this.settle(applyForward(this.#ctx, outcome));
  }

  reject(error: unknown): void {
    this.fail(error);
  }
}

import type { CallTarget, TargetCall } from "@catena/pipeline";
import type { ReplyReceiver, UpstreamReply } from "@catena/upstream";
import type { Action, ResultTaker, StepRun } from "../run-context.ts";
import type { StepResult } from "../step-result.ts";
import type { CallValues } from "../trace/call-values.ts";
import { noteCall, noteReply } from "../trace/note-call.ts";
import type { CompiledCall } from "./compile-call.ts";
import { handOver } from "./computed-action.ts";
import { renderCall } from "./render-call.ts";
import { onceCall, sendFailure } from "./send-call.ts";
import { takeReply } from "./take-reply.ts";

/**
 * A call that is sent once, whatever becomes of it, and waits for nothing before: most are such. It
 * has no promise; with one per call, its functions and its scopes, four calls cost a third more.
 */
export class DirectCall implements Action {
  readonly #call: CompiledCall;

  constructor(call: CompiledCall) {
    this.#call = call;
  }

  start(run: StepRun, taker: ResultTaker): void {
    const call = this.#call;
    let values: CallValues | null;
    let target: CallTarget;
    let sent: TargetCall;
    try {
      const rendered = renderCall(call, run);
      values = noteCall(call, rendered, run);
      target = rendered.target;
      sent = onceCall(call, rendered, run, run.cancel);
    } catch (error) {
      taker.fail(error);
      return;
    }
    const receiver = new DirectReply(call, values, run, taker);
    try {
      target.start(sent, receiver);
    } catch (error) {
      receiver.reject(error);
    }
  }
}

/** Makes a result of the reply to one call. */
class DirectReply implements ReplyReceiver {
  readonly #call: CompiledCall;
  readonly #values: CallValues | null;
  readonly #run: StepRun;
  readonly #taker: ResultTaker;

  constructor(call: CompiledCall, values: CallValues | null, run: StepRun, taker: ResultTaker) {
    this.#call = call;
    this.#values = values;
    this.#run = run;
    this.#taker = taker;
  }

  resolve(reply: UpstreamReply): void {
    const call = this.#call;
    const run = this.#run;
    let result: StepResult | Promise<StepResult>;
    try {
      if (this.#values !== null) noteReply(call, this.#values, reply, run);
      result = takeReply(call.rules, reply, run);
    } catch (error) {
      noteUnusable(call, reply, run);
      this.#taker.fail(error);
      return;
    }
    if (result instanceof Promise) void this.#takeLater(result, reply);
    else this.#taker.take(result);
  }

  reject(error: unknown): void {
    this.#taker.fail(sendFailure(this.#call, this.#run, error));
  }

  #takeLater(result: Promise<StepResult>, reply: UpstreamReply): Promise<void> {
    const taker = this.#taker;
    return handOver(result, {
      take: (taken) => taker.take(taken),
      fail: (error) => {
        noteUnusable(this.#call, reply, this.#run);
        taker.fail(error);
      },
    });
  }
}

/** A service that says it did it did, even if we cannot use what it says. */
export function noteUnusable(call: CompiledCall, reply: UpstreamReply, run: StepRun): void {
  if (!call.isSafe && reply.status < 300) run.effects.uncertain = true;
}

import { type GatewayError, isGatewayError } from "@catena/errors";
import type { CancelScope, UpstreamReply } from "@catena/upstream";
import { chainErrors } from "../errors.ts";
import { wrapCallFault } from "../failure.ts";
import { sendHedged } from "../policies/hedge.ts";
import { backoffMs, repeatsError } from "../policies/retry.ts";
import type { StepRun } from "../run-context.ts";
import { sleep } from "../wait.ts";
import type { CompiledCall, RenderedCall } from "./compile-call.ts";

/**
 * Sends a call until its policy is satisfied: with retries and hedges where both the policy and
 * safety allow them. An unsafe call is repeated only when nothing of it was sent, or under an
 * idempotency key (RFC 9110 §9.2.2).
 *
 * @throws CHAIN_STEP_UNREACHABLE, CHAIN_STEP_TIMEOUT, CHAIN_DEADLINE, CHAIN_RESPONSE_TOO_LARGE,
 *   CHAIN_CANCELLED
 */
export async function sendCall(
  call: CompiledCall,
  rendered: RenderedCall,
  run: StepRun,
): Promise<UpstreamReply> {
  const { retry } = call;
  for (let attempt = 1; ; attempt++) {
    const isLast = attempt >= retry.attempts;
    let reply: UpstreamReply | null = null;
    let fault: GatewayError | null = null;
    try {
      reply = await sendAttempt(call, rendered, run);
    } catch (error) {
      fault = isGatewayError(error)
        ? error
        : chainErrors.CHAIN_INTERNAL({ step: run.label }, error);
    }
    if (reply !== null) {
      if (isLast || !retry.onStatus.has(reply.status) || !mayRepeat(call, rendered, true))
        return reply;
      await drop(reply);
    } else if (fault !== null) {
      const wasSent = fault.details["sent"] !== false;
      if (isLast || !repeatsError(retry, fault) || !mayRepeat(call, rendered, wasSent))
        throw wrapCallFault(fault, run, call.maxBodyBytes);
    }
    const waitMs = backoffMs(retry, attempt + 1, run.context.random);
    if (waitMs >= run.remainingMs() || !(await sleep(waitMs, run.cancel))) {
      if (run.cancel.reason !== null)
        throw chainErrors.CHAIN_CANCELLED({ step: run.label, reason: run.cancel.reason });
      // Its body is gone, but its status is still the step's to judge.
      if (reply !== null) return reply;
      throw wrapCallFault(fault, run, call.maxBodyBytes);
    }
  }
}

function mayRepeat(call: CompiledCall, rendered: RenderedCall, wasSent: boolean): boolean {
  return call.isSafe || rendered.key !== null || !wasSent;
}

function sendAttempt(
  call: CompiledCall,
  rendered: RenderedCall,
  run: StepRun,
): Promise<UpstreamReply> {
  const { hedge } = call;
  return hedge === null
    ? sendOnce(call, rendered, run, run.cancel)
    : sendHedged(hedge, run.cancel, (cancel) => sendOnce(call, rendered, run, cancel));
}

function sendOnce(
  call: CompiledCall,
  rendered: RenderedCall,
  run: StepRun,
  cancel: CancelScope,
): Promise<UpstreamReply> {
  if (run.trace !== null) run.trace.attempts++;
  const { deadlineAt } = run;
  const { clock } = run.context;
  // A peer that trickles is bounded as a whole, so the attempt's end is passed as its deadline. Of a
  // stream only the head is bounded that way.
  const endsAt = call.buffered
    ? Math.min(deadlineAt, clock.monotonicMs() + call.timeoutMs)
    : deadlineAt;
  return rendered.target.send({
    method: rendered.method,
    target: rendered.path,
    headers: rendered.headers,
    body: rendered.body,
    timeoutMs: Math.min(call.timeoutMs, Math.max(0, run.remainingMs())),
    deadlineAt: endsAt,
    maxBodyBytes: call.maxBodyBytes,
    buffered: call.buffered,
    idempotent: call.isSafe || rendered.key !== null,
    cancel,
  });
}

/** A response that will not be used must not keep its connection. */
async function drop(reply: UpstreamReply): Promise<void> {
  if (reply.body instanceof ReadableStream) await reply.body.cancel();
}

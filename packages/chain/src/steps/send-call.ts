import type { GatewayError } from "@catena/errors";
import type { CallTarget, TargetCall } from "@catena/pipeline";
import type { CallBody, CancelScope, UpstreamReply } from "@catena/upstream";
import { chainErrors } from "../errors.ts";
import { asGatewayError, wrapCallFault } from "../failure.ts";
import { type Hedge, sendHedged } from "../policies/hedge.ts";
import { backoffMs, type Retry, repeatsError } from "../policies/retry.ts";
import type { SendRun, StepRun } from "../run-context.ts";
import { sleep } from "../wait.ts";

/** A call as it will be sent, on each attempt the same. */
export interface RenderedCall {
  readonly target: CallTarget;
  readonly targetKey: string;
  readonly method: string;
  /** Encoded path and query. */
  readonly path: string;
  readonly headers: readonly string[];
  readonly body: CallBody;
  /** Sent as `Idempotency-Key`. */
  readonly key: string | null;
}

/** How a call is sent, whatever it says. */
export interface SendPolicy {
  readonly isSafe: boolean;
  /** Per attempt. */
  readonly timeoutMs: number;
  readonly maxBodyBytes: number;
  readonly retry: Retry;
  readonly hedge: Hedge | null;
  readonly buffered: boolean;
}

/** Sends a rendered call and gives the response, whatever its status. */
export type Send = (rendered: RenderedCall, run: StepRun) => Promise<UpstreamReply>;

/**
 * Sends a call until its policy is satisfied: with retries and hedges where both the policy and
 * safety allow them. An unsafe call is repeated only when nothing of it was sent, or under an
 * idempotency key (RFC 9110 §9.2.2).
 *
 * @throws CHAIN_STEP_UNREACHABLE, CHAIN_STEP_TIMEOUT, CHAIN_DEADLINE, CHAIN_RESPONSE_TOO_LARGE,
 *   CHAIN_CANCELLED
 */
export async function sendCall(
  call: SendPolicy,
  rendered: RenderedCall,
  run: SendRun,
): Promise<UpstreamReply> {
  const { retry } = call;
  let mayHaveReached = false;
  for (let attempt = 1; ; attempt++) {
    const isLast = attempt >= retry.attempts;
    let reply: UpstreamReply | null = null;
    let fault: GatewayError | null = null;
    try {
      reply = await sendAttempt(call, rendered, run);
      if (isLast || !retry.onStatus.has(reply.status) || !mayRepeat(call, rendered, true))
        return reply;
      await drop(reply);
    } catch (error) {
      fault = asGatewayError(error, run.label);
      const wasSent = fault.details["sent"] !== false;
      mayHaveReached ||= wasSent;
      if (isLast || !repeatsError(retry, fault) || !mayRepeat(call, rendered, wasSent))
        throw giveUp(call, run, fault, mayHaveReached);
    }
    const waitMs = backoffMs(retry, attempt + 1, run.context.random);
    if (waitMs < run.remainingMs() && (await sleep(waitMs, run.cancel))) continue;
    // The body is gone, but the status is still the step's to judge.
    if (reply !== null && run.cancel.reason === null) return reply;
    const { reason } = run.cancel;
    if (reason !== null && reason !== "deadline") {
      noteEffects(call, run, mayHaveReached);
      throw chainErrors.CHAIN_CANCELLED({ step: run.label, reason });
    }
    throw giveUp(call, run, fault, mayHaveReached);
  }
}

function giveUp(
  call: SendPolicy,
  run: SendRun,
  fault: GatewayError | null,
  mayHaveReached: boolean,
): GatewayError {
  noteEffects(call, run, mayHaveReached);
  return fault === null
    ? chainErrors.CHAIN_DEADLINE({ step: run.label })
    : wrapCallFault(fault, run, call.maxBodyBytes);
}

function noteEffects(call: SendPolicy, run: SendRun, mayHaveReached: boolean): void {
  if (mayHaveReached && !call.isSafe) run.effects.uncertain = true;
}

function mayRepeat(call: SendPolicy, rendered: RenderedCall, wasSent: boolean): boolean {
  return call.isSafe || rendered.key !== null || !wasSent;
}

function sendAttempt(
  call: SendPolicy,
  rendered: RenderedCall,
  run: SendRun,
): Promise<UpstreamReply> {
  const { hedge } = call;
  return hedge === null
    ? sendOnce(call, rendered, run, run.cancel)
    : sendHedged(hedge, run.cancel, (cancel) => sendOnce(call, rendered, run, cancel));
}

/** Whether one attempt is all there is to sending a call. */
export function isSentOnce({ retry, hedge }: SendPolicy): boolean {
  return retry.attempts === 1 && hedge === null;
}

/** What {@link sendCall} would throw for what its only attempt was rejected with. */
export function sendFailure(call: SendPolicy, run: SendRun, error: unknown): GatewayError {
  const fault = asGatewayError(error, run.label);
  return giveUp(call, run, fault, fault.details["sent"] !== false);
}

/** One attempt; rejects as the transport does. */
function sendOnce(
  call: SendPolicy,
  rendered: RenderedCall,
  run: SendRun,
  cancel: CancelScope,
): Promise<UpstreamReply> {
  return rendered.target.send(onceCall(call, rendered, run, cancel));
}

/** One attempt at a call, made for being sent now. */
export function onceCall(
  call: SendPolicy,
  rendered: RenderedCall,
  run: SendRun,
  cancel: CancelScope,
): TargetCall {
  if (run.trace !== null) run.trace.attempts++;
  const { deadlineAt } = run;
  const nowMs = run.context.clock.monotonicMs();
  // A peer that trickles is bounded as a whole, so the attempt's end is passed as its deadline. Of a
  // stream only the head is bounded that way.
  const endsAt = call.buffered ? Math.min(deadlineAt, nowMs + call.timeoutMs) : deadlineAt;
  return {
    method: rendered.method,
    target: rendered.path,
    headers: rendered.headers,
    body: rendered.body,
    timeoutMs: Math.min(call.timeoutMs, Math.max(0, deadlineAt - nowMs)),
    deadlineAt: endsAt,
    maxBodyBytes: call.maxBodyBytes,
    buffered: call.buffered,
    idempotent: call.isSafe || rendered.key !== null,
    cancel,
    caller: run.caller,
  };
}

/** A response that will not be used must not keep its connection. */
async function drop(reply: UpstreamReply): Promise<void> {
  if (reply.body instanceof ReadableStream) await reply.body.cancel();
}

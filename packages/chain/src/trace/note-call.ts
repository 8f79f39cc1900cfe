import type { UpstreamReply } from "@catena/upstream";
import type { StepRun } from "../run-context.ts";
import type { RenderedCall } from "../steps/send-call.ts";
import type { CallValues } from "./call-values.ts";
import type { CallMask } from "./taint.ts";

interface Masked {
  readonly mask: CallMask;
}

/** Keeps what a call says where the trace keeps values; `null` where it does not. */
export function noteCall(
  { mask }: Masked,
  rendered: RenderedCall,
  { trace, context }: StepRun,
): CallValues | null {
  const values = context.trace?.values ?? null;
  if (values === null || trace === null) return null;
  trace.call = values.call(rendered, mask, context.masksAll);
  return trace.call;
}

/** Adds what the call was answered. */
export function noteReply(
  { mask }: Masked,
  values: CallValues,
  reply: UpstreamReply,
  { context }: StepRun,
): void {
  context.trace?.values?.reply(values, reply, context.masksAll || mask.reply);
}

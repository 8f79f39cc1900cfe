import { isGatewayError } from "@catena/errors";
import type { SendRun } from "../run-context.ts";
import { type RenderedCall, type SendPolicy, sendCall } from "../steps/send-call.ts";

/** There is nothing there to take back, which is as good where nobody knew. */
const NOTHING_THERE = new Set([404, 410]);

/**
 * Sends an undo call until it succeeds or its attempts are used up.
 *
 * @param isCertain whether the step did happen: then "not found" is no success.
 * @returns `null` when it is undone, else why not, without data of a response.
 */
export async function sendUndo(
  policy: SendPolicy,
  rendered: RenderedCall,
  run: SendRun,
  isCertain: boolean,
): Promise<string | null> {
  try {
    const { status } = await sendCall(policy, rendered, run);
    if (status >= 200 && status < 300) return null;
    return !isCertain && NOTHING_THERE.has(status) ? null : `answered ${status}`;
  } catch (error) {
    return isGatewayError(error) ? error.code : "failed inside the gateway";
  }
}

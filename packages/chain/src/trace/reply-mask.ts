import { checkChain } from "@catena/ir";
import { type Mask, SecretReplies, Taint } from "./taint.ts";

/**
 * What of a step chain's reply is derived from a secret.
 *
 * @param conf the chain as it is stored; of what is none, and of what is sent on, nothing is known.
 * @param chain the stored conf of another chain, by the name others use it by.
 */
export function replyMask(conf: unknown, chain: (id: string) => unknown): Mask {
  const { value: stored } = checkChain(conf);
  if (stored === undefined) return false;
  const taint = Taint.ofChain(stored, new SecretReplies(chain));
  if (stored.reply !== undefined) return taint.maskOf(stored.reply.body);
  const streamed = stored.steps.find(({ name }) => name === stored.stream)?.call;
  return streamed !== undefined && taint.callMask(streamed).reply;
}

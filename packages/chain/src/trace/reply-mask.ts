import { checkChain } from "@catena/ir";
import { type Mask, SecretReplies, Taint } from "./taint.ts";

/** What of a chain's own reply must not be shown. */
export interface ReplyMask {
  /** In lower case. */
  readonly headers: ReadonlySet<string>;
  readonly body: Mask;
}

/**
 * What of a step chain's reply is derived from a secret.
 *
 * @param conf the chain as it is stored; of what is none, and of what is sent on, nothing is known.
 * @param chain the stored conf of another chain, by the name others use it by.
 * @param exited the step that answered in place of the chain's end; `null`: none did.
 */
export function replyMask(
  conf: unknown,
  chain: (id: string) => unknown,
  exited: string | null = null,
): ReplyMask {
  const { value: stored } = checkChain(conf);
  if (stored === undefined) return { headers: new Set(), body: false };
  const taint = Taint.ofChain(stored, new SecretReplies(chain));
  const named = (name: string | undefined | null) =>
    stored.steps.find((step) => step.name === name);
  const streamed = exited === null ? named(stored.stream)?.call : undefined;
  if (streamed !== undefined) return { headers: new Set(), body: taint.callMask(streamed).reply };
  const answer = exited === null ? stored.reply : named(exited)?.exit;
  const headers = Object.entries(answer?.headers ?? {});
  return {
    headers: new Set(
      headers.filter(([, value]) => taint.isSecret(value)).map(([name]) => name.toLowerCase()),
    ),
    body: taint.maskOf(answer?.body),
  };
}

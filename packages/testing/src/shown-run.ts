import { replyMask } from "@catena/chain";
import type { ChainResult } from "./chain-result.ts";
import { toRecordedBody } from "./recorded-body.ts";
import type { Subject } from "./subject.ts";

/** A request and its reply with secrets masked. */
export interface ShownRun {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON or another text; `null` for none. */
  readonly body: string | null;
  /** Why it failed; `null` when it did not. */
  readonly reason: string | null;
  /** Calls that were not answered, each with why. */
  readonly faults: readonly string[];
  /** Of the calls of a step whose trace says nothing of them: `GET /x`. */
  callsOf(step: string): readonly string[];
}

/** Shows a run that kept its values. */
export function showRun(result: ChainResult, subject: Subject): ShownRun {
  const { end, calls } = result;
  const { values } = end.trace;
  if (values === null) throw new Error("the run kept no values");
  const mask = replyMask(
    subject.conf,
    (id) => subject.chain(id),
    result.steps.find(({ outcome }) => outcome === "exited")?.step,
  );
  const { headers, body } = values.ownReply(end.headers, end.bytes, mask);
  const hasText = body?.startsWith("(") === true && mask.body !== true;
  return {
    method: end.request.method,
    target: values.ownTarget(),
    headers,
    body: (hasText ? textOf(end.bytes, values) : null) ?? body,
    // An address may be computed, and so may be what it is computed from.
    reason: result.reason === null ? null : values.text(result.reason),
    faults: calls.flatMap(({ operation, fault }) =>
      fault === undefined ? [] : [`${operation}: ${values.text(fault)}`],
    ),
    callsOf: (step) =>
      calls
        .filter(({ operation }) => operation === step)
        .map(({ method, target }) => `${method} ${values.text(target)}`),
  };
}

/** Text other than JSON, which says nothing of what in it is secret; `null` for anything else. */
function textOf(bytes: Uint8Array | null, values: { text(text: string): string }): string | null {
  if (toRecordedBody(bytes).base64 !== undefined) return null;
  const text = new TextDecoder().decode(bytes ?? new Uint8Array());
  try {
    JSON.parse(text);
    return null;
  } catch {
    return values.text(text);
  }
}

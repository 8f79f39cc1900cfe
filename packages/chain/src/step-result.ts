import type { JsonView } from "./values/json-view.ts";

/** The response a call got, as far as it is kept. */
export interface StepReply {
  readonly status: number;
  /** Flat list, repeated names kept apart. */
  readonly headers: readonly string[];
  /** As received; a stream only for the step a chain streams. */
  readonly body: Uint8Array | ReadableStream<Uint8Array> | null;
}

/** An answer to the client. */
export interface ChainReply {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: string | Uint8Array | null;
}

/** `degraded`: a fallback stands in for a result, which must not be remembered. */
export type ResultState = "done" | "skipped" | "degraded" | "exit";

/** What a step left behind for those after it. */
export class StepResult {
  readonly state: ResultState;
  /** `null`: nothing to refer to, or a response whose body nobody looks into. */
  readonly view: JsonView | null;
  /** `null` for a step without a response. */
  readonly reply: StepReply | null;
  /** With state `exit`: what the client is answered now. */
  readonly exit: ChainReply | null;

  constructor(
    state: ResultState,
    view: JsonView | null,
    reply: StepReply | null,
    exit: ChainReply | null = null,
  ) {
    this.state = state;
    this.view = view;
    this.reply = reply;
    this.exit = exit;
  }
}

/** A step that did not run, or whose failure was to be passed over: references are `undefined`. */
export const SKIPPED = new StepResult("skipped", null, null);

/** First value of a response header, name in lower case; `null` when absent. */
export function replyHeader(reply: StepReply, name: string): string | null {
  const { headers } = reply;
  for (let i = 0; i < headers.length; i += 2)
    if (isName(headers[i] ?? "", name)) return headers[i + 1] ?? null;
  return null;
}

/** Every value of a response header, in the order received; `Set-Cookie` is never joined. */
export function replyHeaders(reply: StepReply, name: string): readonly string[] {
  const { headers } = reply;
  const values: string[] = [];
  for (let i = 0; i < headers.length; i += 2)
    if (isName(headers[i] ?? "", name)) values.push(headers[i + 1] ?? "");
  return values;
}

function isName(written: string, lower: string): boolean {
  return written.length === lower.length && written.toLowerCase() === lower;
}

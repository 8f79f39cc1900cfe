import { CancelScope, type UpstreamReply } from "@catena/upstream";
import { chainErrors } from "../errors.ts";
import { wrapValueFault } from "../failure.ts";
import type { StepRun } from "../run-context.ts";
import type { RenderedCall, Send } from "../steps/send-call.ts";
import type { CompiledValue } from "../values/compiled-value.ts";
import { type Prepare, prepareAll } from "../values/value-context.ts";
import { waitFor } from "../wait.ts";
import { digest } from "./digest.ts";

/** A call that several requests wait for. */
interface Flight {
  readonly reply: Promise<UpstreamReply>;
  readonly cancel: CancelScope;
  waiters: number;
}

export type Flights = Map<string, Flight>;

/** What tells equal calls from others; without values everything that is sent does. */
export interface CoalesceKey {
  readonly place: string;
  readonly values: readonly CompiledValue[] | null;
  readonly prepares: readonly Prepare[];
}

/**
 * Sends equal calls once while one of them is in flight. Only what the service answered is shared:
 * each request judges it by its own rules and values. The call lives as long as anyone waits for it,
 * whoever sent it, and requests whose clients sent other credentials never share one.
 */
export function withCoalescing(send: Send, flights: Flights, key: CoalesceKey): Send {
  return async (rendered, run) => {
    if (key.prepares.length > 0) await prepareAll(key.prepares, run.scope);
    const own = flightKey(key, rendered, run);
    const joined = flights.get(own);
    if (joined !== undefined && run.trace !== null) run.trace.reason = "joined";
    const flight = joined ?? launch(send, flights, own, rendered, run);
    flight.waiters++;
    try {
      const waited = await waitFor(flight.reply, run.remainingMs(), run.cancel);
      if ("value" in waited) return waited.value;
      throw waited.ended === "deadline"
        ? chainErrors.CHAIN_DEADLINE({ step: run.label })
        : chainErrors.CHAIN_CANCELLED({ step: run.label, reason: waited.ended });
    } finally {
      flight.waiters--;
      if (flight.waiters === 0) {
        if (flights.get(own) === flight) flights.delete(own);
        flight.cancel.cancel("superseded");
      }
    }
  };
}

function launch(
  send: Send,
  flights: Flights,
  key: string,
  rendered: RenderedCall,
  run: StepRun,
): Flight {
  const cancel = new CancelScope();
  // Bounded by the timeouts of its attempts and by the deadlines of those who wait.
  const reply = send(rendered, run.under(cancel, Number.POSITIVE_INFINITY)).finally(() => {
    if (flights.get(key) === flight) flights.delete(key);
  });
  const flight: Flight = { reply, cancel, waiters: 0 };
  flights.set(key, flight);
  return flight;
}

function flightKey({ place, values }: CoalesceKey, rendered: RenderedCall, run: StepRun): string {
  const parts = [place, run.label, run.context.identity(), rendered.targetKey];
  if (values !== null) {
    try {
      for (const value of values) parts.push(value.json(run.scope) ?? "");
    } catch (error) {
      throw wrapValueFault(error, run.label, "the key");
    }
    return digest(parts);
  }
  const { method, path, headers, body } = rendered;
  parts.push(method, path, ...headers);
  // A stream cannot be compared, nor sent twice: its call is one of its own.
  if (body instanceof ReadableStream) parts.push(crypto.randomUUID());
  return digest(parts, body instanceof ReadableStream ? null : body);
}

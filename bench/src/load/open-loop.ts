import { percentile } from "../measure/statistics.ts";
import { type CallEnd, LoadConnection } from "./connection.ts";
import type { PacerOrder } from "./pacer.worker.ts";

export interface OpenLoopOrder {
  readonly port: number;
  readonly ratePerSecond: number;
  readonly seconds: number;
  /** Whole HTTP/1.1 requests; taken in turn. */
  readonly requests: readonly Uint8Array[];
  readonly maxConnections: number;
  readonly timeoutMs: number;
}

/** `errors` counts every request that was due and got no 2xx reply. */
export interface OpenLoopResult {
  readonly due: number;
  readonly ok: number;
  readonly errors: { readonly status: number; readonly socket: number; readonly timeout: number };
  /** Ascending, one per request that was due, failed ones included. */
  readonly latenciesMs: readonly number[];
  /** How late this client itself was in sending; it is part of every latency above. */
  readonly ownDelayP99Ms: number;
}

/**
 * Sends requests at a fixed rate whether or not earlier ones were answered, and counts a latency from
 * the moment the request was DUE. A stall therefore shows in every request that fell into it, not in
 * one (coordinated omission). A request that finds no free connection waits, and its wait counts.
 */
export async function runOpenLoop(order: OpenLoopOrder): Promise<OpenLoopResult> {
  const run = new OpenLoopRun(order);
  return await run.finish();
}

class OpenLoopRun {
  readonly #order: OpenLoopOrder;
  readonly #due: number;
  readonly #startAt: number;
  readonly #idle: LoadConnection[] = [];
  readonly #waiting: number[] = [];
  readonly #inFlight = new Map<LoadConnection, number>();
  readonly #latencies: Float64Array;
  readonly #delays: Float64Array;
  readonly #ends: Record<CallEnd, number> = { ok: 0, status: 0, socket: 0, timeout: 0 };
  readonly #done = Promise.withResolvers<void>();
  #opened = 0;
  #next = 0;
  #sent = 0;
  #ended = 0;

  constructor(order: OpenLoopOrder) {
    this.#order = order;
    this.#due = Math.max(1, Math.round(order.ratePerSecond * order.seconds));
    this.#latencies = new Float64Array(this.#due);
    this.#delays = new Float64Array(this.#due);
    this.#startAt = epochMs() + 100;
  }

  async finish(): Promise<OpenLoopResult> {
    const pacer = new Worker(new URL("./pacer.worker.ts", import.meta.url).href);
    pacer.onmessage = () => this.#sendDue();
    pacer.onerror = (event) => this.#done.reject(new Error(`pacer failed: ${event.message}`));
    const sweep = setInterval(() => this.#endOverdue(), 50);
    const pace: PacerOrder = {
      startAt: this.#startAt,
      ratePerSecond: this.#order.ratePerSecond,
      count: this.#due,
    };
    pacer.postMessage(pace);
    try {
      await this.#done.promise;
    } finally {
      clearInterval(sweep);
      pacer.terminate();
      for (const connection of this.#idle) connection.abandon("socket");
    }
    return this.#result();
  }

  #dueAt(index: number): number {
    return this.#startAt + (index * 1000) / this.#order.ratePerSecond;
  }

  #sendDue(): void {
    const now = epochMs();
    while (this.#next < this.#due && this.#dueAt(this.#next) <= now) {
      this.#waiting.push(this.#next);
      this.#next += 1;
    }
    this.#drainWaiting();
  }

  #drainWaiting(): void {
    while (this.#waiting.length > 0) {
      const connection = this.#takeConnection();
      if (connection === null) return;
      const index = this.#waiting.shift();
      if (index !== undefined) this.#sendOn(connection, index);
    }
  }

  #takeConnection(): LoadConnection | null {
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    if (this.#opened >= this.#order.maxConnections) return null;
    this.#opened += 1;
    return new LoadConnection((connection) => {
      this.#inFlight.delete(connection);
      this.#idle.push(connection);
      if (this.#waiting.length > 0) queueMicrotask(() => this.#drainWaiting());
    });
  }

  #sendOn(connection: LoadConnection, index: number): void {
    const request = this.#order.requests[index % this.#order.requests.length];
    if (request === undefined) return;
    this.#inFlight.set(connection, index);
    this.#delays[this.#sent] = epochMs() - this.#dueAt(index);
    this.#sent += 1;
    connection.send(this.#order.port, request, (end) => this.#record(index, end));
  }

  #record(index: number, end: CallEnd): void {
    this.#latencies[this.#ended] = epochMs() - this.#dueAt(index);
    this.#ends[end] += 1;
    this.#ended += 1;
    if (this.#ended === this.#due) this.#done.resolve();
  }

  /** Also ends what is still waiting for a connection: a saturated server must not hang the run. */
  #endOverdue(): void {
    this.#sendDue();
    const now = epochMs();
    for (const [connection, index] of [...this.#inFlight]) {
      if (now - this.#dueAt(index) > this.#order.timeoutMs) connection.abandon("timeout");
    }
    while (
      this.#waiting[0] !== undefined &&
      now - this.#dueAt(this.#waiting[0]) > this.#order.timeoutMs
    ) {
      const index = this.#waiting.shift();
      if (index !== undefined) this.#record(index, "timeout");
    }
  }

  #result(): OpenLoopResult {
    // Failed requests stay in: leaving a timeout out would make a failing server look fast.
    const latencies = [...this.#latencies.toSorted()];
    const delays = this.#delays.subarray(0, this.#sent).toSorted();
    const { ok, ...errors } = this.#ends;
    return {
      due: this.#due,
      ok,
      errors,
      latenciesMs: latencies.map((latency) => Math.round(latency * 1000) / 1000),
      ownDelayP99Ms: percentile(delays, 99),
    };
  }
}

function epochMs(): number {
  return performance.timeOrigin + performance.now();
}

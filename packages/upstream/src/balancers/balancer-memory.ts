/** How a node did lately. */
export interface NodeLatency {
  /** Milliseconds to a reply's head, weighted towards the present; 0 while nothing is known. */
  averageMs: number;
  /** When it was measured last, on the clock of the balancers. */
  measuredAt: number;
  /** Tries under way. */
  pending: number;
}

/** Calls of one node that are under way. */
export interface NodeLoad {
  active: number;
}

/** Latencies nobody asked for this long are forgotten (the TTL of APISIX's shared dictionary). */
const LATENCY_TTL_MS = 60_000;
/** Latencies kept before old ones are looked for. */
const LATENCIES_KEPT = 4_096;

/**
 * What balancers know across configuration changes; one per process. Latencies belong to an address,
 * whichever upstream uses it; counts of calls belong to an upstream (apisix/balancer/ewma.lua,
 * least_conn.lua).
 */
export class BalancerMemory {
  readonly #latencies = new Map<string, NodeLatency>();
  readonly #loads = new Map<string, Map<string, WeakRef<NodeLoad>>>();

  /** @param label `host:port` */
  latencyOf(label: string, now: number): NodeLatency {
    const known = this.#latencies.get(label);
    if (known !== undefined) return known;
    if (this.#latencies.size >= LATENCIES_KEPT) this.#forgetOld(now);
    const latency = { averageMs: 0, measuredAt: now, pending: 0 };
    this.#latencies.set(label, latency);
    return latency;
  }

  /**
   * The counts of an upstream's nodes. A count lives as long as a balancer or a call that uses it, so
   * that nodes which come back find the calls they still carry.
   */
  loadsOf(owner: string, labels: readonly string[]): readonly NodeLoad[] {
    const known = this.#loads.get(owner) ?? new Map<string, WeakRef<NodeLoad>>();
    this.#loads.set(owner, known);
    for (const [label, load] of known) if (load.deref() === undefined) known.delete(label);
    return labels.map((label) => {
      const load = known.get(label)?.deref() ?? { active: 0 };
      known.set(label, new WeakRef(load));
      return load;
    });
  }

  /** Forgets an upstream that is no longer configured. */
  forget(owner: string): void {
    this.#loads.delete(owner);
  }

  #forgetOld(now: number): void {
    for (const [label, latency] of this.#latencies)
      if (latency.pending === 0 && now - latency.measuredAt > LATENCY_TTL_MS)
        this.#latencies.delete(label);
  }
}

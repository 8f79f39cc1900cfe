import type { NodeHealth } from "../node.ts";
import type { Resolver } from "../resolver.ts";
import type { Transport } from "../transport/transport.ts";
import {
  type CheckSetup,
  HealthChecker,
  type HealthReport,
  type HealthTurn,
} from "./health-checker.ts";

export interface HealthChecksOptions {
  readonly transport: Transport;
  readonly resolver: Resolver;
  /** `false` for APISIX's `disable_upstream_healthcheck`: no upstream is checked. */
  readonly isEnabled?: boolean;
  readonly onTurn?: (turn: HealthTurn) => void;
  readonly random?: () => number;
  readonly now?: () => number;
}

/** Checks that are bound to one upstream. */
export interface BoundChecks {
  readonly checker: HealthChecker;
  /** In the order of the setup's nodes. */
  readonly nodes: readonly NodeHealth[];
}

/** lua-resty-healthcheck looks ten times a second for probes that are due, a tenth of that jittered. */
const TICK_MS = 100;
const JITTER_MS = 10;
/** From an upstream's first use to the start of its checks: APISIX starts new ones once a second. */
const START_MS = 500;
/** A checker whose upstream changed waits this long for the upstream to be compiled anew. */
const ORPHAN_MS = 10_000;

/**
 * The checkers of all upstreams, one per owner. They outlive the plans that use them: an upstream that
 * is compiled anew finds its checker, and the targets that stay keep their state. One timer serves
 * all; it runs while something is checked, and does not keep the process alive.
 */
export class HealthChecks {
  readonly #options: HealthChecksOptions;
  readonly #checkers = new Map<string, HealthChecker>();
  /** Owners that changed, and when their checkers are given up. */
  readonly #orphans = new Map<string, number>();
  readonly #now: () => number;
  readonly #random: () => number;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #startsAt = 0;

  constructor(options: HealthChecksOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#random = options.random ?? Math.random;
  }

  /** @returns `null` when health checks are switched off. */
  bind(owner: string, setup: CheckSetup): BoundChecks | null {
    if (this.#options.isEnabled === false) return null;
    this.#orphans.delete(owner);
    const checker = this.#checkers.get(owner) ?? this.#make(owner, setup);
    this.#checkers.set(owner, checker);
    return { checker, nodes: checker.bind(setup) };
  }

  /**
   * The owner changed: unless it is bound again within 10 s, its checker ends. Until then the checker
   * goes on for the requests that still use it.
   */
  changed(owner: string): void {
    const checker = this.#checkers.get(owner);
    if (checker === undefined) return;
    if (checker.isWanted) this.#orphans.set(owner, this.#now() + ORPHAN_MS);
    else this.release(owner);
  }

  /** The owner has no checks any more: its checker ends at once. */
  release(owner: string): void {
    this.#orphans.delete(owner);
    this.#checkers.get(owner)?.stop();
    this.#checkers.delete(owner);
  }

  /** Every checker's state, in the order of their making. */
  reports(): readonly HealthReport[] {
    return [...this.#checkers.values()].map((checker) => checker.report());
  }

  /** `null` when the owner has no checker: it has no checks, or was not compiled yet. */
  reportOf(owner: string): HealthReport | null {
    return this.#checkers.get(owner)?.report() ?? null;
  }

  /** Ends all checkers and the timer. */
  close(): void {
    for (const owner of [...this.#checkers.keys()]) this.release(owner);
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** One look at everything that may be due; the timer calls it. */
  tick(): void {
    const now = this.#now();
    for (const [owner, endsAt] of this.#orphans) if (now >= endsAt) this.release(owner);
    const startsNew = now >= this.#startsAt;
    if (startsNew) this.#startsAt = now + START_MS;
    for (const checker of this.#checkers.values()) {
      if (startsNew && checker.isWanted) checker.run();
      checker.tick(now);
    }
  }

  #make(owner: string, setup: CheckSetup): HealthChecker {
    const { transport, resolver, onTurn = () => {} } = this.#options;
    const services = { transport, resolver, now: this.#now, onTurn };
    return new HealthChecker(owner, setup, services, () => this.#wake());
  }

  #wake(): void {
    if (this.#timer !== null) return;
    this.#startsAt = this.#now() + START_MS;
    this.#arm();
  }

  #arm(): void {
    const delay = TICK_MS + this.#random() * JITTER_MS;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.tick();
      if (this.#checkers.values().some((checker) => checker.isWanted)) this.#arm();
    }, delay);
    this.#timer.unref();
  }
}

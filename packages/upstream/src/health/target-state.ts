import type { FailureLimits } from "./check-policy.ts";

/** `mostly_*`: the last reports speak against the state, but not often enough yet. */
export type HealthState = "healthy" | "mostly_healthy" | "mostly_unhealthy" | "unhealthy";

export type FailureKind = keyof FailureLimits;

/** Reports in a row, as the control API shows them. */
export interface HealthCounters {
  success: number;
  http: number;
  tcp: number;
  timeout: number;
}

/**
 * The health of one address as lua-resty-healthcheck keeps it: a failure clears the successes, a
 * success clears the failures of every kind, and a full count turns the state.
 */
export class TargetState {
  state: HealthState = "healthy";
  readonly counters: HealthCounters = { success: 0, http: 0, tcp: 0, timeout: 0 };

  get isUp(): boolean {
    return this.state === "healthy" || this.state === "mostly_healthy";
  }

  /** @param limit successes that make the target healthy; 0 ignores the report. */
  succeed(limit: number): void {
    if (limit === 0 || this.state === "healthy") return;
    const { counters } = this;
    counters.success += 1;
    counters.http = 0;
    counters.tcp = 0;
    counters.timeout = 0;
    if (counters.success >= limit) this.state = "healthy";
    else if (this.state === "unhealthy") this.state = "mostly_unhealthy";
  }

  /** @param limit failures of this kind that make the target unhealthy; 0 ignores the report. */
  fail(kind: FailureKind, limit: number): void {
    if (limit === 0 || this.state === "unhealthy") return;
    this.counters[kind] += 1;
    this.counters.success = 0;
    if (this.counters[kind] >= limit) this.state = "unhealthy";
    else if (this.state === "healthy") this.state = "mostly_healthy";
  }

  /** New checks judge anew: what was nearly turned is not carried over. */
  settle(): void {
    this.state = this.isUp ? "healthy" : "unhealthy";
  }
}

import { type HostFilter, passesHost } from "./host-filter.ts";
import type { Ranked } from "./match-order.ts";
import { type Captures, capture, fitsPattern, type PathPattern } from "./path-pattern.ts";

/** Why a candidate does not take a request; `null` when it does. */
export type Refusal = "method" | "host" | "path" | "predicate";

/** One path pattern of one route under one host: what the tables hold, and what a match returns. */
export class Candidate<P, R> implements Ranked {
  readonly payload: P;
  readonly id: string;
  readonly pattern: string;
  /** The host pattern under which it is listed; empty for any host. */
  readonly host: string;
  readonly priority: number;
  readonly sequence: number;
  readonly ordinal: number;
  readonly parsed: PathPattern;
  readonly #methods: ReadonlySet<string> | null;
  readonly #hosts: HostFilter | null;
  readonly #accepts: ((request: R) => boolean) | null;

  constructor(fields: {
    readonly payload: P;
    readonly id: string;
    readonly host: string;
    readonly priority: number;
    readonly sequence: number;
    readonly ordinal: number;
    readonly parsed: PathPattern;
    readonly methods: ReadonlySet<string> | null;
    readonly hosts: HostFilter | null;
    readonly accepts: ((request: R) => boolean) | null;
  }) {
    this.payload = fields.payload;
    this.id = fields.id;
    this.pattern = fields.parsed.text;
    this.host = fields.host;
    this.priority = fields.priority;
    this.sequence = fields.sequence;
    this.ordinal = fields.ordinal;
    this.parsed = fields.parsed;
    this.#methods = fields.methods;
    this.#hosts = fields.hosts;
    this.#accepts = fields.accepts;
  }

  /**
   * Holds a request that has this candidate's literal against the other conditions. The outcome does
   * not depend on their order; the predicate comes last because it may be costly.
   */
  refusal(host: string, path: string, method: string, request: R, rawHost: string): Refusal | null {
    if (this.#methods !== null && !this.#methods.has(method)) return "method";
    if (this.#hosts !== null && !passesHost(this.#hosts, host, rawHost)) return "host";
    if (!fitsPattern(this.parsed, path)) return "path";
    return this.#accepts === null || this.#accepts(request) ? null : "predicate";
  }

  params(path: string): Captures | null {
    return capture(this.parsed, path);
  }
}

import type { UpstreamPlan } from "@catena/upstream";

/** One try of a request at a node; times are `performance.now()` milliseconds. */
export interface UpstreamTry {
  /** As it was connected to: an IP address, unless the system resolves names. */
  readonly address: string;
  readonly port: number;
  readonly startedAt: number;
  /** When the reply's head was there, or the try failed; `null` while it is under way. */
  headAt: number | null;
  /** Of the reply, or the one that stands for the failure; `null` while it is under way. */
  status: number | null;
}

/** What plugins decided about how a request is sent on; made only for requests of which one did. */
export class Sending {
  /** In place of the route's; `null` leaves the route's. */
  upstream: UpstreamPlan | null = null;
  /** Filled with every try, in order, once a plugin asked for them; `null` when nobody did. */
  tries: UpstreamTry[] | null = null;
}

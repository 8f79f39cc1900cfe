import type { PhaseHandlers } from "@catena/pipeline";
import type { CallTimeouts, UpstreamPlan } from "@catena/upstream";

/**
 * Everything needed to serve one route, decided when the configuration changed. Immutable: a request
 * keeps the plan it was matched with to its end, so it never mixes two configurations.
 */
export interface RoutePlan {
  readonly id: string;
  readonly handlers: PhaseHandlers;
  /** `null`: the route has none, and answers 503 unless a plugin ends the request. */
  readonly upstream: UpstreamPlan | null;
  /** The route's own timeouts, which win over the upstream's. */
  readonly timeouts: CallTimeouts | null;
  /** Status to answer at once because something the route refers to is missing; else `null`. */
  readonly unavailable: number | null;
}

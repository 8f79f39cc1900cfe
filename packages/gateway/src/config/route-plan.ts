import type { Consumer, PhaseHandlers } from "@catena/pipeline";
import type { CallTimeouts, UpstreamPlan } from "@catena/upstream";
import type { ConsumerPlan } from "./consumer-plans.ts";

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
  /** What changes once it is known who asks; `null` for nothing. */
  forConsumer(consumer: Consumer): ConsumerPlan | null;
  /** Whether a request for a WebSocket is passed on as one. */
  readonly webSocket: boolean;
  readonly routeName: string;
  readonly serviceId: string;
  readonly serviceName: string;
  /** No route matched; the plan holds global rules alone. */
  readonly isUnmatched: boolean;
  /** Status to answer at once because something the route refers to is missing; else `null`. */
  readonly unavailable: number | null;
}

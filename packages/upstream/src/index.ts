export type { Balancer } from "./balancers/balancer.ts";
export {
  compileTimeouts,
  compileUpstream,
  type UpstreamPlan,
  type UpstreamServices,
} from "./compile-upstream.ts";
export { upstreamErrors } from "./errors.ts";
export { type ForwardedFor, requestHeaders, responseHeaders } from "./headers.ts";
export { makeOrigin, type Node, type OriginSettings } from "./node.ts";
export { type Address, createResolver, type Resolver, type ResolverOptions } from "./resolver.ts";
export { type OutgoingRequest, sendToUpstream } from "./send-to-upstream.ts";
export { type CancelReason, CancelScope } from "./transport/cancel-scope.ts";
export { createTransport, type TransportName } from "./transport/create-transport.ts";
export { createFetchTransport } from "./transport/fetch-transport.ts";
export type {
  CallBody,
  CallTimeouts,
  KeepalivePolicy,
  Origin,
  OriginTls,
  Transport,
  TransportStats,
  UpstreamCall,
  UpstreamReply,
} from "./transport/transport.ts";
export { createWireTransport, type WireOptions } from "./transport/wire/wire-transport.ts";

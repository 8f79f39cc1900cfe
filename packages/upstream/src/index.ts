export { upstreamErrors } from "./errors.ts";
export { type CancelReason, CancelScope } from "./transport/cancel-scope.ts";
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

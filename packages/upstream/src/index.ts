export type { Balancer } from "./balancers/balancer.ts";
export {
  compileTimeouts,
  compileUpstream,
  type UpstreamPlan,
  type UpstreamServices,
} from "./compile-upstream.ts";
export type { Discovery, FoundNode } from "./discovery/discovery.ts";
export {
  createDnsDiscovery,
  type DnsDiscoveryOptions,
  type RecordKind,
} from "./discovery/dns-discovery.ts";
export { createDnsClient, type DnsClient, type DnsClientOptions } from "./dns/dns-client.ts";
export { dnsLookup } from "./dns/dns-lookup.ts";
export { upstreamErrors } from "./errors.ts";
export type { ReadHashKey } from "./hash-key.ts";
export { type ForwardedFor, requestHeaders, requestLines, responseHeaders } from "./headers.ts";
export type { HealthReport, HealthReportNode, HealthTurn } from "./health/health-checker.ts";
export { makeOrigin, type Node, type OriginSettings } from "./node.ts";
export {
  type Address,
  createResolver,
  type Lookup,
  type Resolver,
  type ResolverOptions,
} from "./resolver.ts";
export {
  hostFor,
  type OutgoingRequest,
  sendToUpstream,
  startAtUpstream,
} from "./send-to-upstream.ts";
export { type CancelReason, CancelScope } from "./transport/cancel-scope.ts";
export { createTransport, type TransportName } from "./transport/create-transport.ts";
export { createFetchTransport } from "./transport/fetch-transport.ts";
export type {
  BodyPieces,
  CallBody,
  CallTimeouts,
  KeepalivePolicy,
  Origin,
  OriginTls,
  PieceSink,
  ReplyReceiver,
  ReturnedLines,
  SharedHead,
  Transport,
  TransportStats,
  UpstreamCall,
  UpstreamReply,
} from "./transport/transport.ts";
export { createWireTransport, type WireOptions } from "./transport/wire/wire-transport.ts";
export {
  createUpstreamRuntime,
  type UpstreamRuntime,
  type UpstreamRuntimeOptions,
} from "./upstream-runtime.ts";
export type { ClientCertificate, TlsDefaults } from "./upstream-tls.ts";
export {
  createWebSocketDialer,
  type UpgradeAttempt,
  type WebSocketDialer,
} from "./websocket/upgrade-attempt.ts";
export type {
  UpstreamWebSocket,
  WebSocketLimits,
  WebSocketListener,
} from "./websocket/upstream-web-socket.ts";

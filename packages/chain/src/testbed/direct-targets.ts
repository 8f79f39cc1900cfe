import type { CallTarget, TargetCall, TargetResolver } from "@catena/pipeline";
import {
  createFetchTransport,
  type Origin,
  type Transport,
  type UpstreamCall,
} from "@catena/upstream";

/** Targets without balancing: every upstream is one origin, as tests need it. */
export interface DirectTargets extends TargetResolver {
  readonly transport: Transport;
}

/** @param upstreams `http://host:port` by upstream id. */
export function directTargets(
  upstreams: Readonly<Record<string, string>> = {},
  transport: Transport = createFetchTransport(),
): DirectTargets {
  return {
    transport,
    upstream: (id) => {
      const uri = upstreams[id];
      return uri === undefined ? null : directTarget(transport, uri);
    },
    uri: (uri) => directTarget(transport, uri),
  };
}

function directTarget(transport: Transport, uri: string): CallTarget {
  const url = new URL(uri);
  const base = url.pathname === "/" ? "" : url.pathname;
  const origin: Origin = {
    key: url.origin,
    scheme: url.protocol === "https:" ? "https" : "http",
    address: url.hostname,
    port: Number(url.port || (url.protocol === "https:" ? 443 : 80)),
    keepalive: { size: 16, idleMs: 60_000, requests: 1000 },
  };
  const outgoing = (call: TargetCall): UpstreamCall => ({
    origin,
    method: call.method,
    target: base + call.target,
    headers: ["Host", url.host, ...call.headers],
    body: call.body,
    timeouts: {
      // The fetch transport adds connecting and reading up; a test wants the time it wrote.
      connectMs: transport.name === "fetch" ? 0 : call.timeoutMs,
      sendMs: call.timeoutMs,
      readMs: call.timeoutMs,
    },
    deadlineAt: call.deadlineAt,
    maxBodyBytes: call.maxBodyBytes,
    buffered: call.buffered,
    cancel: call.cancel,
    idempotent: call.idempotent,
  });
  return {
    send: (call) => transport.send(outgoing(call)),
    start: (call, receiver) => transport.start(outgoing(call), receiver),
  };
}

import { isIP } from "node:net";
import { isGatewayError } from "@catena/errors";
import type { UpstreamPlan } from "./compile-upstream.ts";
import { upstreamErrors } from "./errors.ts";
import { makeOrigin, type Node } from "./node.ts";
import type { CancelScope } from "./transport/cancel-scope.ts";
import type {
  CallBody,
  CallTimeouts,
  Origin,
  Transport,
  UpstreamCall,
  UpstreamReply,
} from "./transport/transport.ts";

/** A request for an upstream, before a node is chosen. */
export interface OutgoingRequest {
  readonly method: string;
  readonly target: string;
  /** Flat list whose first pair is `Host`; its value is set for each try as `pass_host` says. */
  readonly headers: string[];
  /** What `pass_host: pass` sends. */
  readonly clientHost: string;
  readonly body: CallBody;
  /** Instead of the upstream's own. */
  readonly timeouts: CallTimeouts | null;
  readonly deadlineAt: number;
  readonly maxBodyBytes: number;
  readonly buffered: boolean;
  readonly cancel: CancelScope | null;
  /** Whether a try that may have reached the upstream can be repeated. */
  readonly idempotent: boolean;
  readonly hashKey: string;
  /** Statuses of failed tries, in order (nginx's `$upstream_status`); filled in here. */
  failures: number[] | null;
}

/**
 * Sends a request to one node after another, as nginx does with `proxy_next_upstream error timeout`:
 * a further node is tried only after a connection error or a timeout before the reply's head, and
 * when the request was not idempotent only if it certainly reached nobody. A status is never retried.
 *
 * @throws UPSTREAM_* of the last try; UPSTREAM_NO_NODE when there is no node to try.
 */
export function sendToUpstream(
  plan: UpstreamPlan,
  request: OutgoingRequest,
  transport: Transport,
): Promise<UpstreamReply> {
  const { nodes } = plan;
  // One node is not balanced: even with weight 0 it is used (apisix/balancer.lua).
  const only = nodes.length === 1 ? nodes[0] : undefined;
  if (only !== undefined && plan.retries === 0 && only.origin !== null) {
    return transport.send(toCall(plan, request, only, only.origin)).catch((error: unknown) => {
      noteFailure(request, error);
      throw error;
    });
  }
  return sendWithRetries(plan, request, transport);
}

async function sendWithRetries(
  plan: UpstreamPlan,
  request: OutgoingRequest,
  transport: Transport,
): Promise<UpstreamReply> {
  const giveUpAt = performance.now() + plan.retryTimeoutMs;
  const tried: Node[] = [];
  let last: unknown = null;
  for (let tries = 0; tries <= plan.retries; ) {
    const node = pickNode(plan, request.hashKey, tried);
    if (node === null) break;
    tried.push(node);
    try {
      const origin = await originOf(plan, node, request.clientHost);
      return await transport.send(toCall(plan, request, node, origin));
    } catch (error) {
      last = error;
      // A name that does not resolve takes its node out; it does not use up a try.
      if (isGatewayError(error, "UPSTREAM_UNRESOLVED")) continue;
      noteFailure(request, error);
      tries++;
      if (!mayRetry(request, error) || performance.now() >= giveUpAt) throw error;
    }
  }
  throw last ?? upstreamErrors.UPSTREAM_NO_NODE({ origin: "the upstream", sent: false });
}

function pickNode(plan: UpstreamPlan, key: string, tried: readonly Node[]): Node | null {
  const only = plan.nodes.length === 1 ? plan.nodes[0] : undefined;
  if (only !== undefined) return tried.length === 0 ? only : null;
  return plan.balancer.pick(key, tried);
}

function mayRetry(request: OutgoingRequest, error: unknown): boolean {
  if (!isGatewayError(error) || !error.retryable) return false;
  // A stream that was begun can't be sent again.
  if (request.body instanceof ReadableStream && error.details["sent"] !== false) return false;
  return request.idempotent || error.details["sent"] === false;
}

function noteFailure(request: OutgoingRequest, error: unknown): void {
  const status = isGatewayError(error) ? error.status : 502;
  if (request.failures === null) request.failures = [status];
  else request.failures.push(status);
}

function originOf(plan: UpstreamPlan, node: Node, clientHost: string): Origin | Promise<Origin> {
  if (node.origin !== null) return node.origin;
  const serverName = plan.origins.tls === null ? null : sniOf(plan, node, clientHost);
  const address = node.fixed ?? plan.resolver.resolve(node.host, node.port);
  if (!(address instanceof Promise)) {
    return makeOrigin(plan.origins, address.address, address.port, serverName);
  }
  return address.then((found) => makeOrigin(plan.origins, found.address, found.port, serverName));
}

/** The Host header without port; none for an IP address (nginx's `proxy_ssl_name`). */
function sniOf(plan: UpstreamPlan, node: Node, clientHost: string): string | null {
  const name = hostFor(plan, node, clientHost).replace(/:\d+$/, "");
  return name.startsWith("[") || isIP(name) !== 0 ? null : name;
}

function hostFor(plan: UpstreamPlan, node: Node, clientHost: string): string {
  switch (plan.passHost) {
    case "pass":
      return clientHost;
    case "node":
      return node.hostHeader;
    case "rewrite":
      return plan.rewrittenHost;
  }
}

function toCall(
  plan: UpstreamPlan,
  request: OutgoingRequest,
  node: Node,
  origin: Origin,
): UpstreamCall {
  request.headers[0] = "Host";
  request.headers[1] = hostFor(plan, node, request.clientHost);
  return {
    origin,
    method: request.method,
    target: request.target,
    headers: request.headers,
    body: request.body,
    timeouts: request.timeouts ?? plan.timeouts,
    deadlineAt: request.deadlineAt,
    maxBodyBytes: request.maxBodyBytes,
    buffered: request.buffered,
    cancel: request.cancel,
    idempotent: request.idempotent,
  };
}

import { isGatewayError } from "@catena/errors";
import type { UpstreamPlan } from "./compile-upstream.ts";
import { upstreamErrors } from "./errors.ts";
import type { Node, TryFailure } from "./node.ts";
import type { NodeSet } from "./node-set.ts";
import type { CancelScope } from "./transport/cancel-scope.ts";
import type {
  CallBody,
  CallTimeouts,
  Origin,
  ReplyReceiver,
  SharedHead,
  Transport,
  UpstreamCall,
  UpstreamReply,
} from "./transport/transport.ts";
import { watchTry } from "./watch-try.ts";

/** A request for an upstream, before a node is chosen. */
export interface OutgoingRequest {
  readonly method: string;
  readonly target: string;
  /** Flat list whose first pair is `Host`; its value is set for each try as `pass_host` says. */
  readonly headers: string[];
  /**
   * The same but `Host` as lines that were checked, each with its CRLF, of a method and a target that can
   * be sent as they are; `null` where there are no such.
   */
  readonly lines?: string | null;
  /** As in {@link UpstreamCall}; heeded where the `Host` is the same each time: for a `direct` plan. */
  readonly sharedHead?: SharedHead | undefined;
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
  /** What the plan's `hashKey` reads; empty when the plan has none. */
  readonly hashKey: string;
  /**
   * Statuses of failed tries, in order (nginx's `$upstream_status`); filled in here, except for a
   * `direct` plan, whose one try fails with the error that is thrown.
   */
  failures: number[] | null;
}

/**
 * Sends a request to one node after another, as nginx does with `proxy_next_upstream error timeout`:
 * a further node is tried only after a connection error or a timeout before the reply's head, and
 * when the request was not idempotent only if it certainly reached nobody. A status is never retried.
 *
 * @throws UPSTREAM_* of the last try; UPSTREAM_NO_NODE when tries are left but no node is,
 *   UPSTREAM_RETRY_TIMEOUT when `retry_timeout` is over, UPSTREAM_EMPTY for an upstream without nodes,
 *   UPSTREAM_UNRESOLVED when none of their names resolves.
 */
export function sendToUpstream(
  plan: UpstreamPlan,
  request: OutgoingRequest,
  transport: Transport,
): Promise<UpstreamReply> {
  const { direct } = plan;
  if (direct === null || direct.origin === null) return sendWithChoice(plan, request, transport);
  return transport.send(toCall(plan, request, direct, direct.origin, null));
}

/** As {@link sendToUpstream}, without a promise where no node is chosen. */
export function startAtUpstream(
  plan: UpstreamPlan,
  request: OutgoingRequest,
  transport: Transport,
  receiver: ReplyReceiver,
): void {
  const { direct } = plan;
  if (direct !== null && direct.origin !== null) {
    transport.start(toCall(plan, request, direct, direct.origin, null), receiver);
    return;
  }
  passOn(sendWithChoice(plan, request, transport), receiver);
}

function passOn(reply: Promise<UpstreamReply>, receiver: ReplyReceiver): void {
  reply.then(
    (given) => receiver.resolve(given),
    (error: unknown) => receiver.reject(error),
  );
}

async function sendWithChoice(
  plan: UpstreamPlan,
  request: OutgoingRequest,
  transport: Transport,
): Promise<UpstreamReply> {
  const set = plan.discovered === null ? plan : await plan.discovered.current();
  if (set.nodes.length === 0) throw upstreamErrors.UPSTREAM_EMPTY(THE_UPSTREAM);
  set.checker?.start();
  const retries = plan.retries ?? set.nodes.length - 1;
  const giveUpAt = retries > 0 ? performance.now() + plan.retryTimeoutMs : Number.POSITIVE_INFINITY;
  const tried: Node[] = [];
  let unresolved: unknown = null;
  let tries = 0;
  for (;;) {
    const node = pickNode(set, request.hashKey, tried);
    if (node === null) {
      if (tries === 0 && unresolved !== null) throw unresolved;
      throw upstreamErrors.UPSTREAM_NO_NODE(THE_UPSTREAM);
    }
    let origin: Origin;
    try {
      const found = originOf(plan, node, request.clientHost);
      origin = found instanceof Promise ? await found : found;
    } catch (error) {
      // A name that does not resolve takes its node out; it does not use up a try.
      if (set.nodes.length === 1 || !isGatewayError(error, "UPSTREAM_UNRESOLVED")) throw error;
      unresolved = error;
      tried.push(node);
      continue;
    }
    tries += 1;
    try {
      return await sendTo(plan, set, request, node, origin, transport);
    } catch (error) {
      noteFailure(request, error);
      const isLast = tries > retries || !mayRetry(request, error);
      reportFailure(node, origin, error, isLast);
      if (isLast) throw error;
      if (performance.now() > giveUpAt) throw upstreamErrors.UPSTREAM_RETRY_TIMEOUT(THE_UPSTREAM);
      // The only node is tried again: there is no other to move to (apisix/balancer.lua).
      if (set.nodes.length > 1) tried.push(node);
    }
  }
}

/** The plan does not know its own name; whoever logs an error does. */
const THE_UPSTREAM = { origin: "the upstream", sent: false };

async function sendTo(
  plan: UpstreamPlan,
  set: NodeSet,
  request: OutgoingRequest,
  node: Node,
  origin: Origin,
  transport: Transport,
): Promise<UpstreamReply> {
  const { watcher } = set.balancer;
  if (watcher === null) {
    const reply = await transport.send(toCall(plan, request, node, origin, null));
    node.health?.reportStatus(origin.address, reply.status);
    return reply;
  }
  const watched = watchTry(watcher, node);
  try {
    const reply = await transport.send(toCall(plan, request, node, origin, watched.onEnd));
    watched.answered();
    node.health?.reportStatus(origin.address, reply.status);
    return reply;
  } catch (error) {
    watched.onEnd();
    throw error;
  }
}

/** One node is not balanced: weight 0 or down, it is used (apisix/balancer.lua). */
function pickNode(set: NodeSet, key: string, tried: readonly Node[]): Node | null {
  const only = set.nodes.length === 1 ? set.nodes[0] : undefined;
  return only ?? set.balancer.pick(key, tried);
}

function mayRetry(request: OutgoingRequest, error: unknown): boolean {
  if (!isGatewayError(error)) return false;
  // A handshake fails before anything is sent, and another node may have a better certificate.
  if (!error.retryable && error.code !== "UPSTREAM_TLS") return false;
  if (error.details["sent"] === false) return true;
  // A stream that was begun can't be sent again.
  return request.idempotent && !(request.body instanceof ReadableStream);
}

function noteFailure(request: OutgoingRequest, error: unknown): void {
  const status = isGatewayError(error) ? error.status : 502;
  if (request.failures === null) request.failures = [status];
  else request.failures.push(status);
}

function reportFailure(node: Node, origin: Origin, error: unknown, isLast: boolean): void {
  const failure = node.health === null ? null : failureOf(error);
  if (failure !== null) node.health?.reportFailure(origin.address, failure, isLast);
}

/** What an error says of its node; `null` for those that are not the node's fault. */
function failureOf(error: unknown): TryFailure | null {
  if (!isGatewayError(error)) return null;
  switch (error.code) {
    case "UPSTREAM_CONNECT_TIMEOUT":
    case "UPSTREAM_SEND_TIMEOUT":
    case "UPSTREAM_READ_TIMEOUT":
      return "timeout";
    case "UPSTREAM_REFUSED":
    case "UPSTREAM_RESET":
    case "UPSTREAM_TLS":
    case "UPSTREAM_BAD_REPLY":
      return "tcp";
    default:
      return null;
  }
}

function originOf(plan: UpstreamPlan, node: Node, clientHost: string): Origin | Promise<Origin> {
  if (node.origin !== null) return node.origin;
  const { origins } = plan;
  const host = hostFor(plan, node, clientHost);
  if (node.fixed !== null) return origins.find(node.fixed.address, node.fixed.port, host);
  const addresses = plan.resolver.addresses(node.host);
  const pick = (found: readonly string[]): Origin =>
    origins.find(pickAddress(node, found, plan.random), node.port, host);
  return addresses instanceof Promise ? addresses.then(pick) : pick(addresses);
}

function pickAddress(node: Node, addresses: readonly string[], random: () => number): string {
  if (node.health !== null) return node.health.pickAddress(addresses, random);
  // The resolver throws rather than return no address at all.
  return addresses[Math.floor(random() * addresses.length)] ?? node.host;
}

/** The `Host` that a node is sent, as `pass_host` says. */
export function hostFor(plan: UpstreamPlan, node: Node, clientHost: string): string {
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
  onEnd: (() => void) | null,
): UpstreamCall {
  const host = hostFor(plan, node, request.clientHost);
  const sharedHead = node === plan.direct ? request.sharedHead : undefined;
  return new NodeCall(request, origin, host, request.timeouts ?? plan.timeouts, sharedHead, onEnd);
}

/** A request for one node. Its list of headers is made only for those who have no use for its words. */
class NodeCall implements UpstreamCall {
  readonly origin: Origin;
  readonly method: string;
  readonly target: string;
  readonly sharedHead: SharedHead | undefined;
  readonly words: string | null;
  readonly body: CallBody;
  readonly timeouts: CallTimeouts;
  readonly deadlineAt: number;
  readonly maxBodyBytes: number;
  readonly buffered: boolean;
  readonly cancel: CancelScope | null;
  readonly onEnd: (() => void) | null;
  readonly idempotent: boolean;
  readonly #request: OutgoingRequest;
  readonly #host: string;

  constructor(
    request: OutgoingRequest,
    origin: Origin,
    host: string,
    timeouts: CallTimeouts,
    sharedHead: SharedHead | undefined,
    onEnd: (() => void) | null,
  ) {
    const { lines, method, target } = request;
    this.origin = origin;
    this.method = method;
    this.target = target;
    this.sharedHead = sharedHead;
    this.words = lines == null ? null : `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n${lines}`;
    this.body = request.body;
    this.timeouts = timeouts;
    this.deadlineAt = request.deadlineAt;
    this.maxBodyBytes = request.maxBodyBytes;
    this.buffered = request.buffered;
    this.cancel = request.cancel;
    this.onEnd = onEnd;
    this.idempotent = request.idempotent;
    this.#request = request;
    this.#host = host;
  }

  get headers(): readonly string[] {
    const { headers } = this.#request;
    headers[0] = "Host";
    headers[1] = this.#host;
    return headers;
  }
}

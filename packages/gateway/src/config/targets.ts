import type { CallTarget, TargetCall, TargetResolver, UriOptions } from "@catena/pipeline";
import type { Upstream } from "@catena/schema";
import {
  compileUpstream,
  hostFor,
  type Origin,
  type OutgoingRequest,
  type ReplyReceiver,
  type Resolver,
  type SharedHead,
  sendToUpstream,
  startAtUpstream,
  type TlsDefaults,
  type Transport,
  type UpstreamCall,
  type UpstreamPlan,
  type UpstreamReply,
} from "@catena/upstream";
import { viewOfCall } from "./call-view.ts";

export interface TargetOptions {
  readonly resolver: Resolver;
  readonly transport: Transport;
  /** For URIs by https that do not say themselves; certificates are verified when not given. */
  readonly tls?: TlsDefaults;
  upstream(id: string): UpstreamPlan | null;
}

/** Destinations of plugins' own calls, made ready when the plugin's handlers are. */
export function createTargets(options: TargetOptions): TargetResolver {
  const { resolver, transport } = options;
  return {
    upstream: (id) => {
      const plan = options.upstream(id);
      return plan === null ? null : toTarget(plan, hostOf(plan), transport);
    },
    uri: (uri, { verify, keepalive } = {}) => {
      const url = URL.parse(uri);
      if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) return null;
      const scheme = url.protocol === "http:" ? "http" : "https";
      const port = url.port === "" ? (scheme === "http" ? 80 : 443) : Number(url.port);
      const { value } = compileUpstream(
        {
          scheme,
          nodes: [{ host: url.hostname, port, weight: 1 }],
          ...(verify === undefined ? {} : { tls: { verify } }),
          ...(keepalive === undefined ? {} : { keepalive_pool: poolOf(keepalive) }),
        },
        {
          resolver,
          random: Math.random,
          ...(options.tls === undefined ? {} : { tls: options.tls }),
        },
      );
      if (value === undefined) return null;
      const target = toTarget(value, url.host, transport);
      const base = url.pathname.replace(/\/+$/, "");
      return base === "" ? target : new BasedTarget(target, base);
    },
  };
}

/** A size of 0 is one connection that is not kept for another call. */
function poolOf({
  size,
  idleMs,
}: NonNullable<UriOptions["keepalive"]>): NonNullable<Upstream["keepalive_pool"]> {
  return size === 0
    ? { size: 1, idle_timeout: 60, requests: 1 }
    : { size, idle_timeout: idleMs / 1000, requests: 1000 };
}

/** What `pass_host: pass` can mean for a call that no client made: the service's or first node's name. */
function hostOf(plan: UpstreamPlan): string {
  if (plan.serviceName !== "") return plan.serviceName;
  return plan.nodes[0]?.hostHeader ?? "localhost";
}

function toTarget(plan: UpstreamPlan, host: string, transport: Transport): CallTarget {
  return new UpstreamTarget(plan, host, transport);
}

/** Puts the path of a URI before that of each call. */
class BasedTarget implements CallTarget {
  readonly #target: CallTarget;
  readonly #base: string;

  constructor(target: CallTarget, base: string) {
    this.#target = target;
    this.#base = base;
  }

  send(call: TargetCall): Promise<UpstreamReply> {
    return this.#target.send({ ...call, target: this.#base + call.target });
  }

  start(call: TargetCall, receiver: ReplyReceiver): void {
    this.#target.start({ ...call, target: this.#base + call.target }, receiver);
  }
}

class UpstreamTarget implements CallTarget {
  readonly #plan: UpstreamPlan;
  readonly #host: string;
  readonly #transport: Transport;
  /** The origin of the only node, where there is nothing to choose. */
  readonly #origin: Origin | null;
  /** What that node is sent as `Host`, unless a call says otherwise. */
  readonly #directHost: string;
  /** Of the last call, to see when the same are sent again. */
  #lastMethod = "";
  #lastTarget = "";
  #lastHeaders: readonly string[] | null = null;
  #headers: readonly string[] = [];
  #sharedHead: SharedHead | undefined = undefined;
  #lastTimeoutMs = Number.NaN;
  #timeouts: UpstreamPlan["timeouts"];

  constructor(plan: UpstreamPlan, host: string, transport: Transport) {
    this.#plan = plan;
    this.#host = host;
    this.#transport = transport;
    this.#origin = plan.direct?.origin ?? null;
    this.#directHost = plan.direct === null ? host : hostFor(plan, plan.direct, host);
    this.#timeouts = plan.timeouts;
  }

  send(call: TargetCall): Promise<UpstreamReply> {
    const origin = this.#origin;
    return origin === null
      ? sendToUpstream(this.#plan, this.#outgoing(call), this.#transport)
      : this.#transport.send(this.#direct(call, origin));
  }

  start(call: TargetCall, receiver: ReplyReceiver): void {
    const origin = this.#origin;
    if (origin === null)
      startAtUpstream(this.#plan, this.#outgoing(call), this.#transport, receiver);
    else this.#transport.start(this.#direct(call, origin), receiver);
  }

  #outgoing(call: TargetCall): OutgoingRequest {
    const plan = this.#plan;
    return {
      method: call.method,
      target: call.target,
      headers: ["Host", this.#host, ...call.headers],
      clientHost: call.host ?? this.#host,
      body: call.body,
      timeouts: this.#timeoutsFor(call.timeoutMs),
      deadlineAt: call.deadlineAt,
      maxBodyBytes: call.maxBodyBytes,
      buffered: call.buffered,
      cancel: call.cancel,
      idempotent: call.idempotent,
      hashKey: plan.hashKey === null ? "" : plan.hashKey(viewOfCall(call, this.#host)),
      failures: null,
    };
  }

  /** The call of the only node as the transport takes it. */
  #direct(call: TargetCall, origin: Origin): UpstreamCall {
    const isOwnHost = call.host === undefined;
    if (isOwnHost) this.#compare(call);
    return {
      origin,
      method: call.method,
      target: call.target,
      headers: isOwnHost ? this.#headers : ["Host", this.#hostOf(call), ...call.headers],
      sharedHead: isOwnHost ? this.#sharedHead : undefined,
      body: call.body,
      timeouts: this.#timeoutsFor(call.timeoutMs),
      deadlineAt: call.deadlineAt,
      maxBodyBytes: call.maxBodyBytes,
      buffered: call.buffered,
      cancel: call.cancel,
      onEnd: null,
      idempotent: call.idempotent,
    };
  }

  #hostOf(call: TargetCall): string {
    const { direct } = this.#plan;
    const host = call.host ?? this.#host;
    return direct === null ? host : hostFor(this.#plan, direct, host);
  }

  /**
   * Sees whether the call says what the last one said, so that both can share their headers, and all
   * their words. Headers are compared as a list, not by content: who sends the same each time has one.
   */
  #compare({ method, target, headers }: TargetCall): void {
    if (headers !== this.#lastHeaders) {
      this.#lastHeaders = headers;
      this.#headers = ["Host", this.#directHost, ...headers];
    } else if (target === this.#lastTarget && method === this.#lastMethod) {
      this.#sharedHead ??= { words: null };
      return;
    }
    this.#lastMethod = method;
    this.#lastTarget = target;
    this.#sharedHead = undefined;
  }

  /** Nearly all calls to a destination have the same limit. */
  #timeoutsFor(timeoutMs: number): UpstreamPlan["timeouts"] {
    if (timeoutMs !== this.#lastTimeoutMs) {
      this.#lastTimeoutMs = timeoutMs;
      this.#timeouts = phaseTimeouts(this.#plan, timeoutMs);
    }
    return this.#timeouts;
  }
}

/** A call's own limit bounds each phase too; the upstream's stay where they are smaller. */
function phaseTimeouts(plan: UpstreamPlan, timeoutMs: number): UpstreamPlan["timeouts"] {
  const { connectMs, sendMs, readMs } = plan.timeouts;
  if (timeoutMs >= connectMs && timeoutMs >= sendMs && timeoutMs >= readMs) return plan.timeouts;
  return {
    connectMs: Math.min(connectMs, timeoutMs),
    sendMs: Math.min(sendMs, timeoutMs),
    readMs: Math.min(readMs, timeoutMs),
  };
}

import { isIP } from "node:net";
import type { NodeHealth, TryFailure } from "../node.ts";
import type { Resolver } from "../resolver.ts";
import { CancelScope } from "../transport/cancel-scope.ts";
import type { OriginTls, Transport } from "../transport/transport.ts";
import type { CheckPolicy, CheckType } from "./check-policy.ts";
import { CheckedNode, type PlaceToCheck, type ReportSink, Target } from "./checked-node.ts";
import { type ProbeOutcome, probe } from "./probe.ts";
import type { HealthState } from "./target-state.ts";

/** What a checker is to check. */
export interface CheckSetup {
  readonly policy: CheckPolicy;
  readonly nodes: readonly PlaceToCheck[];
  /** The Host of `pass_host: rewrite`; `null` for the node's own. */
  readonly rewrittenHost: string | null;
  /** Authorities and client certificate of the upstream. */
  readonly tls: Omit<OriginTls, "serverName" | "verify">;
}

/** A target went down or came back. */
export interface HealthTurn {
  readonly owner: string;
  readonly address: string;
  readonly port: number;
  readonly isUp: boolean;
}

export interface CheckerServices {
  readonly transport: Transport;
  readonly resolver: Resolver;
  readonly now: () => number;
  readonly onTurn: (turn: HealthTurn) => void;
}

/** Health of one upstream as `/v1/healthcheck` of APISIX's control API shows it. */
export interface HealthReport {
  /** The resource that holds the upstream: `upstreams/1`, `routes/1`, `services/1`. */
  readonly owner: string;
  readonly type: CheckType;
  /** Empty until the upstream was used. */
  readonly nodes: readonly HealthReportNode[];
}

export interface HealthReportNode {
  readonly ip: string;
  readonly port: number;
  readonly hostname: string;
  readonly hostheader?: string;
  readonly status: HealthState;
  readonly counter: {
    readonly success: number;
    readonly http_failure: number;
    readonly tcp_failure: number;
    readonly timeout_failure: number;
  };
}

/** How often the addresses of names are looked at. */
const NAMES_MS = 1_000;

/**
 * Keeps the health of an upstream's nodes, by probes and by what its calls report, as
 * apisix/healthcheck_manager.lua and lua-resty-healthcheck do. It has no timer of its own: whoever
 * made it calls {@link tick} about ten times a second.
 */
export class HealthChecker implements ReportSink {
  readonly owner: string;
  readonly #services: CheckerServices;
  readonly #cancel = new CancelScope();
  readonly #onStart: () => void;
  #setup: CheckSetup;
  #nodes = new Map<string, CheckedNode>();
  #targets = new Map<string, Target>();
  #isWanted = false;
  #isRunning = false;
  #isOver = false;
  #healthyAt = 0;
  #unhealthyAt = 0;
  #namesAt = 0;

  constructor(owner: string, setup: CheckSetup, services: CheckerServices, onStart: () => void) {
    this.owner = owner;
    this.#setup = setup;
    this.#services = services;
    this.#onStart = onStart;
  }

  /** Whether the upstream was used. */
  get isWanted(): boolean {
    return this.#isWanted;
  }

  /** Whether reports count and probes are made. */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** The upstream is used: checks begin soon, if they have not. */
  start(): void {
    if (this.#isWanted || this.#isOver) return;
    this.#isWanted = true;
    this.#onStart();
  }

  /** Takes a new setup; targets that stay keep their state. @returns the health of each node. */
  bind(setup: CheckSetup): readonly NodeHealth[] {
    const isChanged = setup.policy.source !== this.#setup.policy.source;
    this.#setup = setup;
    if (isChanged) this.#beginAnew();
    const kept = new Map<string, CheckedNode>();
    const nodes = setup.nodes.map((place) => {
      const key = `${place.host}#${place.port}`;
      const node = kept.get(key) ?? this.#nodes.get(key) ?? new CheckedNode(place, this);
      kept.set(key, node);
      return node;
    });
    for (const [key, node] of this.#nodes) if (!kept.has(key)) node.isUsable = true;
    this.#nodes = kept;
    for (const node of kept.values())
      if (node.fixed !== null) this.#setAddresses(node, [node.fixed.address], node.fixed.port);
    this.#retarget();
    return nodes;
  }

  /** Begins to count reports and to probe; the first probe comes after its interval. */
  run(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#beginAnew();
  }

  tick(now: number): void {
    if (!this.#isRunning) return;
    const { healthyIntervalMs, unhealthyIntervalMs } = this.#setup.policy.active;
    if (now >= this.#namesAt) {
      this.#namesAt = now + NAMES_MS;
      this.#lookUpNames();
    }
    if (healthyIntervalMs > 0 && now >= this.#healthyAt + healthyIntervalMs) {
      this.#healthyAt = now;
      this.#probeAll([...this.#targets.values()].filter((target) => target.isUp));
    }
    if (unhealthyIntervalMs > 0 && now >= this.#unhealthyAt + unhealthyIntervalMs) {
      this.#unhealthyAt = now;
      this.#probeAll([...this.#targets.values()].filter((target) => !target.isUp));
    }
  }

  /** Ends all probes; the nodes count as up from here on. */
  stop(): void {
    this.#isRunning = false;
    this.#isOver = true;
    this.#cancel.cancel("superseded");
    for (const node of this.#nodes.values()) node.isUsable = true;
    this.#nodes.clear();
    this.#targets.clear();
  }

  report(): HealthReport {
    const { owner } = this;
    const { type } = this.#setup.policy.active;
    const targets = this.#isRunning ? [...this.#targets.values()] : [];
    return { owner, type, nodes: targets.map(describeTarget) };
  }

  passiveStatus(target: Target, status: number): void {
    if (!this.#isRunning) return;
    const { healthyStatuses, unhealthyStatuses, successes, limits } = this.#setup.policy.passive;
    if (healthyStatuses.has(status)) this.#note(target, "ok", successes);
    else if (unhealthyStatuses.has(status)) this.#note(target, "http", limits.http);
  }

  passiveFailure(target: Target, failure: TryFailure, isLast: boolean): void {
    if (!this.#isRunning) return;
    const { isConfigured, unhealthyStatuses, limits } = this.#setup.policy.passive;
    if (!isLast) {
      this.#note(target, failure, limits[failure]);
      return;
    }
    // The last failure becomes the reply: the status it gets may be one that is judged.
    const status = failure === "timeout" ? 504 : 502;
    if (unhealthyStatuses.has(status)) this.#note(target, "http", limits.http);
    else if (isConfigured) this.#note(target, failure, limits[failure]);
  }

  #beginAnew(): void {
    const now = this.#services.now();
    this.#healthyAt = now;
    this.#unhealthyAt = now;
    this.#namesAt = now;
    for (const target of this.#targets.values()) target.settle();
  }

  #note(target: Target, kind: "ok" | "http" | TryFailure, limit: number): void {
    const wasUp = target.isUp;
    if (kind === "ok") target.succeed(limit);
    else target.fail(kind, limit);
    if (target.isUp === wasUp) return;
    this.#judge();
    const { address, port, isUp } = target;
    this.#services.onTurn({ owner: this.owner, address, port, isUp });
  }

  /** Nodes that are down are out, unless all are: then the checks are not believed. */
  #judge(): void {
    const nodes = [...this.#nodes.values()];
    const allDown = nodes.every((node) => !node.isUp);
    for (const node of nodes) node.isUsable = allDown || node.isUp;
  }

  #lookUpNames(): void {
    for (const node of this.#nodes.values()) {
      if (node.fixed !== null) continue;
      this.#lookUp(node).catch(() => {
        // A name that does not resolve takes its node out by itself, when it is tried.
      });
    }
  }

  async #lookUp(node: CheckedNode): Promise<void> {
    const addresses = await this.#services.resolver.addresses(node.host);
    if (!this.#isRunning || ![...this.#nodes.values()].includes(node)) return;
    this.#setAddresses(node, addresses, node.port);
    this.#retarget();
  }

  /** Gives a node the targets of its addresses, old ones where there are any. */
  #setAddresses(node: CheckedNode, addresses: readonly string[], nodePort: number): void {
    const { policy, rewrittenHost } = this.#setup;
    const port = policy.active.port ?? nodePort;
    const ownName = isIP(node.host.replace(/^\[|\]$/g, "")) === 0 ? node.host : null;
    const hostHeader = rewrittenHost ?? ownName;
    const targets = new Map<string, Target>();
    for (const address of addresses) {
      const hostname = policy.active.host ?? address;
      const key = `${address}#${port}#${hostname}`;
      const known = this.#targets.get(key);
      const target =
        known?.hostHeader === hostHeader ? known : new Target(address, port, hostname, hostHeader);
      this.#targets.set(key, target);
      targets.set(address, target);
    }
    node.setTargets(targets);
  }

  /** Forgets targets that no node leads to any more. */
  #retarget(): void {
    const used = new Set<Target>();
    for (const node of this.#nodes.values()) for (const target of node.targets()) used.add(target);
    for (const [key, target] of this.#targets) if (!used.has(target)) this.#targets.delete(key);
    this.#judge();
  }

  /** Probes targets, a limited number at a time; those of a round that is not over are left out. */
  #probeAll(targets: readonly Target[]): void {
    const queue = targets.filter((target) => !target.isProbed);
    for (const target of queue) target.isProbed = true;
    const lanes = Math.min(this.#setup.policy.active.concurrency, queue.length);
    for (let lane = 0; lane < lanes; lane++) {
      this.#probeInTurn(queue).catch(() => {
        // A probe never rejects.
      });
    }
  }

  async #probeInTurn(queue: Target[]): Promise<void> {
    for (let target = queue.shift(); target !== undefined; target = queue.shift()) {
      const { policy, tls } = this.#setup;
      const { address, port, hostname, hostHeader } = target;
      const host = policy.active.host ?? hostHeader ?? hostname;
      const means = { transport: this.#services.transport, tls, cancel: this.#cancel };
      const outcome = await probe(policy.active, { address, port, host }, means);
      target.isProbed = false;
      if (this.#isRunning) this.#noteProbe(target, outcome);
    }
  }

  #noteProbe(target: Target, outcome: ProbeOutcome): void {
    const { successes, limits, healthyStatuses, unhealthyStatuses } = this.#setup.policy.active;
    if (outcome === "nothing") return;
    if (outcome === "tcp" || outcome === "timeout") this.#note(target, outcome, limits[outcome]);
    else if (outcome === "open" || healthyStatuses.has(outcome))
      this.#note(target, "ok", successes);
    else if (outcome === 0 || unhealthyStatuses.has(outcome))
      this.#note(target, "http", limits.http);
  }
}

function describeTarget(target: Target): HealthReportNode {
  const { address, port, hostname, hostHeader, state, counters } = target;
  return {
    ip: address,
    port,
    hostname,
    ...(hostHeader === null ? {} : { hostheader: hostHeader }),
    status: state,
    counter: {
      success: counters.success,
      http_failure: counters.http,
      tcp_failure: counters.tcp,
      timeout_failure: counters.timeout,
    },
  };
}

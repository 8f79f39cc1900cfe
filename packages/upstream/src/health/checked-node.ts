import type { NodeHealth, TryFailure } from "../node.ts";
import type { Address } from "../resolver.ts";
import { TargetState } from "./target-state.ts";

/** An address that is checked; nodes that lead to the same one share it. */
export class Target extends TargetState {
  readonly address: string;
  readonly port: number;
  /** `checks.active.host`, else the address: part of what a target is known by. */
  readonly hostname: string;
  /** Host of the probes when it is not {@link hostname}. */
  readonly hostHeader: string | null;
  /** A probe is under way; the next round leaves the target out. */
  isProbed = false;

  constructor(address: string, port: number, hostname: string, hostHeader: string | null) {
    super();
    this.address = address;
    this.port = port;
    this.hostname = hostname;
    this.hostHeader = hostHeader;
  }
}

/** A node as far as checks need it. */
export interface PlaceToCheck {
  readonly host: string;
  readonly port: number;
  /** Where to connect, when that is known without DNS. */
  readonly fixed: Address | null;
}

/** Where a node's reports go. */
export interface ReportSink {
  passiveStatus(target: Target, status: number): void;
  passiveFailure(target: Target, failure: TryFailure, isLast: boolean): void;
}

/** The targets of one node: its address, or all addresses of its name. */
export class CheckedNode implements NodeHealth {
  isUsable = true;
  readonly host: string;
  readonly port: number;
  /** `null` for a name that is looked up. */
  readonly fixed: Address | null;
  #targets: ReadonlyMap<string, Target> = new Map();
  readonly #sink: ReportSink;

  constructor({ host, port, fixed }: PlaceToCheck, sink: ReportSink) {
    this.host = host;
    this.port = port;
    this.fixed = fixed;
    this.#sink = sink;
  }

  /** A node nothing is known of is up. */
  get isUp(): boolean {
    if (this.#targets.size === 0) return true;
    for (const target of this.#targets.values()) if (target.isUp) return true;
    return false;
  }

  /** @param targets by address */
  setTargets(targets: ReadonlyMap<string, Target>): void {
    this.#targets = targets;
  }

  targets(): Iterable<Target> {
    return this.#targets.values();
  }

  pickAddress(addresses: readonly string[], random: () => number): string {
    const up = addresses.filter((address) => this.#targets.get(address)?.isUp !== false);
    const choice = up.length > 0 ? up : addresses;
    return choice[Math.floor(random() * choice.length)] ?? "";
  }

  reportStatus(address: string, status: number): void {
    const target = this.#targets.get(address);
    if (target !== undefined) this.#sink.passiveStatus(target, status);
  }

  reportFailure(address: string, failure: TryFailure, isLast: boolean): void {
    const target = this.#targets.get(address);
    if (target !== undefined) this.#sink.passiveFailure(target, failure, isLast);
  }
}

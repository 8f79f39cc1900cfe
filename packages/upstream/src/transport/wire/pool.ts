import { DeadlineSweep } from "@catena/http";
import { upstreamErrors } from "../../errors.ts";
import { describeOrigin } from "../describe-origin.ts";
import type { Origin, ReplyReceiver, TransportStats, UpstreamCall } from "../transport.ts";
import { Connection, type ConnectionOwner } from "./connection.ts";
import { dial } from "./dial.ts";

/** What the pools of one transport share. */
export class PoolGroup {
  readonly sweep = new DeadlineSweep();
  /** Connections per origin, those being opened included. */
  readonly maxConnections: number;
  activeCalls = 0;
  isClosing = false;
  readonly #pools = new Map<string, Pool>();
  #onQuiet: (() => void) | null = null;

  constructor(maxConnections: number) {
    this.maxConnections = maxConnections;
  }

  poolOf(origin: Origin): Pool {
    const known = this.#pools.get(origin.key);
    if (known !== undefined) return known;
    const pool = new Pool(origin.key, this);
    this.#pools.set(origin.key, pool);
    return pool;
  }

  /** A pool that holds nothing is forgotten, so that origins of old configurations do not pile up. */
  forget(key: string): void {
    this.#pools.delete(key);
    this.settle();
  }

  stats(): TransportStats {
    let openConnections = 0;
    let idleConnections = 0;
    for (const pool of this.#pools.values()) {
      openConnections += pool.total;
      idleConnections += pool.idleCount;
    }
    return { openConnections, idleConnections, activeCalls: this.activeCalls };
  }

  close(onQuiet: () => void): void {
    this.isClosing = true;
    this.#onQuiet = onQuiet;
    for (const pool of this.#pools.values()) pool.closeIdle();
    this.settle();
  }

  settle(): void {
    if (!this.isClosing || this.#onQuiet === null || this.activeCalls > 0) return;
    for (const pool of this.#pools.values()) if (pool.total > pool.abandonedCount) return;
    this.#onQuiet();
    this.#onQuiet = null;
  }
}

/**
 * Idle connections to equal origins, the last used first: the rest grow old and expire, so that the
 * pool shrinks to what the load needs.
 */
export class Pool implements ConnectionOwner {
  total = 0;
  abandonedCount = 0;
  readonly #key: string;
  readonly #group: PoolGroup;
  readonly #idle: Connection[] = [];

  constructor(key: string, group: PoolGroup) {
    this.#key = key;
    this.#group = group;
  }

  get idleCount(): number {
    return this.#idle.length;
  }

  /** @param head the call's head in words. */
  start(call: UpstreamCall, head: string, receiver: ReplyReceiver, now: number): void {
    this.#start();
    const kept = this.#takeIdle(now);
    if (kept === null) this.#dial(call, head, receiver, now);
    else kept.begin(call, head, receiver, now);
  }

  redial(call: UpstreamCall, head: string, receiver: ReplyReceiver): void {
    this.#start();
    this.#dial(call, head, receiver, performance.now());
  }

  release(connection: Connection, call: UpstreamCall, peerIdleMs: number): boolean {
    const { size, idleMs, requests } = call.origin.keepalive;
    if (this.#group.isClosing || connection.served >= requests) return false;
    const keepMs = Math.min(idleMs, peerIdleMs - PEER_IDLE_MARGIN_MS);
    if (size <= 0 || keepMs <= 0) return false;
    connection.dueAt = performance.now() + keepMs;
    this.#idle.push(connection);
    if (this.#idle.length > size) this.#idle[0]?.close();
    return true;
  }

  callEnded(): void {
    this.#group.activeCalls -= 1;
    this.#group.sweep.callEnded();
    if (this.#group.isClosing) this.#group.settle();
  }

  abandoned(): void {
    this.abandonedCount += 1;
    this.#group.settle();
  }

  closed(connection: Connection, wasAbandoned: boolean): void {
    const at = this.#idle.lastIndexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    this.#group.sweep.remove(connection);
    this.total -= 1;
    if (wasAbandoned) this.abandonedCount -= 1;
    if (this.total === 0) this.#group.forget(this.#key);
    else this.#group.settle();
  }

  closeIdle(): void {
    for (const connection of this.#idle.slice()) connection.close();
  }

  #start(): void {
    this.#group.activeCalls += 1;
    this.#group.sweep.callStarted();
  }

  #takeIdle(now: number): Connection | null {
    for (;;) {
      const connection = this.#idle.pop();
      if (connection === undefined) return null;
      if (connection.dueAt > now) return connection;
      connection.close();
    }
  }

  #dial(call: UpstreamCall, head: string, receiver: ReplyReceiver, now: number): void {
    if (this.total >= this.#group.maxConnections) {
      this.callEnded();
      const fault = { origin: describeOrigin(call.origin), sent: false };
      receiver.reject(
        upstreamErrors.UPSTREAM_REFUSED({ ...fault, reason: "too many connections are open" }),
      );
      return;
    }
    const connection = new Connection(call.origin, this);
    this.total += 1;
    this.#group.sweep.add(connection);
    connection.begin(call, head, receiver, now);
    dial(connection);
  }
}

/** A request sent just as the peer gives up on an idle connection is lost; so we give up earlier. */
const PEER_IDLE_MARGIN_MS = 1_000;

import { DeadlineSweep } from "@catena/http";
import { upstreamErrors } from "../../errors.ts";
import { checkMoment } from "../call-guard.ts";
import { describeOrigin } from "../describe-origin.ts";
import type { Origin, ReplyReceiver, TransportStats, UpstreamCall } from "../transport.ts";
import { type CallOwner, H2Call } from "./h2-call.ts";
import { H2Session, type SessionOwner } from "./h2-session.ts";

/** Calls that wait for one connection, before the peer has said how many it takes (RFC 9113 §6.5.2). */
const ASSUMED_STREAMS = 100;

/** What the pools of one transport share. */
export class H2PoolGroup {
  readonly sweep = new DeadlineSweep();
  /** Connections per origin, those being opened included. */
  readonly maxConnections: number;
  activeCalls = 0;
  isClosing = false;
  readonly #pools = new Map<string, H2Pool>();
  #onQuiet: (() => void) | null = null;

  constructor(maxConnections: number) {
    this.maxConnections = maxConnections;
  }

  poolOf(origin: Origin): H2Pool {
    const known = this.#pools.get(origin.key);
    if (known !== undefined) return known;
    const pool = new H2Pool(origin.key, this);
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
    for (const pool of [...this.#pools.values()]) pool.closeIdle();
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
 * Connections to equal origins. The first one that has room carries the next call, so that the others
 * run empty and expire; another is opened when all carry as many calls as the server allows.
 */
export class H2Pool implements SessionOwner, CallOwner {
  total = 0;
  abandonedCount = 0;
  readonly #key: string;
  readonly #group: H2PoolGroup;
  readonly #sessions: H2Session[] = [];
  /** Calls a connection is opened for: what the server said last that it takes. */
  #assumed = ASSUMED_STREAMS;

  constructor(key: string, group: H2PoolGroup) {
    this.#key = key;
    this.#group = group;
  }

  get idleCount(): number {
    return this.#sessions.filter((session) => session.isOpen && session.calls.size === 0).length;
  }

  start(call: UpstreamCall, receiver: ReplyReceiver, now: number): void {
    const begun = new H2Call(call, receiver, this);
    this.#group.activeCalls += 1;
    this.#group.sweep.callStarted();
    this.#group.sweep.add(begun);
    begun.wait(now);
    this.#place(begun, now);
  }

  repeat(call: H2Call): void {
    const now = performance.now();
    const late = checkMoment(call.call, now);
    if (late !== null) call.fail(late);
    else {
      call.dueAt = Math.min(now + call.call.timeouts.connectMs, call.call.deadlineAt);
      this.#place(call, now);
    }
  }

  ended(call: H2Call): void {
    this.#group.sweep.remove(call);
    this.#group.activeCalls -= 1;
    this.#group.sweep.callEnded();
    if (this.#group.isClosing) this.#group.settle();
  }

  opened(session: H2Session): void {
    const now = performance.now();
    const { maxOpenStreams } = session.link;
    this.#assumed = Math.min(ASSUMED_STREAMS, maxOpenStreams);
    const waiting = [...session.calls];
    session.calls.clear();
    for (const call of waiting) {
      if (call.isOver) continue;
      if (session.room > 0) this.#begin(session, call, now);
      else if (maxOpenStreams === 0) this.#refuse(call, "it takes no streams");
      else this.#place(call, now);
    }
    if (session.calls.size === 0) this.freed(session);
  }

  freed(session: H2Session): void {
    if (session.calls.size > 0) return;
    const { size, idleMs } = session.origin.keepalive;
    const isKept = size > 0 && session.room > 0 && !this.#group.isClosing;
    if (!isKept) {
      session.retire();
      return;
    }
    session.dueAt = performance.now() + idleMs;
    if (this.idleCount > size) this.#oldestIdle()?.retire();
  }

  abandoned(): void {
    this.abandonedCount += 1;
    this.#group.settle();
  }

  closed(session: H2Session, wasAbandoned: boolean): void {
    const at = this.#sessions.indexOf(session);
    if (at >= 0) this.#sessions.splice(at, 1);
    this.#group.sweep.remove(session);
    this.total -= 1;
    if (wasAbandoned) this.abandonedCount -= 1;
    if (this.total === 0) this.#group.forget(this.#key);
    else this.#group.settle();
  }

  closeIdle(): void {
    for (const session of [...this.#sessions]) {
      if (session.isOpen && session.calls.size === 0) session.retire();
    }
  }

  #place(call: H2Call, now: number): void {
    if (call.isOver) return;
    const isShared = call.call.origin.keepalive.size > 0;
    for (const session of this.#sessions) {
      if (session.room < 1 || !(isShared || session.served === 0)) continue;
      this.#begin(session, call, now);
      return;
    }
    for (const session of this.#sessions) {
      if (!session.isConnecting || session.calls.size >= (isShared ? this.#assumed : 1)) continue;
      this.#await(session, call);
      return;
    }
    this.#open(call);
  }

  #begin(session: H2Session, call: H2Call, now: number): void {
    session.calls.add(call);
    session.served += 1;
    session.busy(now);
    call.begin(session, now);
  }

  #await(session: H2Session, call: H2Call): void {
    session.calls.add(call);
    call.session = session;
  }

  #open(call: H2Call): void {
    if (this.total >= this.#group.maxConnections) {
      this.#refuse(call, "too many connections are open");
      return;
    }
    const session = new H2Session(call.call.origin, this);
    this.total += 1;
    this.#sessions.push(session);
    this.#group.sweep.add(session);
    this.#await(session, call);
    session.connect();
  }

  #refuse(call: H2Call, reason: string): void {
    const origin = describeOrigin(call.call.origin);
    call.fail(upstreamErrors.UPSTREAM_REFUSED({ origin, sent: false, reason }));
  }

  #oldestIdle(): H2Session | undefined {
    return this.#sessions.find((session) => session.isOpen && session.calls.size === 0);
  }
}

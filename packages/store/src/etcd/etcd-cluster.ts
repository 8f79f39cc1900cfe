import type { Etcd3 } from "etcd3";
import { isTransportFailure } from "./etcd-errors.ts";
import { type CallOptions, EtcdMember, type WatchStream } from "./etcd-member.ts";
import type { EtcdTarget } from "./etcd-url.ts";

type Call<T> = (client: Etcd3, options: CallOptions) => Promise<T>;

/**
 * The members of a cluster, one of which is current. Reads move on to the next member when one does
 * not answer. A write is made once, because a write that got no answer may have happened; before it a
 * member that failed is asked something harmless.
 */
export class EtcdCluster {
  readonly #members: readonly EtcdMember[];
  readonly #timeoutMs: number;
  #current = 0;
  #hasAnswered = false;

  constructor(target: EtcdTarget, timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
    this.#members = target.endpoints.map((endpoint) => new EtcdMember(endpoint, target, timeoutMs));
  }

  /** @throws the last member's error, within the timeout */
  read<T>(call: Call<T>): Promise<T> {
    return this.#read(call, Date.now() + this.#timeoutMs);
  }

  /** @throws the member's error, within the timeout; the outcome is then unknown */
  async write<T>(call: Call<T>): Promise<T> {
    const deadline = Date.now() + this.#timeoutMs;
    if (!this.#hasAnswered && this.#members.length > 1) await this.#probe(deadline);
    try {
      return await this.#member(0).call(deadline, call);
    } catch (error) {
      if (isTransportFailure(error)) {
        this.#hasAnswered = false;
        this.#current = (this.#current + 1) % this.#members.length;
      }
      throw error;
    }
  }

  /** Opens a watch stream on the member that answered last. */
  openWatch(): Promise<WatchStream> {
    return this.#member(0).openWatch(Date.now() + this.#timeoutMs);
  }

  close(): void {
    for (const member of this.#members) member.close();
  }

  async #read<T>(call: Call<T>, deadline: number): Promise<T> {
    const count = this.#members.length;
    let last: unknown;
    for (let offset = 0; offset < count; offset++) {
      // A frozen member may not use up the time of those that would answer.
      const now = Date.now();
      const share = now + (deadline - now) / (count - offset);
      try {
        const result = await this.#member(offset).call(share, call);
        this.#current = (this.#current + offset) % count;
        this.#hasAnswered = true;
        return result;
      } catch (error) {
        if (!isTransportFailure(error)) throw error;
        last = error;
      }
    }
    this.#hasAnswered = false;
    throw last;
  }

  /** A linearizable read: only a member that reaches a quorum can answer it. */
  async #probe(deadline: number): Promise<void> {
    try {
      await this.#read(
        (client, options) => client.kv.range({ key: Buffer.from("/"), count_only: true }, options),
        deadline,
      );
    } catch (error) {
      // "Permission denied" is an answer too.
      if (isTransportFailure(error)) throw error;
    }
  }

  #member(offset: number): EtcdMember {
    const member = this.#members[(this.#current + offset) % this.#members.length];
    if (member === undefined) throw new Error("an etcd cluster has no members");
    return member;
  }
}

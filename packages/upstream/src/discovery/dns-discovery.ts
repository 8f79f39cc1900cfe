import { type Answer, AnswerCache, isNoRecord, type Known } from "../dns/answer-cache.ts";
import type { DnsClient, ServiceRecord } from "../dns/dns-client.ts";
import { lookUpAddresses, ttlOf } from "../dns/dns-lookup.ts";
import { upstreamErrors } from "../errors.ts";
import { splitAddress } from "../node-list.ts";
import type { Discovery, FoundNode } from "./discovery.ts";

/** Kinds of records a service may be published as, in the order they are asked for. */
export type RecordKind = "SRV" | "A" | "AAAA";

export interface DnsDiscoveryOptions {
  readonly client: DnsClient;
  /** Default SRV, A, AAAA; what answered last is asked for first (`last` in APISIX's `order`). */
  readonly order?: readonly RecordKind[];
  /** How long a failure is remembered; default 1 s. */
  readonly negativeTtlMs?: number;
  /** For all questions about a service; default 10 s. */
  readonly timeoutMs?: number;
  /** How long the last nodes are used while servers do not answer; default 300 s. */
  readonly staleMs?: number;
  /** Services kept; the one asked for longest ago is forgotten first. Default 4096. */
  readonly maxServices?: number;
  readonly now?: () => number;
}

/**
 * Makes `discovery_type: dns` (apisix/discovery/dns): a service's name is looked up as SRV, else as A,
 * else as AAAA. Every address is a node, of weight 1, or that of its SRV record, shared by the
 * addresses of the record's target. A lower SRV priority is used first. `service_name` may carry a
 * port, which wins over the records'; without any, the scheme's is used.
 *
 * Answers are used as long as the shortest-lived address record; for that time SRV records are
 * believed too.
 */
export function createDnsDiscovery(options: DnsDiscoveryOptions): Discovery {
  return new DnsDiscovery(options);
}

interface Service {
  readonly nodes: readonly FoundNode[];
  readonly kind: RecordKind;
}

const NO_PORT = 0;

class DnsDiscovery implements Discovery {
  readonly #client: DnsClient;
  readonly #order: readonly RecordKind[];
  readonly #services: AnswerCache<Service>;

  constructor(options: DnsDiscoveryOptions) {
    this.#client = options.client;
    this.#order = options.order ?? ["SRV", "A", "AAAA"];
    this.#services = new AnswerCache({
      ask: (name, last) => this.#find(name, last),
      staleMs: options.staleMs ?? 300_000,
      negativeTtlMs: options.negativeTtlMs ?? 1_000,
      timeoutMs: options.timeoutMs ?? 10_000,
      maxNames: options.maxServices ?? 4_096,
      now: options.now ?? (() => performance.now()),
    });
  }

  nodes(serviceName: string): readonly FoundNode[] | Promise<readonly FoundNode[]> {
    const known = this.#services.peek(serviceName);
    if (known !== null) return nodesOf(serviceName, known);
    return this.#services.ask(serviceName).then((found) => nodesOf(serviceName, found));
  }

  async #find(serviceName: string, last: Service | null): Promise<Answer<Service> | null> {
    const { host, port } = splitAddress(serviceName, NO_PORT);
    const kinds = new Set([...(last === null ? [] : [last.kind]), ...this.#order]);
    for (const kind of kinds) {
      const found = await this.#askFor(kind, host);
      if (found === null) continue;
      const nodes = port === NO_PORT ? found.value : found.value.map((node) => ({ ...node, port }));
      return { value: { nodes, kind }, ttlMs: found.ttlMs };
    }
    return null;
  }

  /** @returns `null` when there are no records of this kind. */
  async #askFor(kind: RecordKind, name: string): Promise<Answer<readonly FoundNode[]> | null> {
    try {
      if (kind === "SRV") return await expandServices(this.#client, name);
      const records = await (kind === "A"
        ? this.#client.resolve4(name)
        : this.#client.resolve6(name));
      if (records.length === 0) return null;
      const value = records.map(({ address }) => ({ address, port: null, weight: 1, priority: 0 }));
      return { value, ttlMs: ttlOf(records) };
    } catch (error) {
      if (isNoRecord(error)) return null;
      throw error;
    }
  }
}

function nodesOf(serviceName: string, { value, reason }: Known<Service>): readonly FoundNode[] {
  if (value !== null) return value.nodes;
  throw upstreamErrors.UPSTREAM_UNRESOLVED({ origin: serviceName, sent: false, reason });
}

/** Looks up the targets of SRV records (RFC 2782); those that do not resolve are left out. */
async function expandServices(
  client: DnsClient,
  name: string,
): Promise<Answer<readonly FoundNode[]> | null> {
  const records = await client.resolveSrv(name);
  const expanded = await Promise.all(records.map((record) => expand(client, record)));
  const found = expanded.filter((service) => service.addresses.length > 0);
  if (found.length === 0) return null;
  // Whole weights: as often as any target's addresses must share a weight, all weights are raised.
  const shares = found.reduce(
    (all, { addresses }) => leastCommonMultiple(all, addresses.length),
    1,
  );
  return {
    value: found.flatMap(({ record, addresses }) =>
      addresses.map((address) => ({
        address,
        port: record.port === NO_PORT ? null : record.port,
        // RFC 2782: weight 0 is a very small chance, not none.
        weight: (Math.max(1, record.weight) * shares) / addresses.length,
        priority: 0 - record.priority,
      })),
    ),
    ttlMs: Math.min(...found.map((service) => service.ttlMs)),
  };
}

async function expand(client: DnsClient, record: ServiceRecord) {
  try {
    const records = await lookUpAddresses(client, record.target);
    const addresses = records.map(({ address }) => address);
    return { record, addresses, ttlMs: addresses.length === 0 ? 0 : ttlOf(records) };
  } catch (error) {
    if (!isNoRecord(error)) throw error;
    return { record, addresses: [], ttlMs: 0 };
  }
}

function leastCommonMultiple(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, x % y];
  return (a / x) * b;
}

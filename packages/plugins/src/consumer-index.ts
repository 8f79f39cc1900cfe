import type { Consumer, ConsumerDirectory, FoundConsumer } from "@catena/pipeline";
import {
  type Credential,
  type JsonObject,
  type PluginConfs,
  type PluginRegistry,
  type Consumer as StoredConsumer,
  splitCredentialId,
} from "@catena/schema";

/** What a consumer or credential can be found by. */
interface Holder {
  readonly username: string;
  readonly credentialId: string;
  readonly conf: JsonObject;
  /** Made on first use, and anew when the consumer behind it changed. */
  found: FoundConsumer | null;
  madeFrom: StoredConsumer | null;
}

/**
 * The consumers and credentials that are served, kept up to date one change at a time. Whoever holds
 * this sees every change at once; finding somebody is one look-up per request.
 */
export class ConsumerIndex implements ConsumerDirectory {
  readonly #registry: PluginRegistry;
  readonly #consumers = new Map<string, StoredConsumer>();
  readonly #anonymous = new Map<string, Consumer>();
  /** By plugin, then by the value of its unique field; the last of several holders counts. */
  readonly #holders = new Map<string, Map<string, Holder[]>>();
  /** What was entered for a resource, to take it out again. */
  readonly #entered = new Map<string, { plugin: string; value: string; holder: Holder }[]>();

  constructor(registry: PluginRegistry) {
    this.#registry = registry;
  }

  find(plugin: string, value: string): FoundConsumer | null {
    const holder = this.#holders.get(plugin)?.get(value)?.at(-1);
    if (holder === undefined) return null;
    const consumer = this.#consumers.get(holder.username);
    // A credential without its consumer identifies nobody.
    if (consumer === undefined) return null;
    if (holder.found === null || holder.madeFrom !== consumer) {
      holder.found = { consumer: identify(consumer, holder.credentialId), conf: holder.conf };
      holder.madeFrom = consumer;
    }
    return holder.found;
  }

  get(name: string): Consumer | null {
    const consumer = this.#consumers.get(name);
    if (consumer === undefined) return null;
    let identity = this.#anonymous.get(name);
    if (identity === undefined) {
      identity = identify(consumer, "");
      this.#anonymous.set(name, identity);
    }
    return identity;
  }

  /** Puts a consumer in the place of the one by its username; `undefined` removes it. */
  setConsumer(username: string, consumer: StoredConsumer | undefined): void {
    this.#leave(username);
    this.#anonymous.delete(username);
    if (consumer === undefined) {
      this.#consumers.delete(username);
      return;
    }
    this.#consumers.set(username, consumer);
    this.#enter(username, username, "", consumer.plugins);
  }

  /** As for a consumer; `id` is the credential's full id, `jack/credentials/c1`. */
  setCredential(id: string, credential: Credential | undefined): void {
    this.#leave(id);
    const parts = splitCredentialId(id);
    if (credential === undefined || parts === null) return;
    this.#enter(id, parts.username, parts.credential, credential.plugins);
  }

  #enter(id: string, username: string, credentialId: string, plugins: PluginConfs = {}): void {
    const entered = [];
    for (const [plugin, conf] of Object.entries(plugins)) {
      const field = this.#registry.get(plugin)?.uniqueField;
      const value = field === undefined ? undefined : conf[field];
      // Whoever knows the name of a secret must not pass for who knows the secret.
      if (typeof value !== "string" || Object.values(conf).some(isUnresolved)) continue;
      const holder = { username, credentialId, conf, found: null, madeFrom: null };
      this.#holdersOf(plugin, value).push(holder);
      entered.push({ plugin, value, holder });
    }
    if (entered.length > 0) this.#entered.set(id, entered);
  }

  #leave(id: string): void {
    for (const { plugin, value, holder } of this.#entered.get(id) ?? []) {
      const holders = this.#holdersOf(plugin, value);
      holders.splice(holders.indexOf(holder), 1);
      if (holders.length === 0) this.#holders.get(plugin)?.delete(value);
    }
    this.#entered.delete(id);
  }

  #holdersOf(plugin: string, value: string): Holder[] {
    let byValue = this.#holders.get(plugin);
    if (byValue === undefined) {
      byValue = new Map();
      this.#holders.set(plugin, byValue);
    }
    let holders = byValue.get(value);
    if (holders === undefined) {
      holders = [];
      byValue.set(value, holders);
    }
    return holders;
  }
}

function identify(consumer: StoredConsumer, credentialId: string): Consumer {
  const labels = consumer.labels ?? {};
  return {
    name: consumer.username,
    groupId: consumer.group_id === undefined ? "" : String(consumer.group_id),
    credentialId,
    customId: labels["custom_id"] ?? "",
    labels,
  };
}

/** A reference to a secret kept elsewhere that nobody replaced by the secret. */
function isUnresolved(value: unknown): boolean {
  return typeof value === "string" && /^\$(secret|env):\/\//i.test(value);
}

import type { ConsumerView } from "@catena/expr";
import type { JsonObject } from "@catena/schema";

/** Who was identified as asking: a consumer, possibly by one of its credentials. */
export interface Consumer extends ConsumerView {
  /** The consumer's username. */
  readonly name: string;
  /** `group_id`; empty when it is in no group. */
  readonly groupId: string;
  /** Id of the credential that was shown; empty when the consumer's own plugins hold it. */
  readonly credentialId: string;
  /** Label `custom_id`; empty when there is none. */
  readonly customId: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** A consumer, and the configuration of the auth plugin by which it was found. */
export interface FoundConsumer {
  readonly consumer: Consumer;
  /** As stored, checked against the plugin's consumer schema. */
  readonly conf: JsonObject;
}

/** The consumers of a snapshot, as auth plugins look for them. */
export interface ConsumerDirectory {
  /**
   * Finds whose `value` it is: the value of the plugin's unique field (`key` of key-auth) in a
   * consumer's or a credential's configuration. One look-up in a hash map, so the time it takes does
   * not tell how much of a wrong key was right.
   */
  find(plugin: string, value: string): FoundConsumer | null;
  /** A consumer by its username, for `anonymous_consumer`. */
  get(name: string): Consumer | null;
}

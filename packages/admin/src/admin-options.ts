import type { ExpressionCheck, PluginRegistry } from "@catena/schema";
import type { ConfigStore } from "@catena/store";

/** A key that opens the Admin API. */
export interface AdminKey {
  /** Names the key's holder for people; it is never sent anywhere. */
  readonly name: string;
  readonly key: string;
  /** `viewer` may only read. */
  readonly role: "admin" | "viewer";
}

/** What an Admin API is made of. */
export interface AdminOptions {
  /** Opened and closed by the caller. */
  readonly store: ConfigStore;
  /** Directory of all resources in the store, without a slash at the end; APISIX's is `/apisix`. */
  readonly prefix: string;
  /** Keys accepted in `X-API-KEY`. Without any, nobody is let in. */
  readonly keys: readonly AdminKey[];
  /** The plugins whose configuration is accepted. */
  readonly registry: PluginRegistry;
  readonly checkExpression?: ExpressionCheck;
  /**
   * Keys of 16 or 32 bytes that secret fields are encrypted with in the store, as APISIX's
   * `apisix.data_encryption.keyring`; a store shared with APISIX needs the same. The first encrypts,
   * all decrypt. Default: none, fields are stored as they come.
   */
  readonly keyring?: readonly string[];
  /**
   * Addresses and CIDR blocks of clients that may connect, whatever key they have. Default: this
   * machine alone (`127.0.0.0/8`, `::1/128`). An empty list lets nobody in.
   */
  readonly allowAdmin?: readonly string[];
  /** `Server` of every answer; clients read APISIX's version from it. Default `APISIX/3.18.0`. */
  readonly serverHeader?: string;
  /** Whether browsers of other origins may read answers. Default `true`, as in APISIX. */
  readonly cors?: boolean;
  /**
   * `true`: the API-driven standalone mode of APISIX, in which the whole configuration is put as one
   * document (`/configs`) and there are no endpoints of single resources. Default `false`.
   */
  readonly standalone?: boolean;
  /** Told of every error that is no client's: a store that does not answer, a fault of the code. */
  readonly onFault?: (error: unknown) => void;
  /** Milliseconds since 1970; the clock behind create_time and update_time. */
  readonly now?: () => number;
}

import { formatIssue } from "@catena/errors";
import { formatFault, parseJson } from "@catena/json";
import {
  type FieldCipher,
  formatName,
  isJsonObject,
  type JsonObject,
  type Kind,
  type ParsedKey,
  parseKey,
  parseResource,
  type ResourceKey,
  type ResourceOf,
  type ValidationOptions,
} from "@catena/schema";
import type { Change, StoreEntry } from "@catena/store";
import { hideSecrets } from "../control/hide-secrets.ts";
import type { ControlItem } from "../control/v1-api.ts";
import { findReferences, resolveDocument } from "../secrets/resolve-document.ts";
import type { SecretBook } from "../secrets/secret-book.ts";
import type { Fault } from "./fault-list.ts";

/** Deepest JSON a stored item may have; deeper ones are refused before they are parsed. */
const maxItemDepth = 64;

/** A stored item that was refused; an earlier version of it may still serve. */
export interface RejectedItem {
  readonly key: string;
  readonly revision: number;
  readonly since: string;
  readonly reason: string;
}

interface AcceptedItem {
  readonly createRevision: number;
  readonly modRevision: number;
  /** What is stored, decrypted; references to secrets are still references. */
  readonly document: JsonObject;
  /** With secrets in the place of references; the same object where there are none. */
  readonly value: JsonObject;
  /** Secret fields that no key decrypts. */
  readonly sealed: number;
}

/** A stored text that was read; `null` for what is not a resource's document. */
interface ReadItem {
  readonly document: JsonObject | null;
  readonly references: ReadonlySet<string>;
  /** Why it is refused; `null` when it is in order. */
  readonly reason: string | null;
}

export interface ResourceTableOptions extends ValidationOptions {
  readonly cipher: FieldCipher;
  readonly secrets: SecretBook;
}

/**
 * Every stored resource that is valid, and the reasons of those that are not. A bad item is refused
 * by itself: its previous version stays, and the rest is not touched (as APISIX does on its watch).
 */
export class ResourceTable {
  readonly #options: ResourceTableOptions;
  readonly #prefix: string;
  readonly #resources = new Map<Kind, Map<string, AcceptedItem>>();
  readonly #revisions = new Map<string, number>();
  readonly #rejected = new Map<string, RejectedItem>();
  /** What was read to prepare for it, until it is applied. */
  readonly #read = new WeakMap<StoreEntry, ReadItem>();

  constructor(prefix: string, options: ResourceTableOptions) {
    this.#prefix = prefix;
    this.#options = options;
  }

  get secrets(): SecretBook {
    return this.#options.secrets;
  }

  get<K extends Kind>(kind: K, id: string): ResourceOf<K> | undefined {
    // #accept put it there only after parseResource had checked it against this kind.
    return this.#resources.get(kind)?.get(id)?.value as ResourceOf<K> | undefined;
  }

  /** All resources of a kind, in the order they were first accepted. */
  *entries<K extends Kind>(kind: K): IterableIterator<readonly [string, ResourceOf<K>]> {
    for (const [id, item] of this.#resources.get(kind) ?? []) {
      yield [id, item.value as ResourceOf<K>];
    }
  }

  /** A resource with the store's book-keeping and without its secrets, for the Control API. */
  item(kind: Kind, id: string): ControlItem | null {
    const found = this.#resources.get(kind)?.get(id);
    if (found === undefined) return null;
    return {
      key: `${this.#prefix}/${formatName({ kind, id })}`,
      value: hideSecrets(kind, id, found.document),
      createdIndex: found.createRevision,
      modifiedIndex: found.modRevision,
    };
  }

  count(kind: Kind): number {
    return this.#resources.get(kind)?.size ?? 0;
  }

  get rejected(): ReadonlyMap<string, RejectedItem> {
    return this.#rejected;
  }

  /** Whether an earlier version of a refused item still serves. */
  servesPrevious(key: string): boolean {
    const parsed = parseKey(key, this.#prefix);
    return parsed.type === "resource" && this.get(parsed.kind, parsed.id) !== undefined;
  }

  /** Keys seen in the store, refused ones included. */
  keys(): Iterable<string> {
    return this.#revisions.keys();
  }

  modRevision(key: string): number | undefined {
    return this.#revisions.get(key);
  }

  /** Looks up the secrets that changes refer to and that are not known; `null` when all are. */
  prepare(changes: readonly Change[]): Promise<void> | null {
    const references = new Set<string>();
    const managers = new Map<string, JsonObject | undefined>();
    for (const change of changes) {
      const key = change.kind === "put" ? change.entry.key : change.key;
      const parsed = parseKey(key, this.#prefix);
      if (parsed.type !== "resource") continue;
      const read = change.kind === "put" ? this.#readOnce(change.entry, parsed) : null;
      for (const reference of read?.references ?? []) references.add(reference);
      if (parsed.kind !== "secrets") continue;
      // One that is refused does not take the place of the one before.
      if (read === null) managers.set(parsed.id, undefined);
      else if (read.reason === null && read.document !== null) {
        managers.set(parsed.id, read.document);
      }
    }
    return this.#options.secrets.prepare(references, managers);
  }

  /**
   * Takes one change in.
   *
   * @returns the resource that is different now, or `null`: refused, or none of ours.
   */
  apply(change: Change): ResourceKey | null {
    const key = change.kind === "put" ? change.entry.key : change.key;
    const parsed = parseKey(key, this.#prefix);
    if (change.kind === "delete") return this.#remove(key, parsed);
    this.#revisions.set(key, change.entry.modRevision);
    if (parsed.type !== "resource") return null;
    const reason = this.#accept(change.entry, parsed);
    if (reason === null) {
      this.#rejected.delete(key);
      return parsed;
    }
    const earlier = this.#rejected.get(key);
    const since = earlier?.revision === change.entry.modRevision ? earlier.since : undefined;
    this.#rejected.set(key, {
      key,
      revision: change.entry.modRevision,
      since: since ?? new Date().toISOString(),
      reason,
    });
    return null;
  }

  /** Gives resources their secrets anew whose secrets are others now. @returns those resources. */
  resolveOutdated(): readonly ResourceKey[] {
    const { secrets } = this.#options;
    return secrets.takeOutdated().flatMap((name) => {
      const key = parseKey(`${this.#prefix}/${name}`, this.#prefix);
      const items = key.type === "resource" ? this.#resources.get(key.kind) : undefined;
      if (key.type !== "resource" || items === undefined) return [];
      const item = items.get(key.id);
      if (item === undefined) return [];
      const value = resolveDocument(key.kind, item.document, (text) => secrets.read(text));
      items.set(key.id, { ...item, value });
      return [key];
    });
  }

  /** Resources with secret fields that no key of the keyring decrypts. */
  *sealed(): IterableIterator<Fault> {
    for (const [kind, items] of this.#resources) {
      for (const [id, { sealed }] of items) {
        if (sealed === 0) continue;
        const fields = sealed === 1 ? "a secret field looks" : `${sealed} secret fields look`;
        const reason = `${fields} encrypted, and no key of the setting keyring decrypts it`;
        yield { resource: formatName({ kind, id }), reason };
      }
    }
  }

  #remove(key: string, parsed: ParsedKey): ResourceKey | null {
    this.#revisions.delete(key);
    this.#rejected.delete(key);
    if (parsed.type !== "resource") return null;
    if (this.#resources.get(parsed.kind)?.delete(parsed.id) !== true) return null;
    this.#options.secrets.use(formatName(parsed), noReferences);
    return parsed;
  }

  /** @returns why the item is refused, or `null` when it was taken. */
  #accept(entry: StoreEntry, key: ResourceKey): string | null {
    const { document, references, reason } = this.#readOnce(entry, key);
    if (document === null || reason !== null) return reason;
    const { secrets, cipher } = this.#options;
    const { kind, id } = key;
    let items = this.#resources.get(kind);
    if (items === undefined) {
      items = new Map();
      this.#resources.set(kind, items);
    }
    const { createRevision, modRevision } = entry;
    const value =
      references.size === 0
        ? document
        : resolveDocument(kind, document, (text) => secrets.read(text));
    const sealed = cipher.countSealed(kind, { id, ...document });
    items.set(id, { createRevision, modRevision, document, value, sealed });
    secrets.use(formatName(key), references);
    return null;
  }

  #readOnce(entry: StoreEntry, key: ResourceKey): ReadItem {
    let read = this.#read.get(entry);
    if (read === undefined) {
      read = this.#readEntry(entry, key);
      this.#read.set(entry, read);
    }
    return read;
  }

  #readEntry(entry: StoreEntry, { kind, id }: ResourceKey): ReadItem {
    const refuse = (reason: string) => ({ document: null, references: noReferences, reason });
    const json = parseJson(entry.value, { maxDepth: maxItemDepth });
    if (json.kind !== "value") return refuse(`not JSON: ${formatFault(json)}`);
    const decrypted = isJsonObject(json.value) ? this.#decrypt(kind, id, json.value) : json.value;
    const { value, issues } = parseResource(kind, decrypted, {
      ...this.#options,
      mode: "lenient",
      id,
    });
    if (value === undefined || !isJsonObject(value)) {
      return refuse(issues.map(formatIssue).join("; "));
    }
    return { document: value, references: findReferences(kind, value), reason: null };
  }

  /** Which plugin's metadata it is, a document need not say. */
  #decrypt(kind: Kind, id: string, document: JsonObject): JsonObject {
    const { cipher } = this.#options;
    if (kind !== "plugin_metadata" || Object.hasOwn(document, "id")) {
      return cipher.decryptAll(kind, document);
    }
    const { id: _, ...rest } = cipher.decryptAll(kind, { ...document, id });
    return rest;
  }
}

const noReferences: ReadonlySet<string> = new Set();

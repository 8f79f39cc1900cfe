import { formatIssue } from "@catena/errors";
import { formatFault, parseJson } from "@catena/json";
import {
  formatName,
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
  readonly value: unknown;
}

/**
 * Every stored resource that is valid, and the reasons of those that are not. A bad item is refused
 * by itself: its previous version stays, and the rest is not touched (as APISIX does on its watch).
 */
export class ResourceTable {
  readonly #validation: ValidationOptions;
  readonly #prefix: string;
  readonly #resources = new Map<Kind, Map<string, AcceptedItem>>();
  readonly #revisions = new Map<string, number>();
  readonly #rejected = new Map<string, RejectedItem>();

  constructor(prefix: string, validation: ValidationOptions) {
    this.#prefix = prefix;
    this.#validation = validation;
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
      value: hideSecrets(kind, id, found.value),
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

  #remove(key: string, parsed: ParsedKey): ResourceKey | null {
    this.#revisions.delete(key);
    this.#rejected.delete(key);
    if (parsed.type !== "resource") return null;
    return this.#resources.get(parsed.kind)?.delete(parsed.id) === true ? parsed : null;
  }

  /** @returns why the item is refused, or `null` when it was taken. */
  #accept(entry: StoreEntry, { kind, id }: ResourceKey): string | null {
    const json = parseJson(entry.value, { maxDepth: maxItemDepth });
    if (json.kind !== "value") return `not JSON: ${formatFault(json)}`;
    const { value, issues } = parseResource(kind, json.value, {
      ...this.#validation,
      mode: "lenient",
      id,
    });
    if (value === undefined) return issues.map(formatIssue).join("; ");
    let items = this.#resources.get(kind);
    if (items === undefined) {
      items = new Map();
      this.#resources.set(kind, items);
    }
    const { createRevision, modRevision } = entry;
    items.set(id, { createRevision, modRevision, value });
    return null;
  }
}

import { isSecretReference, type JsonObject } from "@catena/schema";
import type { Log } from "../log.ts";
import { type Environment, readEnvironmentSecret } from "./environment-secret.ts";
import { lookUpSecrets, type SecretManagers } from "./look-up-secrets.ts";
import type { SecretAnswer } from "./secret-answer.ts";
import { parseReference, type SecretReference } from "./secret-reference.ts";

export interface SecretBookOptions {
  readonly environment: Environment;
  /** A `secrets` resource that is in use, by its id with the manager (`vault/1`). */
  readonly resource: (id: string) => JsonObject | undefined;
  readonly managers: SecretManagers;
  readonly ttlMs: number;
  /** When a manager is asked again that could not answer, or had nothing. */
  readonly retryMs: number;
  /** How long {@link SecretBook.prepare} waits at most. */
  readonly waitMs: number;
  /** Most references that are followed. */
  readonly maxReferences: number;
  /** Told when secrets in use are others than before; never while one of the book's methods runs. */
  readonly onChange: () => void;
  readonly log: Log;
}

/** A reference that has no value, or whose value is the last one known. */
export interface UnresolvedSecret {
  readonly reference: string;
  readonly reason: string;
  /** RFC 3339; of the reason. */
  readonly since: string;
  /** Whether an earlier value is used on. */
  readonly serving_previous: boolean;
  /** `routes/1` */
  readonly used_by: readonly string[];
}

interface Entry {
  readonly text: string;
  readonly reference: SecretReference;
  value: string | null;
  reason: string | null;
  since: string;
  /** Milliseconds since 1970; infinite for what is not asked for again. */
  dueAt: number;
  readonly users: Set<string>;
  /** The round that asks for it; an answer of an earlier one is not taken. */
  asking: Promise<void> | null;
}

/** Whether nobody knows yet what a manager has for it. */
function isUnasked({ reference, since }: Entry): boolean {
  return reference.source === "manager" && since === "";
}

/** Most resources named per reference. */
const maxUsersShown = 10;

/**
 * The secrets that configuration refers to. Values are looked up before what refers to them is served,
 * asked for again when they have grown old, and used on while their manager cannot answer.
 */
export class SecretBook {
  readonly #options: SecretBookOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #usedBy = new Map<string, ReadonlySet<string>>();
  /** Users of references whose value is another one than they were given. */
  readonly #outdated = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | null = null;
  #isStopped = false;

  constructor(options: SecretBookOptions) {
    this.#options = options;
  }

  /** The value of a reference; `null` when there is none. */
  read(text: string): string | null {
    return this.#entry(text).value;
  }

  /** Notes what a resource refers to, in place of what was noted before. */
  use(user: string, references: ReadonlySet<string>): void {
    for (const text of this.#usedBy.get(user) ?? []) {
      if (references.has(text)) continue;
      const entry = this.#entries.get(text);
      entry?.users.delete(user);
      if (entry?.users.size === 0) this.#entries.delete(text);
    }
    if (references.size === 0) {
      this.#usedBy.delete(user);
      return;
    }
    this.#usedBy.set(user, references);
    for (const text of references) this.#entry(text).users.add(user);
    this.#schedule();
  }

  /**
   * Looks up what is not known yet.
   *
   * @param changed `secrets` resources as they are about to be; references through them are looked up
   *   again.
   * @returns `null` when there is nothing to wait for; a promise that never rejects and takes no longer
   *   than the options say.
   */
  prepare(
    references: Iterable<string>,
    changed: ReadonlyMap<string, JsonObject | undefined>,
  ): Promise<void> | null {
    const wanted = new Set<Entry>();
    const awaited = new Set<Promise<void>>();
    for (const text of references) {
      const entry = this.#entry(text);
      if (!isUnasked(entry)) continue;
      if (entry.asking === null) wanted.add(entry);
      else awaited.add(entry.asking);
    }
    for (const entry of changed.size === 0 ? [] : this.#entries.values()) {
      const { reference } = entry;
      if (reference.source === "manager" && changed.has(reference.id)) wanted.add(entry);
    }
    if (wanted.size > 0) {
      const resource = (id: string) =>
        changed.has(id) ? changed.get(id) : this.#options.resource(id);
      awaited.add(this.#ask([...wanted], resource));
    }
    if (awaited.size === 0) return null;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, this.#options.waitMs);
    void Promise.all(awaited).then(() => {
      clearTimeout(timer);
      resolve();
    });
    return promise;
  }

  /** Resources that have to be given their secrets anew; each is told once. */
  takeOutdated(): readonly string[] {
    const users = [...this.#outdated];
    this.#outdated.clear();
    return users;
  }

  /** Every value in use, to keep them out of what is shown. */
  *values(): IterableIterator<string> {
    for (const { value } of this.#entries.values()) if (value !== null) yield value;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** @param limit most that are listed. */
  unresolved(limit: number): readonly UnresolvedSecret[] {
    const list: UnresolvedSecret[] = [];
    for (const { text, value, reason, since, users } of this.#entries.values()) {
      if (list.length === limit) break;
      if (reason === null && value !== null) continue;
      list.push({
        reference: text,
        reason: reason ?? "it is being looked up",
        since,
        serving_previous: value !== null,
        used_by: [...users].slice(0, maxUsersShown),
      });
    }
    return list;
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #entry(text: string): Entry {
    const known = this.#entries.get(text);
    if (known !== undefined) return known;
    const isOver = this.#isFull();
    const entry: Entry = {
      text,
      reference: isOver
        ? {
            source: "none",
            reason: "there are more references than the setting secrets.references",
          }
        : parseReference(text),
      value: null,
      reason: null,
      since: "",
      dueAt: 0,
      users: new Set(),
      asking: null,
    };
    if (isSecretReference(text)) this.#entries.set(text, entry);
    const { reference } = entry;
    if (reference.source === "environment") {
      const { name, member } = reference;
      this.#take(entry, readEnvironmentSecret(this.#options.environment, name, member));
      entry.dueAt = Number.POSITIVE_INFINITY;
    } else if (reference.source === "none") {
      this.#take(entry, { kind: "missing", reason: reference.reason });
      entry.dueAt = Number.POSITIVE_INFINITY;
    }
    return entry;
  }

  /** Nothing is kept of references that nobody uses once there are too many. */
  #isFull(): boolean {
    const { maxReferences } = this.#options;
    if (this.#entries.size < maxReferences) return false;
    for (const entry of this.#entries.values()) {
      const { text, users, asking } = entry;
      if (users.size === 0 && asking === null && !isUnasked(entry)) this.#entries.delete(text);
    }
    return this.#entries.size >= maxReferences;
  }

  #ask(entries: readonly Entry[], resource: (id: string) => JsonObject | undefined): Promise<void> {
    const { managers, environment } = this.#options;
    const asked: Promise<void> = lookUpSecrets(entries, {
      managers,
      environment,
      resource,
      onAnswer: (entry, answer) => {
        if (entry.asking === asked) this.#take(entry, answer);
      },
    });
    for (const entry of entries) entry.asking = asked;
    return asked.then(() => {
      for (const entry of entries) if (entry.asking === asked) entry.asking = null;
      this.#schedule();
      if (this.#outdated.size > 0 && !this.#isStopped) this.#options.onChange();
    });
  }

  #take(entry: Entry, answer: SecretAnswer): void {
    const { ttlMs, retryMs, log } = this.#options;
    const isFirst = entry.since === "";
    const isNew = answer.kind === "found" && answer.value !== entry.value;
    const isGone = answer.kind === "missing" && entry.value !== null;
    if (answer.kind === "found") entry.value = answer.value;
    if (answer.kind === "missing") entry.value = null;
    const reason = answer.kind === "found" ? null : answer.reason;
    if (reason !== entry.reason || isFirst) {
      entry.since = new Date().toISOString();
      const fields = { reference: entry.text, serving_previous: entry.value !== null };
      if (reason !== null) log.error("a secret can't be resolved", { ...fields, reason });
      else if (!isFirst) log.info("a secret is resolved again", { reference: entry.text });
    }
    entry.reason = reason;
    entry.dueAt = Date.now() + (reason === null ? ttlMs : retryMs);
    if (isNew || isGone) for (const user of entry.users) this.#outdated.add(user);
  }

  /** One timer for all: at the time the next value is due. */
  #schedule(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#isStopped) return;
    let next = Number.POSITIVE_INFINITY;
    for (const { dueAt, asking, users } of this.#entries.values()) {
      if (asking === null && users.size > 0) next = Math.min(next, dueAt);
    }
    if (next === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => this.#refresh(), Math.max(0, next - Date.now()));
  }

  #refresh(): void {
    const now = Date.now();
    const due: Entry[] = [];
    for (const entry of this.#entries.values()) {
      // Prepared for something that was refused in the end.
      if (entry.users.size === 0 && entry.asking === null) this.#entries.delete(entry.text);
      else if (entry.dueAt <= now && entry.asking === null) due.push(entry);
    }
    if (due.length === 0) this.#schedule();
    else void this.#ask(due, this.#options.resource);
  }
}

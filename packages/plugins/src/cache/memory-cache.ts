/** A reply that is kept; times are seconds since 1970. */
export interface CachedReply {
  readonly status: number;
  /** Flat list. */
  readonly headers: readonly string[];
  readonly body: Uint8Array;
  readonly storedAt: number;
  readonly ttlSeconds: number;
}

/** The replies of one cache key. */
interface Slot {
  /** Names of headers, in lower case and sorted, by whose values variants are told apart. */
  vary: readonly string[];
  readonly variants: Map<string, CachedReply>;
}

/** Most variants of one key; the oldest goes first. */
const maxVariants = 64;

/** What a reply takes beside its body, about. */
const overheadBytes = 512;

/** Keeps replies in memory within a bound: those that were unused for longest go first. */
export class MemoryCache {
  readonly #slots = new Map<string, Slot>();
  readonly #limitBytes: number;
  #bytes = 0;
  /** Of replies that are on their way and may be kept. */
  #arriving = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Makes room for a part of a reply that may be kept; `false` when too many are on their way. */
  reserve(bytes: number): boolean {
    if (this.#arriving + bytes > this.#limitBytes) return false;
    this.#arriving += bytes;
    return true;
  }

  /** Gives back what {@link reserve} gave. */
  release(bytes: number): void {
    this.#arriving -= bytes;
  }

  /** @param read the value of a request header. */
  find(key: string, read: (header: string) => string): CachedReply | null {
    const slot = this.#slots.get(key);
    const found = slot?.variants.get(signatureOf(slot.vary, read));
    if (slot === undefined || found === undefined) return null;
    this.#slots.delete(key);
    this.#slots.set(key, slot);
    return found;
  }

  /** Replies that vary by other headers than the ones before take their place. */
  store(
    key: string,
    vary: readonly string[],
    read: (header: string) => string,
    reply: CachedReply,
  ): void {
    if (sizeOf(key, reply) > this.#limitBytes) return;
    let slot = this.#slots.get(key);
    if (slot !== undefined && slot.vary.join() !== vary.join()) {
      this.purge(key);
      slot = undefined;
    }
    slot ??= { vary, variants: new Map() };
    this.#slots.delete(key);
    this.#slots.set(key, slot);
    const signature = signatureOf(vary, read);
    this.#drop(key, slot, signature);
    const [oldest] = slot.variants.keys();
    if (oldest !== undefined && slot.variants.size >= maxVariants) this.#drop(key, slot, oldest);
    slot.variants.set(signature, reply);
    this.#bytes += sizeOf(key, reply);
    for (const other of this.#slots.keys()) {
      if (this.#bytes <= this.#limitBytes) break;
      this.purge(other);
    }
  }

  /** @returns whether there was anything. */
  purge(key: string): boolean {
    const slot = this.#slots.get(key);
    if (slot === undefined) return false;
    for (const signature of slot.variants.keys()) this.#drop(key, slot, signature);
    this.#slots.delete(key);
    return true;
  }

  #drop(key: string, slot: Slot, signature: string): void {
    const reply = slot.variants.get(signature);
    if (reply === undefined) return;
    slot.variants.delete(signature);
    this.#bytes -= sizeOf(key, reply);
  }
}

function signatureOf(vary: readonly string[], read: (header: string) => string): string {
  if (vary.length === 0) return "";
  return new Bun.CryptoHasher("sha256")
    .update(JSON.stringify(vary.map((name) => read(name))))
    .digest("base64");
}

function sizeOf(key: string, { headers, body }: CachedReply): number {
  let size = overheadBytes + key.length + body.byteLength;
  for (const text of headers) size += text.length;
  return size;
}

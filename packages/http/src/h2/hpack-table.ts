/** The static table (RFC 7541 Appendix A) as a flat list; index 1 is the first pair. */
// biome-ignore format: a table
const STATIC: readonly string[] = [
  ":authority", "", ":method", "GET", ":method", "POST", ":path", "/", ":path", "/index.html",
  ":scheme", "http", ":scheme", "https", ":status", "200", ":status", "204", ":status", "206",
  ":status", "304", ":status", "400", ":status", "404", ":status", "500", "accept-charset", "",
  "accept-encoding", "gzip, deflate", "accept-language", "", "accept-ranges", "", "accept", "",
  "access-control-allow-origin", "", "age", "", "allow", "", "authorization", "",
  "cache-control", "", "content-disposition", "", "content-encoding", "", "content-language", "",
  "content-length", "", "content-location", "", "content-range", "", "content-type", "",
  "cookie", "", "date", "", "etag", "", "expect", "", "expires", "", "from", "", "host", "",
  "if-match", "", "if-modified-since", "", "if-none-match", "", "if-range", "",
  "if-unmodified-since", "", "last-modified", "", "link", "", "location", "", "max-forwards", "",
  "proxy-authenticate", "", "proxy-authorization", "", "range", "", "referer", "", "refresh", "",
  "retry-after", "", "server", "", "set-cookie", "", "strict-transport-security", "",
  "transfer-encoding", "", "user-agent", "", "vary", "", "via", "", "www-authenticate", "",
];

const STATIC_COUNT = STATIC.length / 2;

/** What an entry takes besides its name and value (RFC 7541 §4.1). */
export const ENTRY_OVERHEAD = 32;

/** Indices of the static table: by name, its first; by `name value`, the exact one. */
export const staticNames: ReadonlyMap<string, number> = indexNames();
export const staticFields: ReadonlyMap<string, number> = indexFields();

function indexNames(): Map<string, number> {
  const names = new Map<string, number>();
  for (let index = STATIC_COUNT; index >= 1; index--) names.set(STATIC[2 * index - 2] ?? "", index);
  return names;
}

function indexFields(): Map<string, number> {
  const fields = new Map<string, number>();
  for (let index = 1; index <= STATIC_COUNT; index++) {
    const value = STATIC[2 * index - 1] ?? "";
    if (value !== "") fields.set(`${STATIC[2 * index - 2]} ${value}`, index);
  }
  return fields;
}

/** What a decoder looks indices up in: the static table, and behind it the fields seen last. */
export class HpackTable {
  /** Name and value of each entry, the oldest first. */
  #entries: string[] = [];
  /** Where the oldest entry that is left stands: dropping one is a step, not a copy of the list. */
  #first = 0;
  #size = 0;
  #maxSize: number;

  constructor(maxSize: number) {
    this.#maxSize = maxSize;
  }

  /** The name at an index of the block, or `null` when there is none. */
  name(index: number): string | null {
    if (index <= STATIC_COUNT) return STATIC[2 * index - 2] ?? null;
    return this.#entries[this.#placeOf(index)] ?? null;
  }

  value(index: number): string {
    if (index <= STATIC_COUNT) return STATIC[2 * index - 1] ?? "";
    return this.#entries[this.#placeOf(index) + 1] ?? "";
  }

  /** An entry that is larger than the table empties it (RFC 7541 §4.4). */
  add(name: string, value: string): void {
    this.#size += sizeOf(name, value);
    this.#entries.push(name, value);
    this.#shrink();
  }

  resize(maxSize: number): void {
    this.#maxSize = maxSize;
    this.#shrink();
  }

  /** Out of the list for an index of an entry that is not there. */
  #placeOf(index: number): number {
    const place = this.#entries.length - 2 * (index - STATIC_COUNT);
    return place < this.#first ? Number.MAX_SAFE_INTEGER : place;
  }

  #shrink(): void {
    while (this.#size > this.#maxSize) {
      this.#size -= sizeOf(this.#entries[this.#first] ?? "", this.#entries[this.#first + 1] ?? "");
      this.#first += 2;
    }
    if (this.#first < 256) return;
    this.#entries = this.#entries.slice(this.#first);
    this.#first = 0;
  }
}

function sizeOf(name: string, value: string): number {
  return name.length + value.length + ENTRY_OVERHEAD;
}

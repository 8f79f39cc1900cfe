import { ENTRY_OVERHEAD, HpackTable } from "./hpack-table.ts";
import { decodeHuffman } from "./huffman.ts";

/** The table size every decoder begins with (RFC 9113 §6.5.2), and the one we allow. */
const TABLE_BYTES = 4_096;

/** The fields of a block as a flat list, or that there are more than is allowed. */
export type DecodedBlock = readonly string[] | "too large";

/**
 * Decodes header blocks (RFC 7541) of one connection, each in the order it came: what one says may be
 * referred to by all that follow. Text is latin1.
 */
export class HpackDecoder {
  readonly #table = new HpackTable(TABLE_BYTES);
  readonly #maxFields: number;
  readonly #maxBytes: number;
  #bytes: Buffer = EMPTY;
  #at = 0;
  #end = 0;
  #isBroken = false;

  /** @param maxBytes of names and values of one block, 32 more for each (RFC 9113 §6.5.2). */
  constructor(maxFields: number, maxBytes: number) {
    this.#maxFields = maxFields;
    this.#maxBytes = maxBytes;
  }

  /**
   * @returns `null` when the block is not sound: the connection can't be read on then. A block that is
   *   too large is read to its end, so that the next one is understood.
   */
  decode(block: Buffer, from: number, to: number): DecodedBlock | null {
    this.#bytes = block;
    this.#at = from;
    this.#end = to;
    this.#isBroken = false;
    const fields: string[] = [];
    let size = 0;
    let isTooLarge = false;
    let isFirst = true;
    while (this.#at < this.#end) {
      const lead = block[this.#at] ?? 0;
      if ((lead & 0xe0) === 0x20) {
        // RFC 7541 §4.2: only at the beginning of a block.
        if (!isFirst || !this.#resize()) return null;
        continue;
      }
      isFirst = false;
      const name = this.#readField(lead, fields);
      if (name === null) return null;
      size += name.length + (fields[fields.length - 1] ?? "").length + ENTRY_OVERHEAD;
      if (size > this.#maxBytes || fields.length > 2 * this.#maxFields) isTooLarge = true;
      // What is not wanted is not kept, either.
      if (isTooLarge) fields.length = 0;
    }
    this.#bytes = EMPTY;
    return isTooLarge ? "too large" : fields;
  }

  /** Reads one field onto `fields`; returns its name, `null` when it is not sound. */
  #readField(lead: number, fields: string[]): string | null {
    if ((lead & 0x80) !== 0) {
      const index = this.#readInteger(7);
      const name = index === 0 ? null : this.#table.name(index);
      if (name === null || this.#isBroken) return null;
      fields.push(name, this.#table.value(index));
      return name;
    }
    const isKept = (lead & 0x40) !== 0;
    const index = this.#readInteger(isKept ? 6 : 4);
    const name = index === 0 ? this.#readString() : this.#table.name(index);
    const value = this.#readString();
    if (name === null || value === null || this.#isBroken) return null;
    if (isKept) this.#table.add(name, value);
    fields.push(name, value);
    return name;
  }

  #resize(): boolean {
    const size = this.#readInteger(5);
    if (this.#isBroken || size > TABLE_BYTES) return false;
    this.#table.resize(size);
    return true;
  }

  /** RFC 7541 §5.1; of no more than four bytes behind the prefix, which is more than any of ours. */
  #readInteger(bits: number): number {
    const mask = (1 << bits) - 1;
    let value = (this.#bytes[this.#at++] ?? 0) & mask;
    if (value < mask) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      if (this.#at >= this.#end) break;
      const byte = this.#bytes[this.#at++] ?? 0;
      value += (byte & 0x7f) << shift;
      if ((byte & 0x80) === 0) return value;
    }
    this.#isBroken = true;
    return 0;
  }

  #readString(): string | null {
    if (this.#isBroken || this.#at >= this.#end) return null;
    const isCoded = ((this.#bytes[this.#at] ?? 0) & 0x80) !== 0;
    const length = this.#readInteger(7);
    const from = this.#at;
    const to = from + length;
    if (this.#isBroken || to > this.#end) return null;
    this.#at = to;
    return isCoded
      ? decodeHuffman(this.#bytes, from, to)
      : this.#bytes.toString("latin1", from, to);
  }
}

const EMPTY = Buffer.alloc(0);

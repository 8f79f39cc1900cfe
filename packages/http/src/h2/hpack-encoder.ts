import { staticFields, staticNames } from "./hpack-table.ts";

/** Fields that no proxy on the way may remember (RFC 7541 §7.1.3). */
const SECRET = new Set(["authorization", "cookie", "proxy-authorization", "set-cookie"]);

/** A table of size 0 from the first block on (RFC 7541 §4.2): whatever the peer allows, this is less. */
const NO_TABLE = 0x20;

/**
 * Writes header blocks (RFC 7541) that refer to the static table alone. What is sent is a third longer
 * than with a table of its own and Huffman codes; there is no state that a secret could be guessed from.
 */
export class HpackEncoder {
  #isFirst = true;

  /**
   * @param fields flat list; names in lower case, all of latin1.
   */
  encode(fields: readonly string[]): Buffer {
    const block = Buffer.allocUnsafe(boundOf(fields));
    let at = 0;
    if (this.#isFirst) block[at++] = NO_TABLE;
    this.#isFirst = false;
    for (let i = 0; i + 1 < fields.length; i += 2) {
      // The bound makes both elements present.
      const name = fields[i] as string;
      const value = fields[i + 1] as string;
      const exact = staticFields.get(`${name} ${value}`);
      if (exact !== undefined) {
        block[at++] = 0x80 | exact;
        continue;
      }
      const known = staticNames.get(name) ?? 0;
      at = writeInteger(block, at, SECRET.has(name) ? 0x10 : 0, 4, known);
      if (known === 0) at = writeText(block, at, name);
      at = writeText(block, at, value);
    }
    return block.subarray(0, at);
  }
}

/** No field takes more than its text and three integers of five bytes. */
function boundOf(fields: readonly string[]): number {
  let bound = 1;
  for (const text of fields) bound += text.length + 10;
  return bound;
}

function writeText(block: Buffer, at: number, text: string): number {
  const behind = writeInteger(block, at, 0, 7, text.length);
  block.write(text, behind, "latin1");
  return behind + text.length;
}

/** RFC 7541 §5.1 */
function writeInteger(
  block: Buffer,
  at: number,
  lead: number,
  bits: number,
  value: number,
): number {
  const mask = (1 << bits) - 1;
  if (value < mask) {
    block[at] = lead | value;
    return at + 1;
  }
  block[at++] = lead | mask;
  let left = value - mask;
  while (left >= 0x80) {
    block[at++] = (left & 0x7f) | 0x80;
    left >>>= 7;
  }
  block[at] = left;
  return at + 1;
}

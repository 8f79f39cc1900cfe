/**
 * Bits of the code of each byte, and of the end mark last (RFC 7541 Appendix B). The code is
 * canonical: lengths alone give it, shorter codes first, equal lengths in the order of the bytes.
 */
// biome-ignore format: a table
const LENGTHS: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
  28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
  5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
  6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
  24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
  21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
  26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
];

const END_MARK = 256;

/**
 * The code as a tree in one array: at `2 * node + bit` is the next node, or `-1 - symbol` where a code
 * ends.
 */
const tree = buildTree();

function buildTree(): Int16Array {
  const symbols = LENGTHS.map((_, symbol) => symbol).sort(
    (a, b) => lengthOf(a) - lengthOf(b) || a - b,
  );
  const grown = new Int16Array(2 * 256);
  let nodes = 1;
  let code = 0;
  let length = lengthOf(symbols[0] ?? 0);
  for (const symbol of symbols) {
    code <<= lengthOf(symbol) - length;
    length = lengthOf(symbol);
    let node = 0;
    for (let bit = length - 1; bit >= 0; bit--) {
      const branch = 2 * node + ((code >>> bit) & 1);
      if (bit === 0) grown[branch] = -1 - symbol;
      else {
        if (grown[branch] === 0) grown[branch] = nodes++;
        node = grown[branch] ?? 0;
      }
    }
    code += 1;
  }
  return grown;
}

function lengthOf(symbol: number): number {
  return LENGTHS[symbol] ?? 0;
}

/**
 * Decodes a string of HPACK (RFC 7541 §5.2) to latin1 text.
 *
 * @returns `null` when it is not sound: an end mark within, or padding that is too long or not all ones.
 */
export function decodeHuffman(bytes: Buffer, from: number, to: number): string | null {
  // No code is shorter than five bits.
  const text = Buffer.allocUnsafe(Math.ceil(((to - from) * 8) / 5));
  let length = 0;
  let node = 0;
  let depth = 0;
  let isPadding = true;
  for (let at = from; at < to; at++) {
    const byte = bytes[at] ?? 0;
    for (let bit = 7; bit >= 0; bit--) {
      const one = (byte >>> bit) & 1;
      const next = tree[2 * node + one] ?? 0;
      if (next < 0) {
        const symbol = -1 - next;
        if (symbol === END_MARK) return null;
        text[length++] = symbol;
        node = 0;
        depth = 0;
        isPadding = true;
      } else {
        node = next;
        depth += 1;
        if (one === 0) isPadding = false;
      }
    }
  }
  if (depth > 7 || !isPadding) return null;
  return text.toString("latin1", 0, length);
}

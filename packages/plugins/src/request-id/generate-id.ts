const nanoidAlphabet = "-_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Seconds since the epoch at which a KSUID's time begins: 13 May 2014. */
const ksuidEpoch = 1_400_000_000;

/** 21 characters of 64: 126 random bits. */
export function nanoid(): string {
  let id = "";
  // 64 divides 256, so that no character is more likely than another.
  for (const byte of crypto.getRandomValues(new Uint8Array(21))) id += nanoidAlphabet[byte & 63];
  return id;
}

/** 27 characters of base 62: 32 bits of time in seconds and 128 random bits. */
export function ksuid(nowMs: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(20));
  new DataView(bytes.buffer).setUint32(0, Math.floor(nowMs / 1000) - ksuidEpoch);
  let number = BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
  let id = "";
  for (let i = 0; i < 27; i++) {
    id = base62.charAt(Number(number % 62n)) + id;
    number /= 62n;
  }
  return id;
}

/** `length` characters drawn from a set. */
export function rangeId(length: number, characters: string): string {
  const drawn = crypto.getRandomValues(new Uint32Array(length));
  let id = "";
  for (const number of drawn) id += characters[number % characters.length];
  return id;
}

/** What the first bytes of a connection say. */
export type HelloReading =
  /** Its end is yet to come. */
  | { readonly kind: "incomplete" }
  /** No ClientHello of TLS, or one that is not well formed. */
  | { readonly kind: "malformed" }
  /** @property serverName in lower case without a trailing dot; `null`: the client names none. */
  | { readonly kind: "hello"; readonly serverName: string | null };

/** Longest ClientHello that is waited for; BoringSSL takes no longer one either. */
const maxHelloBytes = 16_384;

const incomplete: HelloReading = { kind: "incomplete" };
const malformed: HelloReading = { kind: "malformed" };

/**
 * Reads the server name that a client asks for (RFC 8446 §4.1.2, RFC 6066 §3). Only this: which
 * certificate is shown, whether one is asked for and which versions are spoken must be known before the
 * handshake, and is not looked at again in it, so that nothing depends on both readings being the same.
 *
 * @param bytes all that the client sent so far.
 */
export function readClientHello(bytes: Uint8Array): HelloReading {
  const message = joinFragments(bytes);
  if (message === null) return malformed;
  if (message.length < 4) return incomplete;
  const length = uint24(message, 1);
  if (message[0] !== clientHello || length > maxHelloBytes) return malformed;
  if (message.length < 4 + length) return incomplete;
  const serverName = findServerName(message.subarray(4, 4 + length));
  return serverName === undefined ? malformed : { kind: "hello", serverName };
}

const handshakeRecord = 22;
const clientHello = 1;
const serverNameExtension = 0;
const hostNameType = 0;

/** The handshake messages of the records so far, which may cut one anywhere (RFC 8446 §5.1). */
function joinFragments(bytes: Uint8Array): Uint8Array | null {
  const fragments: Uint8Array[] = [];
  let at = 0;
  let size = 0;
  while (at < bytes.length) {
    if (bytes[at] !== handshakeRecord) return null;
    if (at + 1 < bytes.length && bytes[at + 1] !== 3) return null;
    if (at + 5 > bytes.length) break;
    const length = uint16(bytes, at + 3);
    if (length === 0 || length > maxHelloBytes) return null;
    const fragment = bytes.subarray(at + 5, at + 5 + length);
    fragments.push(fragment);
    at += 5 + length;
    size += fragment.length;
    // The message's end is in here if anywhere: what follows is not its business.
    if (size > maxHelloBytes + 4) break;
  }
  if (fragments.length === 1 && fragments[0] !== undefined) return fragments[0];
  const joined = new Uint8Array(size);
  let end = 0;
  for (const fragment of fragments) {
    joined.set(fragment, end);
    end += fragment.length;
  }
  return joined;
}

/** @returns `undefined` when the message is not well formed. */
function findServerName(hello: Uint8Array): string | null | undefined {
  const reader = new Reader(hello);
  reader.skip(2 + 32);
  reader.skip(reader.next(1));
  reader.skip(reader.next(2));
  reader.skip(reader.next(1));
  // TLS 1.2 allows a message that ends here.
  if (reader.isAtEnd) return reader.isBroken ? undefined : null;
  const extensions = new Reader(reader.take(reader.next(2)));
  if (reader.isBroken) return undefined;
  while (!extensions.isAtEnd) {
    const type = extensions.next(2);
    const body = extensions.take(extensions.next(2));
    if (extensions.isBroken) return undefined;
    if (type === serverNameExtension) return readHostName(new Reader(body));
  }
  return null;
}

function readHostName(body: Reader): string | undefined {
  const names = new Reader(body.take(body.next(2)));
  const type = names.next(1);
  const name = names.take(names.next(2));
  if (body.isBroken || names.isBroken || type !== hostNameType) return undefined;
  const text = Buffer.from(name).toString("latin1").toLowerCase();
  return /^[a-z0-9._-]{1,255}$/.test(text) ? text.replace(/\.$/, "") : undefined;
}

/** Takes bytes from the front; what lies beyond the end reads as nothing and is remembered. */
class Reader {
  isBroken = false;
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.isBroken || this.#at >= this.#bytes.length;
  }

  next(byteCount: 1 | 2): number {
    const bytes = this.take(byteCount);
    const [first = 0, second = 0] = bytes;
    return byteCount === 1 ? first : first * 256 + second;
  }

  skip(byteCount: number): void {
    this.take(byteCount);
  }

  take(byteCount: number): Uint8Array {
    const end = this.#at + byteCount;
    if (end > this.#bytes.length) this.isBroken = true;
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}

function uint16(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0);
}

function uint24(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) * 65_536 + uint16(bytes, at + 1);
}

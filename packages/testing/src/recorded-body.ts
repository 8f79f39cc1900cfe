/** A body in a recording; what has none of these is empty. */
export interface RecordedBody {
  /** Decoded JSON. */
  readonly body?: unknown;
  /** Other text, and JSON with a number that decoding would alter. */
  readonly text?: string;
  /** What is no text. */
  readonly base64?: string;
}

/** More digits than a double keeps (IEEE 754: 15 are always kept). */
const LONG_NUMBER = /(?:\d\.?){16}/;
const STRINGS = /"(?:[^"\\]|\\.)*"/g;

/** Writes a body down so that it reads well and is the same when it is read back. */
export function toRecordedBody(bytes: Uint8Array | null): RecordedBody {
  if (bytes === null || bytes.length === 0) return {};
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return { base64: Buffer.from(bytes).toString("base64") };
  }
  if (LONG_NUMBER.test(text.replaceAll(STRINGS, ""))) return { text };
  try {
    return { body: JSON.parse(text) };
  } catch {
    return { text };
  }
}

/** The bytes of a recorded body; `null` for an empty one. */
export function fromRecordedBody(recorded: RecordedBody): Uint8Array | null {
  const { body, text, base64 } = recorded;
  if (base64 !== undefined) return new Uint8Array(Buffer.from(base64, "base64"));
  if (text !== undefined) return new TextEncoder().encode(text);
  return body === undefined ? null : new TextEncoder().encode(JSON.stringify(body));
}

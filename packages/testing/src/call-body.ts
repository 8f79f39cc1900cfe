import type { CallBody } from "@catena/upstream";

/** A body as bytes; `null` for none. */
export async function bytesOf(body: CallBody | Uint8Array): Promise<Uint8Array | null> {
  if (body === null) return null;
  if (typeof body === "string") return new TextEncoder().encode(body);
  return body instanceof Uint8Array ? body : new Uint8Array(await new Response(body).arrayBuffer());
}

/** Decoded when it is JSON, else the text; `undefined` for no body or an empty one. */
export function decodeBody(bytes: Uint8Array | null): unknown {
  if (bytes === null || bytes.length === 0) return undefined;
  const text = new TextDecoder().decode(bytes);
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

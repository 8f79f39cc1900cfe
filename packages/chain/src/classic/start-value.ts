import { formatFault, type JsonLimits, JsonObjectSlices, scanObject } from "@catena/json";
import type { ChainRequest } from "../chain-request.ts";
import { chainErrors } from "../errors.ts";
import { isJsonType, jsonText } from "../json-text.ts";

export interface StartValue {
  /** Top-level members of the client's object; empty when it sent none. */
  readonly members: JsonObjectSlices;
  /** A body that is no JSON object and does not claim to be: the upstream gets it as it came. */
  readonly opaque: Uint8Array | null;
  readonly hasBody: boolean;
  readonly declaredJson: boolean;
}

/**
 * Reads the client's body: as text when it declares JSON, which is cheaper, else as bytes.
 *
 * @throws REQUEST_NOT_UTF8 (400); REQUEST_TOO_LARGE (413).
 */
export function readBody(
  request: ChainRequest,
  maxBytes: number,
): string | Promise<string | Uint8Array> {
  return isJsonType(request.header("content-type"))
    ? request.bodyText(maxBytes)
    : request.bodyBytes(maxBytes);
}

/**
 * The start value of a body that was read by {@link readBody}. Like the Lua plugin it looks at the
 * bytes, not only at the media type: `curl -d '{"a":1}'` declares a form.
 *
 * What is no JSON object is refused when it declares JSON, because nothing can be merged into an
 * array or a scalar (the Lua plugin ends in a 500, or drops a broken body silently), and carried
 * through untouched when it does not.
 *
 * @throws CHAIN_REQUEST_INVALID (400), with line and column for broken JSON.
 */
export function startWith(body: string | Uint8Array, limits: JsonLimits): StartValue {
  return typeof body === "string" ? readDeclared(body, limits) : readUndeclared(body, limits);
}

function readDeclared(text: string, limits: JsonLimits): StartValue {
  if (text === "" || text.trim() === "") return startFrom(new JsonObjectSlices(), false, true);
  const scan = scanObject(text, limits);
  if (scan.kind === "object") return startFrom(scan, true, true);
  const reason =
    scan.kind === "fault"
      ? formatFault(scan)
      : `expected a JSON object, found ${scan.kind === "array" ? "an array" : "a scalar"}`;
  throw chainErrors.CHAIN_REQUEST_INVALID({ reason });
}

function readUndeclared(bytes: Uint8Array, limits: JsonLimits): StartValue {
  if (bytes.length === 0) return startFrom(new JsonObjectSlices(), false, false);
  const text = startsObject(bytes) ? jsonText(bytes) : null;
  const scan = text === null ? null : scanObject(text, limits);
  if (scan?.kind === "object") return startFrom(scan, true, false);
  return { members: new JsonObjectSlices(), opaque: bytes, hasBody: true, declaredJson: false };
}

function startFrom(members: JsonObjectSlices, hasBody: boolean, declaredJson: boolean): StartValue {
  return { members, opaque: null, hasBody, declaredJson };
}

function startsObject(bytes: Uint8Array): boolean {
  for (const byte of bytes) {
    if (byte === 0x7b) return true;
    if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) return false;
  }
  return false;
}

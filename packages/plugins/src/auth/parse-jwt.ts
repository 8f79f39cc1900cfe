import { isJsonObject, type JsonObject } from "@catena/schema";

/** A JSON Web Token in compact form (RFC 7515 §3.1), taken apart and not verified. */
export interface ParsedJwt {
  readonly algorithm: string;
  readonly payload: JsonObject;
  /** What is signed: header and payload as they were sent. */
  readonly signed: string;
  readonly signature: Uint8Array;
}

/** Longest token that is looked at; headers hold no longer ones. */
const maxTokenLength = 16_384;

/** `null` for what is no signed token, and for one that asks for extensions (`crit`, §4.1.11). */
export function parseJwt(token: string): ParsedJwt | null {
  if (token.length > maxTokenLength) return null;
  const parts = token.split(".");
  const [headerPart = "", payloadPart = "", signaturePart = ""] = parts;
  if (parts.length !== 3 || !/^[A-Za-z0-9_-]+$/.test(signaturePart)) return null;
  const header = parsePart(headerPart);
  const payload = parsePart(payloadPart);
  if (header === null || payload === null || Object.hasOwn(header, "crit")) return null;
  const { alg } = header;
  return {
    algorithm: typeof alg === "string" ? alg : "",
    payload,
    signed: `${headerPart}.${payloadPart}`,
    signature: Buffer.from(signaturePart, "base64url"),
  };
}

function parsePart(part: string): JsonObject | null {
  if (!/^[A-Za-z0-9_-]+$/.test(part)) return null;
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString());
    return isJsonObject(value) ? value : null;
  } catch {
    return null;
  }
}

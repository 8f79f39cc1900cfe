import { adminErrors } from "../errors.ts";
import { parseJsonText } from "./parse-json-text.ts";

/** Largest body in bytes, APISIX's limit and etcd's default for one request. */
export const maxBodyBytes = 1_572_864;

/**
 * Reads a body up to the limit.
 *
 * @returns the text; empty when there is no body.
 * @throws ADMIN_REQUEST_INVALID
 */
export async function readBody(request: Request, maxBytes = maxBodyBytes): Promise<string> {
  const announced = Number(request.headers.get("content-length") ?? 0);
  if (announced > maxBytes) throw tooLarge(announced, maxBytes);
  if (request.body === null) return "";
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body) {
    size += chunk.byteLength;
    if (size > maxBytes) throw tooLarge(size, maxBytes);
    chunks.push(chunk);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));
  } catch {
    throw adminErrors.ADMIN_REQUEST_INVALID({ reason: "invalid request body: not UTF-8" });
  }
}

/**
 * Reads a body as JSON, whatever its content type says (as APISIX does).
 *
 * @returns `undefined` when there is no body.
 * @throws ADMIN_REQUEST_INVALID with line and column, and the body itself in its details
 */
export async function readJsonBody(request: Request): Promise<unknown> {
  const text = await readBody(request);
  return text === "" ? undefined : parseJsonText(text);
}

function tooLarge(size: number, maxBytes: number): Error {
  return adminErrors.ADMIN_REQUEST_INVALID({
    reason: `invalid request body: request size ${size} is greater than the maximum size ${maxBytes} allowed`,
  });
}

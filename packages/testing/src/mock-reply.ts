import type { UpstreamReply } from "@catena/upstream";
import type { MockReply } from "./mock.ts";

/** What a mock answers, as a transport would hand it over. */
export function toReply(answer: MockReply<unknown>, method: string): UpstreamReply {
  const { status, headers, body, bytes } = answer;
  const list = Object.entries(headers).flatMap(([name, value]) =>
    typeof value === "string" ? [name, value] : value.flatMap((one) => [name, one]),
  );
  const hasBody = bytes !== undefined || body !== undefined;
  const isBodiless = !hasBody || method === "HEAD" || status === 204 || status === 304;
  if (isBodiless) return { status, headers: list, body: null };
  const hasType = list.some((name, i) => i % 2 === 0 && name.toLowerCase() === "content-type");
  const isText = hasType && typeof body === "string";
  return {
    status,
    headers: hasType || bytes !== undefined ? list : ["content-type", "application/json", ...list],
    body: bytes ?? new TextEncoder().encode(isText ? body : JSON.stringify(body)),
  };
}

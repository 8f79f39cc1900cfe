import type { LoadRequest } from "../scenario.ts";

/** Each path as one whole HTTP/1.1 request, for clients that write bytes. */
export function toRequestBytes(request: LoadRequest): readonly Uint8Array[] {
  const body = request.body === null ? null : Buffer.from(request.body);
  const headers = Object.entries(request.headers).map(([name, value]) => `${name}: ${value}\r\n`);
  if (body !== null) headers.push(`Content-Length: ${body.length}\r\n`);
  return request.paths.map((path) => {
    const head = `${request.method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${headers.join("")}\r\n`;
    return body === null ? Buffer.from(head) : Buffer.concat([Buffer.from(head), body]);
  });
}

import { acceptOf, hasToken, NOT_TOKEN, NOT_VALUE } from "@catena/http";
import type { UpstreamCall } from "../transport/transport.ts";

/** Written by us, or not offered: a frame is passed on only without extensions. */
const NOT_SENT = /^(?:connection|upgrade|sec-websocket-extensions)$/i;

/** Words a handshake (RFC 6455 §4.1); the call has passed `checkCall`. */
export function writeUpgrade(call: UpstreamCall): Buffer {
  const { headers } = call;
  let head = `${call.method} ${call.target} HTTP/1.1\r\n`;
  for (let i = 0; i < headers.length; i += 2) {
    if (!NOT_SENT.test(headers[i] ?? "")) head += `${headers[i]}: ${headers[i + 1]}\r\n`;
  }
  return Buffer.from(`${head}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`, "latin1");
}

/**
 * Checks a reply of status 101 against the request it answers (RFC 6455 §4.1).
 *
 * @param text status line and headers, each line's CRLF included.
 * @returns the headers that are the client's business, as a flat list, or what is wrong.
 */
export function readSwitch(text: string, call: UpstreamCall): readonly string[] | string {
  const kept: string[] = [];
  let upgrade = "";
  let accept = "";
  let connection = "";
  for (const line of text.split("\r\n").slice(1, -1)) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon);
    const value = line.slice(colon + 1).trim();
    if (colon < 1 || NOT_TOKEN.test(name) || NOT_VALUE.test(value)) return "a bad header line";
    switch (name.toLowerCase()) {
      case "upgrade":
        upgrade = value;
        break;
      case "connection":
        connection += `,${value}`;
        break;
      case "sec-websocket-accept":
        accept = value;
        break;
      case "sec-websocket-extensions":
        if (value !== "") return "an extension that was not offered";
        break;
      default:
        kept.push(name, value);
    }
  }
  if (upgrade.toLowerCase() !== "websocket") return "a switch to another protocol";
  if (!hasToken(connection, "upgrade")) return "a switch without Connection: Upgrade";
  if (accept !== expectedAccept(call)) return "a Sec-WebSocket-Accept that does not fit the key";
  return kept;
}

function expectedAccept({ headers }: UpstreamCall): string {
  for (let i = 0; i < headers.length; i += 2) {
    // Flat lists have an even length.
    if (headers[i]?.toLowerCase() === "sec-websocket-key")
      return acceptOf(headers[i + 1] as string);
  }
  return "";
}

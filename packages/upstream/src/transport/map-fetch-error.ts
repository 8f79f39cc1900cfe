import type { GatewayError } from "@catena/errors";
import { upstreamErrors } from "../errors.ts";
import { describeOrigin } from "./describe-origin.ts";
import type { UpstreamCall } from "./transport.ts";

type UpstreamCode = Exclude<keyof typeof upstreamErrors, "UPSTREAM_BAD_HOST">;

/** `code` of what Bun's fetch throws; what is not here is a broken connection. */
const CODES = new Map<string, UpstreamCode>([
  ["ECONNREFUSED", "UPSTREAM_REFUSED"],
  ["ConnectionRefused", "UPSTREAM_REFUSED"],
  ["EHOSTUNREACH", "UPSTREAM_REFUSED"],
  ["ENETUNREACH", "UPSTREAM_REFUSED"],
  ["EADDRNOTAVAIL", "UPSTREAM_REFUSED"],
  ["ENOTFOUND", "UPSTREAM_UNRESOLVED"],
  ["EAI_AGAIN", "UPSTREAM_UNRESOLVED"],
  ["InvalidHTTPResponse", "UPSTREAM_BAD_REPLY"],
  ["Malformed_HTTP_Response", "UPSTREAM_BAD_REPLY"],
  ["InvalidContentLength", "UPSTREAM_BAD_REPLY"],
  ["UnsupportedTransferEncoding", "UPSTREAM_BAD_REPLY"],
  ["UnrequestedUpgrade", "UPSTREAM_BAD_REPLY"],
  ["ResponseHeadersTooLarge", "UPSTREAM_BAD_REPLY"],
  ["FailedToOpenSocket", "UPSTREAM_REFUSED"],
  ["ERR_INVALID_ARG_VALUE", "UPSTREAM_BAD_CALL"],
  ["ERR_INVALID_ARG_TYPE", "UPSTREAM_BAD_CALL"],
]);

const TLS_CODE =
  /^(?:ERR_TLS|ERR_SSL|ERR_OSSL|CERT_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|EPROTO|HOSTNAME_)/;

const UNSENT = new Set<UpstreamCode>([
  "UPSTREAM_REFUSED",
  "UPSTREAM_UNRESOLVED",
  "UPSTREAM_BAD_CALL",
]);

/**
 * Maps what `fetch` threw to a code of ours. Only the code is kept: fetch's messages hold the URL,
 * and with it the query.
 */
export function mapFetchError(call: UpstreamCall, error: unknown): GatewayError {
  const reason = codeOf(error);
  const code =
    // What a PEM that cannot be read comes out as.
    reason === "FailedToOpenSocket" && call.origin.scheme === "https"
      ? "UPSTREAM_TLS"
      : (CODES.get(reason) ?? (TLS_CODE.test(reason) ? "UPSTREAM_TLS" : "UPSTREAM_RESET"));
  return upstreamErrors[code]({
    origin: describeOrigin(call.origin),
    sent: !UNSENT.has(code),
    reason,
  });
}

function codeOf(error: unknown): string {
  if (typeof error === "object" && error !== null && "code" in error) {
    const { code } = error;
    if (typeof code === "string" && code !== "") return code;
  }
  return error instanceof Error ? error.name : "unknown";
}

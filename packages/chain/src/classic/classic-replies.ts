import type { GatewayError } from "@catena/errors";
import type { ChainOutcome } from "../chain-request.ts";
import { shownText } from "../json-text.ts";
import type { ClassicChain, ClassicService } from "./compile-classic.ts";

/** A service's error body is quoted up to here; the rest helps nobody and costs memory. */
const MAX_QUOTED_BYTES = 16 * 1024;

const JSON_HEADERS: readonly string[] = ["content-type", "application/json"];
/** What the Lua plugin's replies carry: a table given to the core's exit, with a line end. */
const LITERAL_HEADERS: readonly string[] = ["content-type", "text/plain; charset=utf-8"];

/** The service was not reached, or gave no whole reply in time: 500, as documented. */
export function unreachableReply(
  chain: ClassicChain,
  service: ClassicService,
  error: GatewayError,
): ChainOutcome {
  return errorReply(
    chain,
    500,
    { error: `Failed to call service: ${shown(chain, service)}` },
    error,
  );
}

/** The service's own status and its body, quoted. */
export function serviceErrorReply(
  chain: ClassicChain,
  status: number,
  body: Uint8Array,
  error: GatewayError,
): ChainOutcome {
  const quoted = shownText(body.subarray(0, MAX_QUOTED_BYTES));
  return errorReply(chain, replyStatus(status), { error: "Service error", body: quoted }, error);
}

/** The service's reply is no JSON object: 500, as documented for broken JSON. */
export function invalidReply(
  chain: ClassicChain,
  service: ClassicService,
  isJson: boolean,
  error: GatewayError,
): ChainOutcome {
  const what = isJson && !chain.literalErrors ? "Expected a JSON object in" : "Invalid JSON in";
  return errorReply(chain, 500, { error: `${what} response from ${shown(chain, service)}` }, error);
}

/** Anything the Lua plugin has no words for, in the same shape. */
export function faultReply(chain: ClassicChain, error: GatewayError): ChainOutcome {
  return errorReply(chain, error.status, { error: error.message }, error);
}

function errorReply(
  chain: ClassicChain,
  status: number,
  body: { readonly error: string; readonly body?: string },
  error: GatewayError,
): ChainOutcome {
  const text = JSON.stringify(body);
  return chain.literalErrors
    ? { kind: "reply", status, headers: LITERAL_HEADERS, body: `${text}\n`, error }
    : { kind: "reply", status, headers: JSON_HEADERS, body: text, error };
}

function shown(chain: ClassicChain, service: ClassicService): string {
  return chain.literalErrors ? service.uri : service.label;
}

/** A status that cannot carry this body to a client is a bad gateway. */
function replyStatus(status: number): number {
  return status < 200 || status > 599 || status === 304 ? 502 : status;
}

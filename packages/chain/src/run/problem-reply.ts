import type { GatewayError } from "@catena/errors";
import type { ChainOutcome } from "../chain-request.ts";

/** What became of the undo calls of a chain that failed. */
export interface UndoReport {
  readonly undone: readonly string[];
  readonly undoFailed: readonly string[];
  /** Steps of which nobody knows whether they happened, and that could not be undone blindly. */
  readonly unknown: readonly string[];
}

const HEADERS: readonly string[] = ["content-type", "application/problem+json"];

/** RFC 9110 §15; what else there is says the class. */
const TITLES: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  409: "Conflict",
  413: "Content Too Large",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  499: "Client Closed Request",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

/**
 * The answer to a client whose chain failed (RFC 9457): names the chain, the step, the reason and
 * the request; nothing of an upstream's response, nor of our own faults, is in it.
 */
export function problemReply(
  error: GatewayError,
  chain: string,
  requestId: string,
  report: UndoReport | null = null,
): ChainOutcome {
  const status = problemStatus(error);
  const { step } = error.details;
  const body = {
    type: "about:blank",
    title: TITLES[status] ?? (status < 500 ? "Client Error" : "Server Error"),
    status,
    detail: error.message,
    code: error.code,
    chain,
    ...(typeof step === "string" ? { step } : {}),
    request_id: requestId,
    ...(report === null || report.undone.length === 0 ? {} : { undone: report.undone }),
    ...(report === null || report.undoFailed.length === 0
      ? {}
      : { undo_failed: report.undoFailed }),
    ...(report === null || report.unknown.length === 0 ? {} : { outcome_unknown: report.unknown }),
  };
  return { kind: "reply", status, headers: HEADERS, body: JSON.stringify(body), error };
}

/** A status that a step's `on_status` passes on is the client's too. */
function problemStatus(error: GatewayError): number {
  const { pass, status } = error.details;
  return pass === true && typeof status === "number" && status >= 400 ? status : error.status;
}

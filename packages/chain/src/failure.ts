import { type GatewayError, isGatewayError } from "@catena/errors";
import { chainErrors } from "./errors.ts";
import type { SendRun } from "./run-context.ts";

/** Takes whatever was thrown as an error of ours: what is none is a fault of the gateway. */
export function asGatewayError(error: unknown, step: string): GatewayError {
  return isGatewayError(error) ? error : chainErrors.CHAIN_INTERNAL({ step }, error);
}

/** Codes raised while a value is computed; they know no step. */
const VALUE_CODES = new Set([
  "CHAIN_VALUE_FAULT",
  "VALUE_ARGUMENT",
  "VALUE_TOO_LARGE",
  "VALUE_COLLISION",
  "JSON_NUMBER_OUT_OF_RANGE",
]);

/** Turns what a value's computation threw into an error that names the step. */
export function wrapValueFault(error: unknown, step: string, place: string): GatewayError {
  if (!isGatewayError(error)) return chainErrors.CHAIN_INTERNAL({ step }, error);
  if (error.code === "VALUE_COLLISION")
    return chainErrors.CHAIN_MERGE_COLLISION({ step, key: String(error.details["key"]) }, error);
  if (!VALUE_CODES.has(error.code)) return error;
  return chainErrors.CHAIN_VALUE_INVALID({ step, place, reason: error.message }, error);
}

/**
 * Turns what a call threw into an error of the chain. The upstream's own error stays as the cause,
 * for logs; its message names an address and never reaches a client.
 */
export function wrapCallFault(error: unknown, run: SendRun, maxBytes: number): GatewayError {
  const step = run.label;
  if (!isGatewayError(error)) return chainErrors.CHAIN_INTERNAL({ step }, error);
  switch (error.code) {
    case "UPSTREAM_CANCELLED":
      return run.cancel.reason === "deadline"
        ? chainErrors.CHAIN_DEADLINE({ step }, error)
        : chainErrors.CHAIN_CANCELLED({ step, reason: run.cancel.reason ?? "superseded" }, error);
    case "UPSTREAM_TOO_LARGE":
      return chainErrors.CHAIN_RESPONSE_TOO_LARGE({ step, maxBytes }, error);
    case "UPSTREAM_BAD_CALL":
      return chainErrors.CHAIN_INTERNAL({ step }, error);
    default:
      if (isTimeout(error))
        return run.remainingMs() <= 0
          ? chainErrors.CHAIN_DEADLINE({ step }, error)
          : chainErrors.CHAIN_STEP_TIMEOUT({ step }, error);
      return error.code.startsWith("UPSTREAM_")
        ? chainErrors.CHAIN_STEP_UNREACHABLE({ step }, error)
        : error;
  }
}

/** Whether an attempt ran out of time: its own, or a phase of it. */
export function isTimeout(error: GatewayError): boolean {
  return error.code === "UPSTREAM_DEADLINE" || error.code.endsWith("_TIMEOUT");
}

/** Failures that tell that a service is not well. */
const SERVICE_FAULTS = new Set([
  "CHAIN_STEP_UNREACHABLE",
  "CHAIN_STEP_TIMEOUT",
  "CHAIN_DEADLINE",
  "CHAIN_REPLY_INVALID",
  "CHAIN_RESPONSE_TOO_LARGE",
]);

export function isServiceFault(error: GatewayError): boolean {
  if (error.code === "CHAIN_STEP_STATUS") return Number(error.details["status"]) >= 500;
  return SERVICE_FAULTS.has(error.code);
}

/** Failures that end the chain whatever a step's `on_error` says. */
const FATAL = new Set([
  "CHAIN_CANCELLED",
  "CHAIN_DEADLINE",
  "CHAIN_EACH_TOO_MANY",
  "CHAIN_UNDO_LOG",
]);

export function isFatal(error: GatewayError): boolean {
  return FATAL.has(error.code) || error.details["pass"] === true;
}

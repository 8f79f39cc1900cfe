import { GatewayError, isGatewayError } from "@catena/errors";
import type { Replies } from "./replies.ts";

/** Codes whose answers come out of a resource's handler and carry its version header. */
const fromResource = new Set([
  "ADMIN_PAGE_SIZE_INVALID",
  "ADMIN_RESOURCE_INVALID",
  "ADMIN_RESOURCE_MISSING",
  "ADMIN_OWNER_MISSING",
  "ADMIN_METHOD_UNSUPPORTED",
  "ADMIN_PLUGIN_UNKNOWN",
]);

/** Turns whatever a handler threw into an answer; the one place that does. */
export function toErrorReply(error: unknown, replies: Replies): Response {
  // What is wrong with our own code is for the operator.
  if (!(error instanceof GatewayError) || error.source === "internal") {
    return replies.json(500, { error_msg: "internal error" });
  }
  const { code, status, message, details } = error;
  const versioned = fromResource.has(code);
  if (code === "ADMIN_PAGE_SIZE_INVALID") return replies.text(status, message, versioned);
  if (code === "ADMIN_RESOURCE_MISSING") return replies.json(status, { message }, versioned);
  const body = details["body"];
  return replies.json(
    status,
    { error_msg: message, ...(typeof body === "string" ? { req_body: body } : {}) },
    versioned,
  );
}

/** Whether an error is a fault of ours or the store's, which an operator should hear of. */
export function isFault(error: unknown): boolean {
  return !isGatewayError(error) || error.status >= 500;
}

import { defineErrors } from "@catena/errors";

/** Everything the Admin API refuses or fails with. Messages are the `error_msg` clients see. */
export const adminErrors = defineErrors({
  ADMIN_REQUEST_INVALID: {
    status: 400,
    source: "downstream",
    retryable: false,
    message: (p: { reason: string; body?: string }) => p.reason,
  },
  ADMIN_PAGE_SIZE_INVALID: {
    status: 400,
    source: "downstream",
    retryable: false,
    message: (_: { size: number }) => "page_size must be between 10 and 500",
  },
  ADMIN_RESOURCE_INVALID: {
    status: 400,
    source: "downstream",
    retryable: false,
    message: (p: { reason: string }) => p.reason,
  },
  ADMIN_RESOURCE_MISSING: {
    status: 404,
    source: "downstream",
    retryable: false,
    message: (_: { key: string }) => "Key not found",
  },
  ADMIN_OWNER_MISSING: {
    status: 404,
    source: "downstream",
    retryable: false,
    message: (p: { kind: string }) => `${p.kind} not found`,
  },
  ADMIN_PLUGIN_UNKNOWN: {
    status: 404,
    source: "downstream",
    retryable: false,
    message: (p: { subsystem: string }) => `plugin not found in subsystem ${p.subsystem}`,
  },
  ADMIN_PATH_UNKNOWN: {
    status: 404,
    source: "downstream",
    retryable: false,
    message: (p: { reason: string }) => p.reason,
  },
  ADMIN_METHOD_UNSUPPORTED: {
    status: 405,
    source: "downstream",
    retryable: false,
    message: (p: { method: string; kind: string }) =>
      `not supported \`${p.method}\` method for ${p.kind}`,
  },
  ADMIN_CONFLICT: {
    status: 503,
    source: "store",
    retryable: true,
    message: (_: { key: string }) => "value changed before overwritten",
  },
  ADMIN_STORED_VALUE_BROKEN: {
    status: 500,
    source: "store",
    retryable: false,
    message: (p: { key: string }) => `what is stored at ${p.key} is not a JSON object`,
  },
  ADMIN_ADDRESS_INVALID: {
    status: 500,
    source: "config",
    retryable: false,
    message: (p: { reason: string }) => `who may use the Admin API is not clear: ${p.reason}`,
  },
  ADMIN_LISTEN_FAILED: {
    status: 500,
    source: "config",
    retryable: false,
    message: (p: { address: string; reason: string }) =>
      `the Admin API cannot listen on ${p.address}: ${p.reason}`,
  },
});

import { defineErrors, type GatewayError } from "@catena/errors";

/** Raised while a value is computed; the step that asked for it turns it into CHAIN_VALUE_INVALID. */
const faults = defineErrors({
  CHAIN_VALUE_FAULT: {
    status: 422,
    source: "downstream",
    retryable: false,
    message: (p: { reason: string }) => p.reason,
  },
});

/** @param reason continues "the value …", as `is not a number`; never holds data of the request. */
export function valueFault(reason: string): GatewayError {
  return faults.CHAIN_VALUE_FAULT({ reason });
}

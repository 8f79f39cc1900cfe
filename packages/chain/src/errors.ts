import { defineErrors } from "@catena/errors";

interface StepFault {
  readonly step: string;
}

/** Everything that can end a chain. `step` is a name from the chain, never an address. */
export const chainErrors = defineErrors({
  CHAIN_REQUEST_INVALID: {
    status: 400,
    source: "downstream",
    retryable: false,
    message: (p: { reason: string }) => `the request body is not usable: ${p.reason}`,
  },
  CHAIN_INPUT_INVALID: {
    status: 400,
    source: "downstream",
    retryable: false,
    message: (p: { part: string; path: string; reason: string }) =>
      `the request's ${p.part}${p.path} is refused: ${p.reason}`,
  },
  CHAIN_TOKEN_AMBIGUOUS: {
    status: 400,
    source: "downstream",
    retryable: false,
    message: (p: { header: string }) => `header "${p.header}" must be given once`,
  },
  CHAIN_STEP_UNREACHABLE: {
    status: 502,
    source: "upstream",
    retryable: true,
    message: (p: StepFault) => `step "${p.step}" could not be called`,
  },
  CHAIN_STEP_TIMEOUT: {
    status: 504,
    source: "upstream",
    retryable: true,
    message: (p: StepFault) => `step "${p.step}" did not answer in time`,
  },
  CHAIN_DEADLINE: {
    status: 504,
    source: "upstream",
    retryable: true,
    message: (p: StepFault) => `the chain's deadline passed at step "${p.step}"`,
  },
  CHAIN_STEP_STATUS: {
    status: 502,
    source: "upstream",
    retryable: false,
    message: (p: StepFault & { status: number; pass?: true }) =>
      `step "${p.step}" answered ${p.status}`,
  },
  CHAIN_REPLY_INVALID: {
    status: 502,
    source: "upstream",
    retryable: false,
    message: (p: StepFault & { reason: string }) =>
      `the response of step "${p.step}" is not usable: ${p.reason}`,
  },
  CHAIN_RESPONSE_TOO_LARGE: {
    status: 502,
    source: "upstream",
    retryable: false,
    message: (p: StepFault & { maxBytes: number }) =>
      `the response of step "${p.step}" is larger than ${p.maxBytes} bytes`,
  },
  CHAIN_MERGED_TOO_LARGE: {
    status: 502,
    source: "upstream",
    retryable: false,
    message: (p: StepFault & { maxBytes: number }) =>
      `the value made at "${p.step}" is larger than ${p.maxBytes} bytes`,
  },
  CHAIN_MERGE_COLLISION: {
    status: 502,
    source: "upstream",
    retryable: false,
    message: (p: StepFault & { key: string }) =>
      `the values merged at "${p.step}" both have the member "${p.key}"`,
  },
  CHAIN_EACH_TOO_MANY: {
    status: 422,
    source: "downstream",
    retryable: false,
    message: (p: StepFault & { items: number; max: number }) =>
      `step "${p.step}" takes at most ${p.max} items, there are ${p.items}`,
  },
  CHAIN_EACH_NOT_ARRAY: {
    status: 422,
    source: "downstream",
    retryable: false,
    message: (p: StepFault) => `step "${p.step}" needs an array`,
  },
  CHAIN_VALUE_INVALID: {
    status: 422,
    source: "downstream",
    retryable: false,
    message: (p: StepFault & { place: string; reason: string }) =>
      `${p.place} of step "${p.step}" ${p.reason}`,
  },
  CHAIN_HOST_REFUSED: {
    status: 422,
    source: "downstream",
    retryable: false,
    message: (p: StepFault) => `step "${p.step}" may not call the host it was given`,
  },
  CHAIN_BREAKER_OPEN: {
    status: 503,
    source: "upstream",
    retryable: true,
    message: (p: StepFault) => `step "${p.step}" failed too often and is not being called`,
  },
  CHAIN_SUB_TOO_DEEP: {
    status: 500,
    source: "config",
    retryable: false,
    message: (p: StepFault & { maxDepth: number }) =>
      `step "${p.step}" nests chains deeper than ${p.maxDepth}`,
  },
  CHAIN_UNDO_FAILED: {
    status: 500,
    source: "upstream",
    retryable: false,
    message: (p: { step: string; undone: readonly string[]; undoFailed: readonly string[] }) =>
      `step "${p.step}" failed and ${p.undoFailed.join(", ")} could not be undone`,
  },
  CHAIN_UNDO_LOG: {
    status: 503,
    source: "store",
    retryable: true,
    message: (p: StepFault) =>
      `step "${p.step}" was not called because its undo could not be recorded`,
  },
  CHAIN_UNDO_CLOSE: {
    status: 503,
    source: "store",
    retryable: true,
    message: (_: object) => "the chain was undone because its success could not be recorded",
  },
  CHAIN_CANCELLED: {
    status: 499,
    source: "downstream",
    retryable: false,
    message: (p: StepFault & { reason: string }) =>
      `the chain was given up at step "${p.step}": ${p.reason}`,
  },
  CHAIN_INTERNAL: {
    status: 500,
    source: "internal",
    retryable: false,
    message: (p: StepFault) => `step "${p.step}" failed inside the gateway`,
  },
});

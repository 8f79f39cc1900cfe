import { defineErrors } from "@catena/errors";

/** What reading JSON can fail with once a value is needed and not only its text. */
export const jsonErrors = defineErrors({
  JSON_NUMBER_OUT_OF_RANGE: {
    status: 422,
    source: "downstream",
    retryable: false,
    message: (p: { number: string; offset: number }) =>
      `number ${p.number} at character ${p.offset + 1} would change its value in a computation; pass it through as it is, or have it sent as a string`,
  },
  JSON_INVALID: {
    status: 400,
    source: "downstream",
    retryable: false,
    message: (p: { reason: string; line: number; column: number }) =>
      `invalid JSON: ${p.reason} at line ${p.line}, column ${p.column}`,
  },
});

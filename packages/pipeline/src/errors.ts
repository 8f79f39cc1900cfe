import { defineErrors } from "@catena/errors";

/** What a client can do wrong before any plugin looks at the request. */
export const requestErrors = defineErrors({
  REQUEST_TOO_LARGE: {
    status: 413,
    source: "downstream",
    retryable: false,
    message: (p: { limitBytes: number }) => `the request body is over ${p.limitBytes} bytes`,
  },
  REQUEST_NOT_UTF8: {
    status: 400,
    source: "downstream",
    retryable: false,
    message: (_: object) => "the request body is not valid UTF-8",
  },
  REQUEST_BODY_LOST: {
    status: 400,
    source: "downstream",
    retryable: false,
    message: (_: object) => "the request body ended early",
  },
});

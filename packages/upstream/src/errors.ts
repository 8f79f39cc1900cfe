import { defineErrors } from "@catena/errors";

/** `sent` is `false` only when it is certain that the peer saw no byte of the request. */
interface CallFault {
  readonly origin: string;
  readonly sent: boolean;
  readonly reason?: string;
}

const because = (p: CallFault): string => (p.reason === undefined ? "" : `: ${p.reason}`);

/** Everything that can go wrong with one call to an upstream. */
export const upstreamErrors = defineErrors({
  UPSTREAM_REFUSED: {
    status: 502,
    source: "upstream",
    retryable: true,
    message: (p: CallFault) => `connection to ${p.origin} failed${because(p)}`,
  },
  UPSTREAM_UNRESOLVED: {
    status: 503,
    source: "upstream",
    retryable: true,
    message: (p: CallFault) => `the name in ${p.origin} does not resolve${because(p)}`,
  },
  UPSTREAM_TLS: {
    status: 502,
    source: "upstream",
    retryable: false,
    message: (p: CallFault) => `TLS handshake with ${p.origin} failed${because(p)}`,
  },
  UPSTREAM_CONNECT_TIMEOUT: {
    status: 504,
    source: "upstream",
    retryable: true,
    message: (p: CallFault) => `connecting to ${p.origin} took too long${because(p)}`,
  },
  UPSTREAM_SEND_TIMEOUT: {
    status: 504,
    source: "upstream",
    retryable: true,
    message: (p: CallFault) => `${p.origin} did not take the request in time${because(p)}`,
  },
  UPSTREAM_READ_TIMEOUT: {
    status: 504,
    source: "upstream",
    retryable: true,
    message: (p: CallFault) => `${p.origin} did not answer in time${because(p)}`,
  },
  UPSTREAM_DEADLINE: {
    status: 504,
    source: "upstream",
    retryable: false,
    message: (p: CallFault) => `the deadline passed while calling ${p.origin}${because(p)}`,
  },
  UPSTREAM_RESET: {
    status: 502,
    source: "upstream",
    retryable: true,
    message: (p: CallFault) => `${p.origin} closed the connection early${because(p)}`,
  },
  UPSTREAM_BAD_REPLY: {
    status: 502,
    source: "upstream",
    retryable: false,
    message: (p: CallFault) => `${p.origin} sent what is not a valid HTTP reply${because(p)}`,
  },
  UPSTREAM_TOO_LARGE: {
    status: 502,
    source: "upstream",
    retryable: false,
    message: (p: CallFault) => `the reply of ${p.origin} is too large${because(p)}`,
  },
  UPSTREAM_BAD_CALL: {
    status: 500,
    source: "internal",
    retryable: false,
    message: (p: CallFault) => `the call to ${p.origin} cannot be written as HTTP${because(p)}`,
  },
  UPSTREAM_BAD_HOST: {
    status: 500,
    source: "config",
    retryable: false,
    message: (p: { name: string; found: string }) =>
      `the hosts entry "${p.name}" is "${p.found}", expected an IP address with or without a port`,
  },
  UPSTREAM_NO_NODE: {
    status: 502,
    source: "upstream",
    retryable: false,
    message: (p: CallFault) => `${p.origin} has no node left to try${because(p)}`,
  },
  UPSTREAM_EMPTY: {
    status: 503,
    source: "upstream",
    retryable: false,
    message: (p: CallFault) => `${p.origin} has no nodes${because(p)}`,
  },
  UPSTREAM_RETRY_TIMEOUT: {
    status: 502,
    source: "upstream",
    retryable: false,
    message: (p: CallFault) => `no time is left to try another node of ${p.origin}${because(p)}`,
  },
  UPSTREAM_CANCELLED: {
    status: 499,
    source: "downstream",
    retryable: false,
    message: (p: CallFault) => `the call to ${p.origin} was given up${because(p)}`,
  },
});

import { defineErrors } from "@catena/errors";

/** Everything a store can refuse or fail with. */
export const storeErrors = defineErrors({
  STORE_UNAVAILABLE: {
    status: 503,
    source: "store",
    retryable: true,
    message: (p: { url: string; reason: string }) => `store ${p.url} does not answer: ${p.reason}`,
  },
  STORE_TOO_LARGE: {
    status: 413,
    source: "store",
    retryable: false,
    message: (p: { url: string; reason: string }) =>
      `store ${p.url} refuses the write: ${p.reason}`,
  },
  STORE_TRANSACTION_INVALID: {
    status: 400,
    source: "internal",
    retryable: false,
    message: (p: { url: string; reason: string }) =>
      `store ${p.url} cannot take this transaction: ${p.reason}`,
  },
  STORE_UNUSABLE: {
    status: 500,
    source: "config",
    retryable: false,
    message: (p: { url: string; reason: string }) => `${p.url} is not a usable store: ${p.reason}`,
  },
  STORE_URL_INVALID: {
    status: 500,
    source: "config",
    retryable: false,
    message: (p: { url: string }) =>
      `store URL "${p.url}" is not understood; expected sqlite:FILE or etcd://host:port[,host:port]`,
  },
  STORE_CLOSED: {
    status: 500,
    source: "internal",
    retryable: false,
    message: (p: { url: string }) => `store ${p.url} was closed`,
  },
});

import { defineErrors } from "@catena/errors";

export const workerErrors = defineErrors({
  WORKER_ENDED: {
    status: 500,
    source: "internal",
    retryable: false,
    message: (p: { how: string }) =>
      `a worker ended before it listened, with ${p.how}; what it wrote says why`,
  },
  WORKERS_UNSUPPORTED: {
    status: 500,
    source: "config",
    retryable: false,
    message: (p: { platform: string }) =>
      `several workers share a port on Linux alone, this is ${p.platform}; set workers (CATENA_WORKERS) to 1`,
  },
});

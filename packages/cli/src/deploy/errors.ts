import { defineErrors } from "@catena/errors";

export const deployErrors = defineErrors({
  DEPLOY_CONFLICT: {
    status: 409,
    source: "store",
    retryable: true,
    message: (p: { keys: readonly string[] }) =>
      `nothing was written: ${p.keys.join(", ")} changed in the store while the plan was made; run deploy again`,
  },
});

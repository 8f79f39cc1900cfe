import { defineErrors } from "@catena/errors";

/** What can go wrong with a reply before any of it is sent. */
export const replyErrors = defineErrors({
  REPLY_INVALID: {
    status: 500,
    source: "internal",
    retryable: false,
    message: (p: { reason: string }) => `the reply can't be sent: ${p.reason}`,
  },
});

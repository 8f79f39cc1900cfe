import { defineErrors } from "@catena/errors";

/** Why nothing can be tried. */
export const tryErrors = defineErrors({
  TRY_NO_CHAIN: {
    status: 400,
    source: "config",
    retryable: false,
    message: (p: { asked: string; known: string; meant: string }) =>
      `${p.asked}${p.meant}; known are ${p.known}`,
  },
});

import { defineErrors } from "@catena/errors";

export const deployErrors = defineErrors({
  DEPLOY_CONFLICT: {
    status: 409,
    source: "store",
    retryable: true,
    message: (p: { keys: readonly string[] }) =>
      `nothing was written: ${nameSome(p.keys)} changed in the store while the plan was made; run deploy again`,
  },
  DEPLOY_PARTLY_LOST: {
    status: 409,
    source: "store",
    retryable: true,
    message: (p: { keys: readonly string[]; revision: number }) =>
      `deployed at revision ${p.revision}, except ${nameSome(p.keys)}, which somebody else changed at the same moment; run deploy again`,
  },
  DEPLOY_UNFINISHED: {
    status: 503,
    source: "store",
    retryable: true,
    message: (p: { revision: number; reason: string }) =>
      `everything is served since revision ${p.revision}, but is not all at its keys yet: ${p.reason}; the next deploy completes that, and until then others who read the store may see some of it as it was`,
  },
});

const mostNamed = 20;

function nameSome(keys: readonly string[]): string {
  const more = keys.length - mostNamed;
  return keys.slice(0, mostNamed).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

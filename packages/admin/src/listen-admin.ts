import { createAdminApp } from "./admin-app.ts";
import type { AdminOptions } from "./admin-options.ts";
import { adminErrors } from "./errors.ts";

/** A listening Admin API. */
export interface AdminServer {
  readonly port: number;
  /** Stops accepting and ends what is open. */
  stop(): Promise<void>;
}

/**
 * Listens for clients of the Admin API.
 *
 * @param address port 0 takes a free one.
 * @throws ADMIN_LISTEN_FAILED, and what {@link createAdminApp} throws
 */
export function listenAdmin(
  address: { readonly hostname: string; readonly port: number },
  options: AdminOptions,
): AdminServer {
  const app = createAdminApp(options);
  try {
    app.listen({
      hostname: address.hostname,
      port: address.port,
      development: false,
      reusePort: false,
      // The limit is ours to say, in APISIX's words.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      error: () => new Response(null, { status: 500 }),
    });
  } catch (cause) {
    throw adminErrors.ADMIN_LISTEN_FAILED(
      {
        address: `${address.hostname}:${address.port}`,
        reason: cause instanceof Error ? cause.message : String(cause),
      },
      cause,
    );
  }
  return {
    port: app.server?.port ?? address.port,
    stop: async () => {
      await app.server?.stop(true);
    },
  };
}

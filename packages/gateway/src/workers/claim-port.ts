import { type ListenAddress, listenErrors } from "../listen.ts";

/**
 * Finds out that nobody listens on an address, which a listener that shares its port would not notice
 * when the other one shares it too. A port of 0 becomes one that is free.
 *
 * @param setting named when the address is taken: `listen (CATENA_LISTEN)`.
 * @throws LISTEN_FAILED
 */
export function claimPort(address: ListenAddress, setting: string): ListenAddress {
  try {
    const listener = Bun.listen({ ...address, socket: { data: () => undefined } });
    const { port } = listener;
    listener.stop(true);
    return { ...address, port };
  } catch (cause) {
    throw listenErrors.LISTEN_FAILED(
      {
        address: `${address.hostname}:${address.port}`,
        setting,
        reason: cause instanceof Error ? cause.message : String(cause),
      },
      cause,
    );
  }
}

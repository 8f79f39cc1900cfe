import { createFetchTransport } from "./fetch-transport.ts";
import type { Transport } from "./transport.ts";
import { createWireTransport, type WireOptions } from "./wire/wire-transport.ts";

/** The transports by the names settings use; a new one is a line here. */
const transports = { wire: createWireTransport, fetch: createFetchTransport } as const;

export type TransportName = keyof typeof transports;

/**
 * Makes the transport a name stands for.
 *
 * @param options of `wire`; `fetch` has none and keeps to the runtime's own limits.
 */
export function createTransport(
  name: TransportName = "wire",
  options: WireOptions = {},
): Transport {
  return transports[name](options);
}

import { createFetchTransport } from "./fetch-transport.ts";
import type { Transport } from "./transport.ts";
import { createWireTransport } from "./wire/wire-transport.ts";

/** The transports by the names settings use; a new one is a line here. */
const transports = { wire: createWireTransport, fetch: createFetchTransport } as const;

export type TransportName = keyof typeof transports;

/** Makes the transport a name stands for. */
export function createTransport(name: TransportName): Transport {
  return transports[name]();
}

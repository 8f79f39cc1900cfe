import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createLog,
  defaultSettings,
  displayUrl,
  type Gateway,
  startGateway,
} from "@catena/gateway";
import { openStore } from "@catena/store";

/** A gateway of this process, its store, and a service that answers with the headers it got. */
export interface ProbeBed {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly gateway: Gateway;
  /** Where it listens over TLS, once it does. */
  tlsPort(): Promise<number>;
  /** An upstream of the service. */
  readonly upstream: { readonly nodes: Readonly<Record<string, number>> };
  /** Writes resources by `kind/id`, and waits until the gateway has seen them. */
  put(resources: Readonly<Record<string, object>>): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a {@link ProbeBed} on free ports. */
export async function openProbeBed(): Promise<ProbeBed> {
  const folder = mkdtempSync(join(tmpdir(), "catena-compatibility-"));
  const store = openStore(`sqlite:${join(folder, "catena.db")}`);
  const gateway = startGateway({
    settings: {
      ...defaultSettings,
      listen: "127.0.0.1:0",
      tlsListen: "127.0.0.1:0",
      controlListen: "127.0.0.1:0",
      drainSeconds: 0,
    },
    store,
    log: createLog(() => undefined),
  });
  await gateway.ready;
  const service = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: ({ headers }) => Response.json(Object.fromEntries(headers)),
  });
  return {
    url: displayUrl(gateway.listen),
    gateway,
    tlsPort: async () => {
      const giveUpAt = performance.now() + 20_000;
      for (;;) {
        const port = gateway.status().tls?.port ?? null;
        if (port !== null) return port;
        if (performance.now() > giveUpAt) throw new Error("the gateway does not listen over TLS");
        await Bun.sleep(5);
      }
    },
    upstream: { nodes: { [`127.0.0.1:${service.port}`]: 1 } },
    put: async (resources) => {
      const result = await store.transact({
        comparisons: [],
        operations: Object.entries(resources).map(([name, value]) => ({
          kind: "put",
          key: `/apisix/${name}`,
          value: JSON.stringify(value),
        })),
      });
      if (!result.committed) throw new Error("a write without comparisons was refused");
      const giveUpAt = performance.now() + 20_000;
      while ((gateway.status().store.revision ?? -1) < result.revision) {
        if (performance.now() > giveUpAt) throw new Error("the gateway does not follow the store");
        await Bun.sleep(5);
      }
    },
    stop: async () => {
      await service.stop(true);
      await gateway.stop();
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

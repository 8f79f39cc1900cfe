import {
  createLog,
  defaultSettings,
  displayUrl,
  type Gateway,
  type PartialSettings,
  type Settings,
  startGateway,
} from "@catena/gateway";
import { formatKey, type Kind } from "@catena/schema";
import { type ConfigStore, openStore } from "@catena/store";

/** What can read clients' requests; what either does is tested on both. */
export const servers = ["wire", "elysia"] as const satisfies readonly Settings["server"][];

/** A gateway of this process on free ports, and the store it follows. */
export interface GatewayBed {
  /** `http://127.0.0.1:PORT` of the data plane. */
  readonly url: string;
  readonly controlUrl: string;
  readonly gateway: Gateway;
  readonly store: ConfigStore;
  readonly settings: Settings;
  /** Lines logged so far, as objects. */
  readonly logged: readonly Readonly<Record<string, unknown>>[];
  /** Writes resources in one transaction (`null` deletes) and waits until they are served. */
  put(resources: Readonly<Record<`${Kind}/${string}`, unknown>>): Promise<void>;
  /** Writes a value as it is, JSON or not. */
  putRaw(key: `${Kind}/${string}`, value: string): Promise<void>;
  /** Resolves when the gateway has applied everything up to a revision of the store. */
  applied(revision: number): Promise<void>;
  stop(): Promise<void>;
}

export interface GatewayBedOptions {
  readonly storeUrl: string;
  readonly settings?: PartialSettings;
}

/** Starts a {@link GatewayBed} and waits until it has read the store. */
export async function startGatewayBed(options: GatewayBedOptions): Promise<GatewayBed> {
  const store = openStore(options.storeUrl);
  const logged: Readonly<Record<string, unknown>>[] = [];
  // Shallow is enough: the tests give whole sub-objects.
  const settings = {
    ...defaultSettings,
    listen: "127.0.0.1:0",
    tlsListen: "127.0.0.1:0",
    controlListen: "127.0.0.1:0",
    drainSeconds: 0,
    ...options.settings,
  } as Settings;
  const gateway = startGateway({
    settings,
    store,
    log: createLog((line) => {
      logged.push(JSON.parse(line));
    }),
  });
  await gateway.ready;
  const write = async (pairs: readonly (readonly [string, string | null])[]): Promise<void> => {
    const result = await store.transact({
      comparisons: [],
      operations: pairs.map(([name, value]) => {
        const [kind, ...id] = name.split("/");
        // The parameter's type says that the first part is a kind.
        const key = formatKey({ kind: kind as Kind, id: id.join("/") }, settings.prefix);
        return value === null ? { kind: "delete", key } : { kind: "put", key, value };
      }),
    });
    if (!result.committed) throw new Error("a write without comparisons was refused");
    await applied(result.revision);
  };
  const applied = (revision: number): Promise<void> =>
    until(
      () => (gateway.status().store.revision ?? -1) >= revision,
      () => JSON.stringify(gateway.status()),
    );
  return {
    url: displayUrl(gateway.listen),
    controlUrl: displayUrl(gateway.controlListen),
    gateway,
    store,
    settings,
    logged,
    put: (resources) =>
      write(
        Object.entries(resources).map(([name, value]) => [
          name,
          value === null ? null : JSON.stringify(value),
        ]),
      ),
    putRaw: (key, value) => write([[key, value]]),
    applied,
    stop: async () => {
      await gateway.stop();
      await store.close();
    },
  };
}

/** Waits for a condition; the bound is generous and only there to name what was waited for. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  describe: () => string = () => "the condition",
): Promise<void> {
  const giveUpAt = performance.now() + 20_000;
  while (!(await holds())) {
    if (performance.now() > giveUpAt) throw new Error(`waited in vain: ${describe()}`);
    await Bun.sleep(1);
  }
}

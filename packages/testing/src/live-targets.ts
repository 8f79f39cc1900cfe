import {
  type CallTarget,
  type TargetCall,
  type TargetResolver,
  targetBySending,
} from "@catena/pipeline";
import {
  compileUpstream,
  createResolver,
  createTransport,
  type Resolver,
  sendToUpstream,
  type Transport,
} from "@catena/upstream";

export interface LiveOptions {
  /** `http://host:port` by upstream id. */
  readonly upstreams?: Readonly<Record<string, string>>;
  /** Names that resolve to given addresses: `{ users: "127.0.0.1:8081" }`. */
  readonly hosts?: Readonly<Record<string, string>>;
}

export interface LiveTargets {
  readonly targets: TargetResolver;
  /** Ends the connections that were kept. */
  close(): Promise<void>;
}

/** Destinations that are real services, for {@link recordRun}. */
export function liveTargets(options: LiveOptions = {}): LiveTargets {
  const { upstreams = {}, hosts = {} } = options;
  const transport = createTransport();
  const resolver = createResolver({ hosts });
  return {
    targets: {
      upstream: (id) => {
        const uri = Object.hasOwn(upstreams, id) ? upstreams[id] : undefined;
        return uri === undefined ? null : targetOf(uri, resolver, transport);
      },
      uri: (uri) => targetOf(uri, resolver, transport),
    },
    close: async () => {
      await transport.close();
    },
  };
}

function targetOf(uri: string, resolver: Resolver, transport: Transport): CallTarget | null {
  if (!URL.canParse(uri)) return null;
  const { protocol, hostname, port, host, pathname } = new URL(uri);
  if (protocol !== "http:" && protocol !== "https:") return null;
  const scheme = protocol === "http:" ? "http" : "https";
  const base = pathname === "/" ? "" : pathname;
  const node = { host: hostname, port: Number(port) || (scheme === "http" ? 80 : 443), weight: 1 };
  const { value: plan } = compileUpstream(
    { scheme, pass_host: "node", nodes: [node] },
    { resolver, random: Math.random },
  );
  if (plan === undefined) return null;
  return targetBySending((call: TargetCall) =>
    sendToUpstream(
      plan,
      {
        ...call,
        target: base + call.target,
        headers: ["Host", host, ...call.headers],
        clientHost: host,
        timeouts: { connectMs: call.timeoutMs, sendMs: call.timeoutMs, readMs: call.timeoutMs },
        hashKey: "",
        failures: null,
      },
      transport,
    ),
  );
}

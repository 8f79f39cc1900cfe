import { formatIssue, type Issue } from "@catena/errors";
import {
  FetchRequest,
  type GatewayReply,
  type PluginHandlers,
  type PluginServices,
  RequestContext,
  type RequestHandler,
  textReply,
} from "@catena/pipeline";
import { createPluginRegistry, type JsonObject, type PluginConf } from "@catena/schema";
import { ConsumerIndex } from "./consumer-index.ts";
import type { PluginEntry } from "./define-plugin.ts";

/** A request as literals. */
export interface Ask {
  readonly method?: string;
  /** Path and query as sent. */
  readonly target?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | ReadableStream<Uint8Array>;
  /** Address of the peer; `127.0.0.1`. */
  readonly from?: string;
}

/** What came back, and what the upstream saw; header names in lower case. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly bytes: Uint8Array;
  readonly upstream: Forwarded | null;
  readonly ctx: RequestContext;
}

export interface Forwarded {
  readonly method: string;
  readonly target: string;
  readonly host: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface BedOptions {
  readonly consumers?: Readonly<Record<string, Readonly<Record<string, PluginConf>>>>;
  readonly metadata?: Readonly<Record<string, JsonObject>>;
  /** What the upstream answers; 200 with a short text when not given. */
  readonly upstream?: () => GatewayReply;
  readonly scheme?: "http" | "https";
  /** Instead of services that reach nobody and keep nothing. */
  readonly services?: Partial<PluginServices>;
}

/** Plugins of one route, run on requests as the gateway runs them. */
export class PluginBed {
  readonly #handlers: readonly PluginHandlers[];
  readonly #options: BedOptions;

  constructor(plugins: readonly (readonly [PluginEntry, PluginConf])[], options: BedOptions = {}) {
    this.#options = options;
    const services = servicesOf(plugins, options);
    this.#handlers = [...plugins]
      .sort(([a], [b]) => b.schema.priority - a.schema.priority)
      .map(([entry, conf]) => {
        const issues = problemsOf(entry, conf);
        if (issues.length > 0) throw new Error(issues.map(formatIssue).join("; "));
        const { value, issues: found } = entry.create(conf, services);
        if (value === undefined) throw new Error(found.map(formatIssue).join("; "));
        return value;
      });
  }

  async ask(ask: Ask = {}): Promise<Answer> {
    const ctx = contextOf(ask, this.#options.scheme ?? "http");
    let upstream: Forwarded | null = null;
    let reply = await this.#runUntilReply(ctx);
    if (reply === null) {
      upstream = forwardedOf(ctx);
      reply = this.#options.upstream?.() ?? {
        ...textReply(200, "from upstream"),
        source: "upstream",
      };
    }
    ctx.beginReply(reply);
    for (const { headerFilter } of this.#handlers) headerFilter?.(ctx, reply);
    for (const { bodyFilter } of this.#handlers) bodyFilter?.(ctx, reply);
    const bytes = await new Response(reply.body).bytes();
    const body = new TextDecoder().decode(bytes);
    for (const { log } of this.#handlers) log?.(ctx, reply);
    return { status: reply.status, headers: record(reply.headers), body, bytes, upstream, ctx };
  }

  /** Ends what the plugins have running. */
  async dispose(): Promise<void> {
    for (const { dispose } of this.#handlers) await dispose?.();
  }

  async #runUntilReply(ctx: RequestContext): Promise<GatewayReply | null> {
    for (const phase of ["rewrite", "access", "beforeProxy"] as const) {
      for (const handlers of this.#handlers) {
        const handler: RequestHandler | undefined = handlers[phase];
        const reply = await handler?.(ctx);
        if (reply !== undefined) return reply;
      }
    }
    return null;
  }
}

/** What is wrong with a configuration, by the plugin's schema and its own rules. */
export function problemsOf(
  entry: PluginEntry,
  conf: PluginConf,
  target: "plugin" | "consumer" = "plugin",
): readonly Issue[] {
  const { schema } = entry;
  const checker = createPluginRegistry([schema]).checker(schema.name, target);
  const findings = checker?.explain(conf) ?? [];
  return findings.length > 0 ? findings : (schema.check?.(conf, target) ?? []);
}

export function contextOf(ask: Ask, scheme: "http" | "https" = "http"): RequestContext {
  const { method = "GET", target = "/hello", headers = {}, body, from = "127.0.0.1" } = ask;
  const host = headers["host"] ?? "a.test:9080";
  const request = new Request(`http://${host}${target}`, {
    method,
    headers: {
      host,
      ...(typeof body === "string" ? { "content-length": String(Buffer.byteLength(body)) } : {}),
      ...headers,
    },
    ...(body === undefined ? {} : { body }),
  });
  const [path = "", query = ""] = target.split("?");
  return new RequestContext(
    new FetchRequest(request, {
      requestIP: () => ({ address: from, port: 4711 }),
      timeout: () => undefined,
      hostname: "127.0.0.1",
      port: 9080,
    }),
    scheme,
    {
      rawHost: host,
      host: host.replace(/:\d+$/, ""),
      path: decodeURIComponent(path),
      rawTarget: target,
      query,
    },
    performance.now(),
  );
}

function servicesOf(
  plugins: readonly (readonly [PluginEntry, PluginConf])[],
  { consumers = {}, metadata = {}, services = {} }: BedOptions,
): PluginServices {
  const index = new ConsumerIndex(createPluginRegistry(plugins.map(([entry]) => entry.schema)));
  for (const [name, held] of Object.entries(consumers)) {
    if (name.includes("/")) index.setCredential(name, { plugins: held });
    else index.setConsumer(name, { username: name, plugins: held });
  }
  const survivors = new Map<string, unknown>();
  return {
    owner: "routes/1",
    targets: { upstream: () => null, uri: () => null },
    upstreams: { stored: () => null, inline: () => ({ issues: [] }) },
    chain: () => null,
    survivors: {
      get: <T>(plugin: string, owner: string, make: () => T): T => {
        const key = `${plugin} ${owner}`;
        if (!survivors.has(key)) survivors.set(key, make());
        // A plugin asks with its own type.
        return survivors.get(key) as T;
      },
    },
    consumers: index,
    resource: () => null,
    nodeHealth: () => [],
    metadata: (plugin) => metadata[plugin] ?? null,
    log: { warn: () => undefined, error: () => undefined },
    ...services,
  };
}

function forwardedOf(ctx: RequestContext): Forwarded {
  return {
    method: ctx.upstreamMethod,
    target: ctx.upstreamTarget,
    host: ctx.upstreamHost ?? ctx.rawHost,
    headers: record(ctx.headerList()),
  };
}

function record(flat: readonly string[]): Record<string, string> {
  const result: Record<string, string> = {};
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const name = (flat[i] ?? "").toLowerCase();
    const value = flat[i + 1] ?? "";
    result[name] = Object.hasOwn(result, name) ? `${result[name]}, ${value}` : value;
  }
  return result;
}

import type { GatewayReply, PluginServices, RequestContext } from "@catena/pipeline";
import { ownHostname, requestLength, upstreamMs } from "../logs/log-facts.ts";
import { MetricTable } from "./metric-table.ts";

/** Milliseconds. */
const bounds = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000];

const ofModels = ["request_type", "request_llm_model", "llm_model"];

/** Labels in APISIX's order (apisix/plugins/prometheus/exporter.lua). */
export const labelsOf = {
  http_status: [
    "code",
    "route",
    "matched_uri",
    "matched_host",
    "service",
    "consumer",
    "node",
    ...ofModels,
    "response_source",
  ],
  http_latency: ["type", "route", "service", "consumer", "node", ...ofModels],
  bandwidth: ["type", "route", "service", "consumer", "node", ...ofModels],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type RequestMetric = keyof typeof labelsOf;

/** Labels that are left empty, by metric. */
export type DisabledLabels = Readonly<Partial<Record<RequestMetric, readonly string[]>>>;

/** What is counted of requests, by all routes of a process together. */
export class RequestMetrics {
  readonly #table = new MetricTable("apisix_", bounds);
  /** Which instance of the plugin counts a request: a route's own comes before a global rule's. */
  readonly #counting = new WeakMap<RequestContext, object>();

  constructor() {
    const table = this.#table;
    table.define("node_info", "gauge", "Info of APISIX node", ["hostname", "version"]);
    table.define("upstream_status", "gauge", "Upstream status from health check", [
      "name",
      "ip",
      "port",
    ]);
    table.define(
      "http_status",
      "counter",
      "HTTP status codes per service in APISIX",
      labelsOf.http_status,
    );
    table.define(
      "http_latency",
      "histogram",
      "HTTP request latency in milliseconds per service in APISIX",
      labelsOf.http_latency,
    );
    table.define(
      "bandwidth",
      "counter",
      "Total bandwidth in bytes consumed per service in APISIX",
      labelsOf.bandwidth,
    );
    table.define(
      "chain_undo_failures_total",
      "counter",
      "Times that steps of a chain could not be undone or recorded",
      ["chain", "kind"],
    );
    table.set("node_info", [ownHostname, apisixVersion], 1);
  }

  /**
   * Counts what a person has to look after.
   *
   * @param kind `undo-failed` or `record-failed`.
   */
  noteUndoFailure(chain: string, kind: string): void {
    this.#table.add("chain_undo_failures_total", [chain, kind], 1);
  }

  /** The last instance that says so is the one that counts. */
  claim(ctx: RequestContext, instance: object): void {
    this.#counting.set(ctx, instance);
  }

  /** Whether it is this instance that counts; without a claim the first that asks does. */
  counts(ctx: RequestContext, instance: object): boolean {
    const claimed = this.#counting.get(ctx);
    if (claimed === undefined) this.#counting.set(ctx, instance);
    return claimed === undefined || claimed === instance;
  }

  count(
    ctx: RequestContext,
    reply: GatewayReply,
    sentBytes: number,
    options: { readonly prefersNames: boolean; readonly disabled: DisabledLabels },
  ): void {
    const { prefersNames, disabled } = options;
    const route = (prefersNames && ctx.routeName) || ctx.routeId;
    const service = (prefersNames && ctx.serviceName) || ctx.serviceId;
    const consumer = ctx.consumer?.name ?? "";
    const node = ctx.sending?.tries?.at(-1)?.address ?? "";
    const shared = [route, service, consumer, node, "traditional_http", "", ""];
    const put = (
      how: "add" | "observe",
      metric: RequestMetric,
      values: readonly string[],
      amount: number,
    ): void => {
      const hidden = disabled[metric];
      const labels: readonly string[] = labelsOf[metric];
      const shown =
        hidden === undefined
          ? values
          : values.map((value, at) => (hidden.includes(labels[at] ?? "") ? "" : value));
      this.#table[how](metric, shown, amount);
    };
    const [, , , , ...models] = shared;
    const status = [String(reply.status), route, ctx.matchedUri, "", service, consumer, node];
    put("add", "http_status", [...status, ...models, sourceOf(ctx, reply)], 1);
    const latencyMs = performance.now() - ctx.startedAt;
    const spentMs = upstreamMs(ctx);
    put("observe", "http_latency", ["request", ...shared], latencyMs);
    if (spentMs !== null) put("observe", "http_latency", ["upstream", ...shared], spentMs);
    const ownMs = Math.max(0, latencyMs - (spentMs ?? 0));
    put("observe", "http_latency", ["apisix", ...shared], ownMs);
    put("add", "bandwidth", ["ingress", ...shared], requestLength(ctx));
    put("add", "bandwidth", ["egress", ...shared], sentBytes);
  }

  /** The page that Prometheus reads; what is no count of requests is asked for now. */
  text({ nodeHealth }: Pick<PluginServices, "nodeHealth">): string {
    this.#table.clear("upstream_status");
    for (const { owner, nodes } of nodeHealth()) {
      for (const { ip, port, status } of nodes) {
        const isUp = status === "healthy" || status === "mostly_healthy";
        this.#table.set("upstream_status", [`/apisix/${owner}`, ip, String(port)], isUp ? 1 : 0);
      }
    }
    return this.#table.text();
  }
}

/** The release that metrics are compatible with. */
const apisixVersion = "3.18.0";

/** Who made the reply; nginx is who says that an upstream failed. */
function sourceOf(ctx: RequestContext, reply: GatewayReply): string {
  if (reply.source === "upstream") return "upstream";
  return (ctx.sending?.tries?.length ?? 0) > 0 ? "nginx" : "apisix";
}

/** The metrics of this process; they are no one route's. */
export function requestMetrics({ survivors }: Pick<PluginServices, "survivors">): RequestMetrics {
  return survivors.get("prometheus", "plugins", () => new RequestMetrics());
}

import type { CallTarget, TargetCall, TargetResolver } from "@catena/pipeline";
import {
  compileUpstream,
  type Resolver,
  sendToUpstream,
  type Transport,
  type UpstreamPlan,
} from "@catena/upstream";
import { viewOfCall } from "./call-view.ts";

export interface TargetOptions {
  readonly resolver: Resolver;
  readonly transport: Transport;
  upstream(id: string): UpstreamPlan | null;
}

/** Destinations of plugins' own calls, made ready when the plugin's handlers are. */
export function createTargets(options: TargetOptions): TargetResolver {
  const { resolver, transport } = options;
  return {
    upstream: (id) => {
      const plan = options.upstream(id);
      return plan === null ? null : toTarget(plan, hostOf(plan), transport);
    },
    uri: (uri) => {
      const url = URL.parse(uri);
      if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) return null;
      const scheme = url.protocol === "http:" ? "http" : "https";
      const port = url.port === "" ? (scheme === "http" ? 80 : 443) : Number(url.port);
      const { value } = compileUpstream(
        // The node's own name goes as Host, as any client of that URL would send it.
        { scheme, pass_host: "node", nodes: [{ host: url.hostname, port, weight: 1 }] },
        { resolver, random: Math.random },
      );
      return value === undefined ? null : toTarget(value, url.host, transport);
    },
  };
}

/** What `pass_host: pass` can mean for a call that no client made: the service's or first node's name. */
function hostOf(plan: UpstreamPlan): string {
  if (plan.serviceName !== "") return plan.serviceName;
  return plan.nodes[0]?.hostHeader ?? "localhost";
}

function toTarget(plan: UpstreamPlan, host: string, transport: Transport): CallTarget {
  return {
    send: (call: TargetCall) =>
      sendToUpstream(
        plan,
        {
          method: call.method,
          target: call.target,
          headers: ["Host", host, ...call.headers],
          clientHost: host,
          body: call.body,
          timeouts: phaseTimeouts(plan, call.timeoutMs),
          deadlineAt: call.deadlineAt,
          maxBodyBytes: call.maxBodyBytes,
          buffered: call.buffered,
          cancel: call.cancel,
          idempotent: call.idempotent,
          hashKey: plan.hashKey?.(viewOfCall(call, host)) ?? "",
          failures: null,
        },
        transport,
      ),
  };
}

/** A call's own limit bounds each phase too; the upstream's stay where they are smaller. */
function phaseTimeouts(plan: UpstreamPlan, timeoutMs: number): UpstreamPlan["timeouts"] {
  const { connectMs, sendMs, readMs } = plan.timeouts;
  if (timeoutMs >= connectMs && timeoutMs >= sendMs && timeoutMs >= readMs) return plan.timeouts;
  return {
    connectMs: Math.min(connectMs, timeoutMs),
    sendMs: Math.min(sendMs, timeoutMs),
    readMs: Math.min(readMs, timeoutMs),
  };
}

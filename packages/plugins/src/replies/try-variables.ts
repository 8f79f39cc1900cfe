import type { FurtherVariables, RequestView, Variable } from "@catena/expr";
import { RequestContext, type UpstreamTry } from "@catena/pipeline";

type Read = (tries: readonly UpstreamTry[]) => string | undefined;

const reads: ReadonlyMap<string, Read> = new Map<string, Read>([
  ["balancer_ip", (tries) => tries.at(-1)?.address],
  ["balancer_port", (tries) => tries.at(-1)?.port.toString()],
  ["upstream_addr", (tries) => listed(tries, addressOf)],
  ["upstream_response_time", (tries) => listed(tries, seconds)],
]);

/**
 * Variables of the tries at upstreams, for the response phases: nginx's lists of them, and APISIX's
 * `balancer_ip` and `balancer_port` of the last. `onUse` hears that tries have to be noted.
 */
export function tryVariables(onUse: () => void): FurtherVariables {
  return (name) => {
    const read = reads.get(name);
    if (read === undefined) return undefined;
    onUse();
    return ((view) => read(triesOf(view))) satisfies Variable;
  };
}

function triesOf(view: RequestView): readonly UpstreamTry[] {
  return view instanceof RequestContext ? (view.sending?.tries ?? []) : [];
}

/** `host:port`, as nginx writes it. */
export function addressOf({ address, port }: UpstreamTry): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

function seconds({ startedAt, headAt }: UpstreamTry): string {
  return (((headAt ?? performance.now()) - startedAt) / 1000).toFixed(3);
}

function listed(
  tries: readonly UpstreamTry[],
  word: (one: UpstreamTry) => string,
): string | undefined {
  return tries.length === 0 ? undefined : tries.map(word).join(", ");
}

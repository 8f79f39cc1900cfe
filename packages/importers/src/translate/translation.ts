import type { JsonObject } from "@catena/schema";
import type { Cluster, Report } from "../cluster.ts";
import type { Manifest } from "../read-manifests.ts";

/** A resource made from a manifest; `kind` is the plural name in the store's keys. */
export interface ImportedResource {
  readonly kind: "routes" | "services" | "upstreams" | "consumers" | "global_rules" | "ssls";
  readonly id: string;
  readonly value: JsonObject;
}

/** What every translation needs. */
export interface Translation {
  readonly cluster: Cluster;
  readonly report: Report;
  /** `cluster.local`: the end of every service's name in DNS. */
  readonly clusterDomain: string;
  /** Names the gateway resolves itself; a service among them goes by that name. */
  readonly knownHosts: ReadonlySet<string>;
}

/** Labels that say where a resource came from, after the object's own. */
export function labelsOf({ kind, namespace, name, document }: Manifest): Record<string, string> {
  const { labels } = document["metadata"] as { labels?: Readonly<Record<string, string>> };
  const own = Object.entries(labels ?? {}).filter(([, value]) => /^\S+$/.test(value));
  return {
    ...Object.fromEntries(own),
    "managed-by": "catena",
    "k8s/kind": kind,
    "k8s/namespace": namespace,
    "k8s/name": name,
  };
}

import type { Issue } from "@catena/errors";
import { compileSchema, type SchemaChecker } from "@catena/schema";
import type { Static, TSchema } from "@sinclair/typebox";
import { apisixUpstreamSchema } from "./crd/apisix-upstream.ts";
import { apisixPluginConfigSchema, secretSchema, serviceSchema } from "./crd/other-kinds.ts";
import type { Manifest } from "./read-manifests.ts";

/** Collects what is wrong; one per import. */
export type Report = (issue: Issue) => void;

/** An object that fits its schema. */
export interface CheckedManifest<T> {
  readonly manifest: Manifest;
  readonly value: T;
}

/** Checks a manifest against its kind's schema; reports each finding and gives `null` if it fails. */
export function checkManifest<T extends TSchema>(
  checker: SchemaChecker<T>,
  manifest: Manifest,
  report: Report,
): CheckedManifest<Static<T>> | null {
  const { document } = manifest;
  if (checker.accepts(document)) return { manifest, value: document };
  for (const { apisix: _, ...issue } of checker.explain(document)) report(manifest.issue(issue));
  return null;
}

const lookedUp = {
  "v1/Secret": compileSchema(secretSchema),
  "v1/Service": compileSchema(serviceSchema),
  "apisix.apache.org/v2/ApisixPluginConfig": compileSchema(apisixPluginConfigSchema),
  "apisix.apache.org/v2/ApisixUpstream": compileSchema(apisixUpstreamSchema),
};

type Lookups = typeof lookedUp;

/** The objects that others refer to by name. */
export class Cluster {
  readonly #objects = new Map<string, CheckedManifest<unknown>>();

  constructor(manifests: readonly Manifest[], report: Report) {
    for (const manifest of manifests) {
      const type = `${manifest.apiVersion}/${manifest.kind}`;
      if (!Object.hasOwn(lookedUp, type)) continue;
      // `type` is a key of the table, as the line above has found.
      const checked = checkManifest<TSchema>(lookedUp[type as keyof Lookups], manifest, report);
      if (checked === null) continue;
      const key = keyOf(type, manifest.namespace, manifest.name);
      if (this.#objects.has(key)) report(manifest.issue(duplicate(manifest)));
      this.#objects.set(key, checked);
    }
  }

  /** Whether objects of this type are kept here, so that they are known without being translated. */
  static isLookup(type: string): boolean {
    return Object.hasOwn(lookedUp, type);
  }

  find<T extends keyof Lookups>(
    type: T,
    namespace: string,
    name: string,
  ): CheckedManifest<Static<Lookups[T]["schema"]>> | null {
    const found = this.#objects.get(keyOf(type, namespace, name));
    // What stands under a key of this type was checked with this type's schema.
    return (found as CheckedManifest<Static<Lookups[T]["schema"]>> | undefined) ?? null;
  }

  /** The data of a Secret as text, `null` when it is not among the manifests. */
  secret(namespace: string, name: string): ReadonlyMap<string, string> | null {
    const found = this.find("v1/Secret", namespace, name);
    if (found === null) return null;
    const data = new Map<string, string>();
    for (const [key, base64] of Object.entries(found.value.data ?? {})) {
      data.set(key, Buffer.from(base64, "base64").toString("utf8"));
    }
    for (const [key, text] of Object.entries(found.value.stringData ?? {})) data.set(key, text);
    return data;
  }
}

function keyOf(type: string, namespace: string, name: string): string {
  return `${type} ${namespace}/${name}`;
}

function duplicate(manifest: Manifest): Issue {
  return {
    path: "/metadata/name",
    code: "MANIFEST_DUPLICATE",
    message: `there is another ${manifest.kind} of this name`,
  };
}

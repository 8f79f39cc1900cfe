import type { Checked, Issue } from "@catena/errors";
import { compileSchema, didYouMean, formatName, type JsonObject, kinds } from "@catena/schema";
import type { TSchema } from "@sinclair/typebox";
import { type CheckedManifest, Cluster, checkManifest } from "./cluster.ts";
import { apisixRouteSchema } from "./crd/apisix-route.ts";
import {
  apisixConsumerSchema,
  apisixGlobalRuleSchema,
  apisixTlsSchema,
} from "./crd/other-kinds.ts";
import { type Manifest, readManifests } from "./read-manifests.ts";
import { translateConsumer, translateGlobalRule, translateTls } from "./translate/other-kinds.ts";
import { translateRoute } from "./translate/route.ts";
import type { ImportedResource, Translation } from "./translate/translation.ts";

export interface ImportOptions {
  /** The file's name, for issues. */
  readonly file: string;
  /** Namespace of objects that name none; default `default`. */
  readonly namespace?: string;
  /** Default `cluster.local`. */
  readonly clusterDomain?: string;
  /**
   * Names that the gateway resolves without DNS, in lower case. A Service whose name, or
   * `name.namespace`, is among them becomes a node of that name instead of the cluster's full one.
   */
  readonly knownHosts?: ReadonlySet<string>;
}

export interface ImportedManifests {
  /** Upstreams before the services and routes that refer to them. */
  readonly resources: readonly ImportedResource[];
}

/**
 * Translates Kubernetes manifests of `apisix.apache.org/v2` (ApisixRoute, ApisixUpstream,
 * ApisixPluginConfig, ApisixConsumer, ApisixGlobalRule, ApisixTls) into resources, with the ids and
 * names that apisix-ingress-controller 2.x gives them. Services and Secrets in the same text are
 * looked up: port names, protocols, keys and certificates.
 *
 * A Service becomes one node under its DNS name, since pods are known only inside the cluster.
 *
 * @param text YAML of one or more documents, or JSON
 * @returns issues with file, line and column. Objects of kinds that are not APISIX's are named
 *   (MANIFEST_KIND) and left out; any other issue leaves `value` absent: MANIFEST_SYNTAX, MANIFEST_OBJECT,
 *   MANIFEST_SIZE, MANIFEST_NUMBER, MANIFEST_VALUE, MANIFEST_REFERENCE, MANIFEST_UNSUPPORTED,
 *   MANIFEST_DUPLICATE, and the SCHEMA_ codes of the schema package.
 */
export function importManifests(text: string, options: ImportOptions): Checked<ImportedManifests> {
  const { file, namespace = "default", clusterDomain = "cluster.local" } = options;
  const { manifests, issues: found } = readManifests(text, { file, namespace });
  const issues: Issue[] = [...found];
  const report = (issue: Issue) => issues.push(issue);
  const translation: Translation = {
    cluster: new Cluster(manifests, report),
    report,
    clusterDomain,
    knownHosts: options.knownHosts ?? new Set(),
  };
  const resources: ImportedResource[] = [];
  const seen = new Set<string>();
  for (const manifest of manifests) {
    for (const resource of translate(manifest, translation)) {
      const key = `${resource.kind}/${resource.id}`;
      if (seen.has(key)) {
        if (!isSharedUpstream(resource, resources)) report(manifest.issue(duplicate(resource)));
        continue;
      }
      seen.add(key);
      resources.push(resource);
      for (const issue of resourceIssues(resource)) report(manifest.issue(issue));
    }
  }
  issues.sort(byPlace);
  const isBlocked = issues.some(({ code }) => code !== "MANIFEST_KIND");
  return isBlocked ? { issues } : { value: { resources }, issues };
}

function byPlace({ source: a }: Issue, { source: b }: Issue): number {
  return (a?.line ?? 0) - (b?.line ?? 0) || (a?.column ?? 0) - (b?.column ?? 0);
}

interface KindEntry {
  translate(manifest: Manifest, translation: Translation): readonly ImportedResource[];
}

/** A kind that becomes resources: its schema, and what makes them. */
function kind<T extends TSchema>(
  schema: T,
  make: (checked: CheckedManifest<T["static"]>, t: Translation) => readonly ImportedResource[],
): KindEntry {
  const checker = compileSchema(schema);
  return {
    translate: (manifest, translation) => {
      const checked = checkManifest(checker, manifest, translation.report);
      return checked === null ? [] : make(checked, translation);
    },
  };
}

const version = "apisix.apache.org/v2";

const translated: Readonly<Record<string, KindEntry>> = {
  [`${version}/ApisixRoute`]: kind(apisixRouteSchema, translateRoute),
  [`${version}/ApisixConsumer`]: kind(apisixConsumerSchema, translateConsumer),
  [`${version}/ApisixGlobalRule`]: kind(apisixGlobalRuleSchema, translateGlobalRule),
  [`${version}/ApisixTls`]: kind(apisixTlsSchema, translateTls),
};

const supported = [
  ...Object.keys(translated),
  `${version}/ApisixUpstream`,
  `${version}/ApisixPluginConfig`,
];

function translate(manifest: Manifest, translation: Translation): readonly ImportedResource[] {
  const type = `${manifest.apiVersion}/${manifest.kind}`;
  if (Object.hasOwn(translated, type))
    return translated[type]?.translate(manifest, translation) ?? [];
  if (!Cluster.isLookup(type)) translation.report(manifest.issue(unknownKind(manifest)));
  return [];
}

function unknownKind({ apiVersion, kind: name }: Manifest): Issue {
  const meant = didYouMean(`${apiVersion}/${name}`, supported);
  return {
    path: "/kind",
    // A kind of APISIX's own that is left out would be missed; others are often in the same file.
    code: apiVersion.startsWith("apisix.apache.org/") ? "MANIFEST_UNSUPPORTED" : "MANIFEST_KIND",
    message: `objects of kind ${name} (${apiVersion}) are not imported`,
    expected: supported.map((type) => type.slice(version.length + 1)).join(", "),
    ...(meant === null ? {} : { hint: `did you mean ${meant}?` }),
  };
}

/** Two rules may name the same ApisixUpstream: it is one resource, marked as the first one's. */
function isSharedUpstream(
  resource: ImportedResource,
  others: readonly ImportedResource[],
): boolean {
  const twin = others.find(({ kind: name, id }) => name === resource.kind && id === resource.id);
  return (
    resource.kind === "upstreams" &&
    Bun.deepEquals(unmarked(twin?.value ?? {}), unmarked(resource.value))
  );
}

function unmarked({ labels: _, ...value }: JsonObject): JsonObject {
  return value;
}

function duplicate({ kind: name, id, value }: ImportedResource): Issue {
  return {
    path: "",
    code: "MANIFEST_DUPLICATE",
    message: `another object makes the same resource: ${name}/${id}`,
    ...(typeof value["name"] === "string" ? { found: value["name"] } : {}),
  };
}

/** What was accepted as a manifest may still be no valid resource: a host pattern, a label. */
function resourceIssues({ kind: name, id, value }: ImportedResource): Issue[] {
  return checkers[name]
    .explain(kinds[name].hasId ? { id, ...value } : value)
    .map(({ apisix: _, path, message, ...issue }) => ({
      ...issue,
      path: "",
      message: `${formatName({ kind: name, id })} ${path}: ${message}`,
    }));
}

const checkers = {
  routes: compileSchema(kinds.routes.schema),
  services: compileSchema(kinds.services.schema),
  upstreams: compileSchema(kinds.upstreams.schema),
  consumers: compileSchema(kinds.consumers.schema),
  global_rules: compileSchema(kinds.global_rules.schema),
  ssls: compileSchema(kinds.ssls.schema),
};

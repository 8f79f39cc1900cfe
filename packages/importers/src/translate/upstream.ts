import type { JsonObject, Upstream, UpstreamNode } from "@catena/schema";
import type { CheckedManifest } from "../cluster.ts";
import type { RouteBackend } from "../crd/apisix-route.ts";
import type { ExternalNode, UpstreamConfig } from "../crd/apisix-upstream.ts";
import type { ServicePort } from "../crd/other-kinds.ts";
import type { CrdTimeout } from "../crd/shared-fields.ts";
import { timeoutSeconds } from "../go-duration.ts";
import type { Manifest } from "../read-manifests.ts";
import { defined, translateHealthCheck } from "./health-check.ts";
import { missingSecret } from "./plugins.ts";
import type { Translation } from "./translation.ts";

const upstreamType = "apisix.apache.org/v2/ApisixUpstream";
const defaultWeight = 100;
const defaultTimeoutSeconds = 60;
const schemePorts = { http: 80, https: 443, grpc: 80, grpcs: 443 } as const;

/** `timeout` of a route or upstream; what is not said is 60 seconds, as the controller writes it. */
export function translateTimeout({ connect, send, read }: CrdTimeout) {
  const seconds = (duration: string | undefined) =>
    duration === undefined ? defaultTimeoutSeconds : timeoutSeconds(duration);
  return { connect: seconds(connect), send: seconds(send), read: seconds(read) };
}

/** The port of a Service that a backend names, as far as the manifests say. */
export function findServicePort(
  { serviceName, servicePort }: Pick<RouteBackend, "serviceName" | "servicePort">,
  namespace: string,
  { cluster }: Translation,
): ServicePort | null {
  const ports = cluster.find("v1/Service", namespace, serviceName)?.value.spec.ports ?? [];
  return ports.find(({ name, port }) => servicePort === port || servicePort === name) ?? null;
}

/**
 * Turns a backend into an upstream of one node: the Service under its name in DNS, or under the
 * shorter name that the gateway knows it by. An ApisixUpstream of the Service's name is its base.
 *
 * @returns `null` when it cannot be; why was reported.
 */
export function translateBackend(
  backend: RouteBackend,
  manifest: Manifest,
  path: string,
  translation: Translation,
): Upstream | null {
  const { cluster, report } = translation;
  const { serviceName, servicePort, subset, weight = defaultWeight } = backend;
  if (subset !== undefined) {
    report(
      manifest.issue({
        path: `${path}/subset`,
        code: "MANIFEST_UNSUPPORTED",
        message: "subsets choose pods, which only a controller inside the cluster sees",
        hint: "name a Service of its own for those pods",
      }),
    );
    return null;
  }
  const known = findServicePort(backend, manifest.namespace, translation);
  const port = typeof servicePort === "number" ? servicePort : known?.port;
  if (port === undefined) {
    report(
      manifest.issue({
        path: `${path}/servicePort`,
        code: "MANIFEST_REFERENCE",
        message: `the port "${servicePort}" of "${serviceName}" is not known`,
        hint: "give its number, or add the Service to the file",
      }),
    );
    return null;
  }
  const host = serviceHost(serviceName, manifest.namespace, translation);
  const base = cluster.find(upstreamType, manifest.namespace, serviceName);
  const own = base === null ? {} : translateConfig(base, port, translation);
  const node: UpstreamNode = { host, port, weight };
  return {
    type: "roundrobin",
    scheme: schemeOf(known),
    ...("service_name" in own ? {} : { nodes: [node] }),
    ...own,
  };
}

/** Turns an ApisixUpstream into an upstream of its external nodes, or of its service discovery. */
export function translateExternal(
  upstream: CheckedManifest<UpstreamManifest>,
  translation: Translation,
): Upstream | null {
  const { externalNodes = [], discovery, scheme = "http" } = upstream.value.spec;
  if (externalNodes.length === 0 && discovery === undefined) {
    translation.report(
      upstream.manifest.issue({
        path: "/spec",
        code: "MANIFEST_VALUE",
        message: "a rule names this upstream, and it has no nodes of its own",
        expected: "externalNodes or discovery",
      }),
    );
    return null;
  }
  const { namespace } = upstream.manifest;
  const nodes = externalNodes.map(
    (node): UpstreamNode => ({
      host: externalHost(node, namespace, translation),
      port: node.port ?? schemePorts[scheme],
      weight: node.weight ?? defaultWeight,
    }),
  );
  return {
    type: "roundrobin",
    scheme: "http",
    ...(discovery === undefined ? { nodes } : {}),
    ...translateConfig(upstream, null, translation),
  };
}

interface UpstreamManifest {
  readonly spec: UpstreamConfig & {
    readonly externalNodes?: readonly ExternalNode[];
    readonly portLevelSettings?: readonly (UpstreamConfig & { readonly port: number })[];
  };
}

/** Settings of one port win over those of the whole ApisixUpstream. */
function translateConfig(
  { manifest, value }: CheckedManifest<UpstreamManifest>,
  port: number | null,
  translation: Translation,
): Partial<Upstream> {
  const { portLevelSettings = [], ...general } = value.spec;
  const index = portLevelSettings.findIndex((settings) => settings.port === port);
  const { port: _, ...special } = portLevelSettings[index] ?? { port: 0 };
  const config: UpstreamConfig = { ...general, ...special };
  const tlsPath = "tlsSecret" in special ? `/spec/portLevelSettings/${index}` : "/spec";
  return {
    ...defined({
      scheme: config.scheme,
      type: config.loadbalancer?.type,
      hash_on: config.loadbalancer?.hashOn,
      key: config.loadbalancer?.key,
      retries: config.retries,
      pass_host: config.passHost,
      upstream_host: config.upstreamHost,
    }),
    ...(config.timeout === undefined ? {} : { timeout: translateTimeout(config.timeout) }),
    ...(config.healthCheck === undefined
      ? {}
      : { checks: translateHealthCheck(config.healthCheck) }),
    ...(config.discovery === undefined ? {} : translateDiscovery(config.discovery)),
    ...(config.tlsSecret === undefined
      ? {}
      : translateTls(config.tlsSecret, manifest, `${tlsPath}/tlsSecret`, translation)),
  };
}

function translateDiscovery({ serviceName, type, args }: NonNullable<UpstreamConfig["discovery"]>) {
  return {
    service_name: serviceName,
    discovery_type: type,
    ...(args === undefined ? {} : { discovery_args: args }),
  };
}

function translateTls(
  { name, namespace }: NonNullable<UpstreamConfig["tlsSecret"]>,
  manifest: Manifest,
  path: string,
  { cluster, report }: Translation,
): Pick<Upstream, "tls"> {
  const home = namespace ?? manifest.namespace;
  const secret = cluster.secret(home, name);
  if (secret === null) {
    report(manifest.issue(missingSecret(path, home, name)));
    return {};
  }
  const pair = certificateOf(secret);
  if (pair === null) {
    report(manifest.issue(incompleteSecret(path, home, name)));
    return {};
  }
  return { tls: { client_cert: pair.cert, client_key: pair.key } };
}

/** A certificate and its key, under the names of a TLS Secret or under plain ones. */
export function certificateOf(
  secret: ReadonlyMap<string, string>,
): { cert: string; key: string } | null {
  const cert = secret.get("tls.crt") ?? secret.get("cert");
  const key = secret.get("tls.key") ?? secret.get("key");
  return cert === undefined || key === undefined ? null : { cert, key };
}

export function incompleteSecret(path: string, namespace: string, name: string) {
  return {
    path,
    code: "MANIFEST_REFERENCE",
    message: `the Secret "${namespace}/${name}" has no certificate with a key`,
    expected: "tls.crt and tls.key, or cert and key",
  };
}

/**
 * The host of a Service: its full name in the cluster's DNS, unless the gateway's own table of hosts
 * has that name, or a shorter one of it, which then is the one that resolves.
 */
function serviceHost(name: string, namespace: string, translation: Translation): string {
  const full = `${name}.${namespace}.svc.${translation.clusterDomain}`;
  const shorter = [full, `${name}.${namespace}.svc`, `${name}.${namespace}`, name];
  return shorter.find((host) => translation.knownHosts.has(host.toLowerCase())) ?? full;
}

function externalHost(node: ExternalNode, namespace: string, translation: Translation): string {
  if (node.type !== "Service") return node.name;
  const service = translation.cluster.find("v1/Service", namespace, node.name);
  return service?.value.spec.externalName ?? serviceHost(node.name, namespace, translation);
}

function schemeOf(port: ServicePort | null): "http" | "https" | "grpc" {
  switch (port?.appProtocol) {
    case "https":
    case "kubernetes.io/wss":
      return "https";
    case "grpc":
      return "grpc";
    default:
      return "http";
  }
}

/** Whether a port's protocol asks for WebSocket. */
export function isWebSocketPort(port: ServicePort | null): boolean {
  return port?.appProtocol === "kubernetes.io/ws" || port?.appProtocol === "kubernetes.io/wss";
}

/** An upstream as a resource's value. */
export function upstreamValue(
  name: string,
  upstream: Upstream,
  labels: Readonly<Record<string, string>>,
): JsonObject {
  return { name, labels, ...upstream };
}

import { domainToASCII } from "node:url";
import type { JsonObject, Upstream } from "@catena/schema";
import type { CheckedManifest } from "../cluster.ts";
import type { RouteRule } from "../crd/apisix-route.ts";
import { objectId } from "../object-id.ts";
import type { Manifest } from "../read-manifests.ts";
import { translateExpressions } from "./expressions.ts";
import { translateAuthentication, translatePlugins } from "./plugins.ts";
import { type ImportedResource, labelsOf, type Translation } from "./translation.ts";
import {
  findServicePort,
  isWebSocketPort,
  translateBackend,
  translateExternal,
  translateTimeout,
  upstreamValue,
} from "./upstream.ts";

interface RouteManifest {
  readonly spec: { readonly http?: readonly RouteRule[]; readonly stream?: readonly unknown[] };
}

/**
 * Turns an ApisixRoute into a service, its upstreams and a route per rule, with the ids and names
 * apisix-ingress-controller gives them.
 */
export function translateRoute(
  { manifest, value }: CheckedManifest<RouteManifest>,
  translation: Translation,
): ImportedResource[] {
  const { http = [], stream = [] } = value.spec;
  if (stream.length > 0) {
    translation.report(
      manifest.issue({
        path: "/spec/stream",
        code: "MANIFEST_UNSUPPORTED",
        message: "stream rules (TCP, UDP) are not served",
        expected: "rules under http",
      }),
    );
  }
  return http.flatMap((rule, index) => translateRule(rule, index, manifest, translation));
}

function translateRule(
  rule: RouteRule,
  index: number,
  manifest: Manifest,
  translation: Translation,
): ImportedResource[] {
  const path = `/spec/http/${index}`;
  const base = `${manifest.namespace}_${manifest.name}`;
  const serviceName = `${base}_${index}`;
  const serviceId = objectId(serviceName);
  const labels = labelsOf(manifest);
  const targets = translateTargets(rule, manifest, path, serviceName, translation);
  const [first, ...others] = targets;
  const upstreams = [
    ...(first === undefined ? [] : [{ ...first, id: serviceId, name: serviceName }]),
    ...others,
  ].map(
    ({ id, name, upstream }, position): ImportedResource => ({
      kind: "upstreams",
      id,
      // ADC knows a service's further upstreams by this label.
      value: upstreamValue(name, upstream, {
        ...labels,
        ...(position === 0 ? {} : { __ADC_UPSTREAM_SERVICE_ID: serviceId }),
      }),
    }),
  );
  const service: JsonObject = {
    name: serviceName,
    labels,
    ...(rule.match.hosts === undefined ? {} : { hosts: rule.match.hosts.map(normaliseHost) }),
    ...(first === undefined ? {} : { upstream_id: serviceId }),
    ...(others.length === 0 ? {} : { plugins: splitTraffic(targets) }),
  };
  const routeName = `${base}_${rule.name}`;
  return [
    ...upstreams,
    { kind: "services", id: serviceId, value: service },
    {
      kind: "routes",
      id: objectId(routeName),
      value: routeValue(rule, { routeName, serviceId, labels, path }, manifest, translation),
    },
  ];
}

interface RouteIdentity {
  readonly routeName: string;
  readonly serviceId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly path: string;
}

function routeValue(
  rule: RouteRule,
  { routeName, serviceId, labels, path }: RouteIdentity,
  manifest: Manifest,
  translation: Translation,
): JsonObject {
  const { match } = rule;
  const vars = translateExpressions(
    match.exprs ?? [],
    manifest,
    `${path}/match/exprs`,
    translation.report,
  );
  const isWebSocket = rule.websocket ?? asksForWebSocket(rule, manifest, translation);
  return {
    name: routeName,
    labels,
    uris: match.paths,
    ...(match.methods === undefined ? {} : { methods: match.methods }),
    ...(match.remoteAddrs === undefined ? {} : { remote_addrs: match.remoteAddrs }),
    ...(vars.length === 0 ? {} : { vars }),
    ...(match.filter_func === undefined ? {} : { filter_func: match.filter_func }),
    priority: rule.priority ?? 0,
    ...(rule.timeout === undefined ? {} : { timeout: translateTimeout(rule.timeout) }),
    ...(isWebSocket === undefined ? {} : { enable_websocket: isWebSocket }),
    plugins: {
      ...sharedPlugins(rule, manifest, path, translation),
      ...translatePlugins(rule.plugins ?? [], manifest, `${path}/plugins`, translation),
      ...translateAuthentication(rule.authentication),
    },
    service_id: serviceId,
    status: 1,
  };
}

interface Target {
  readonly id: string;
  readonly name: string;
  readonly upstream: Upstream;
  readonly weight: number;
}

/** Backends first, then the upstreams named; the first that is valid becomes the service's own. */
function translateTargets(
  rule: RouteRule,
  manifest: Manifest,
  path: string,
  serviceName: string,
  translation: Translation,
): Target[] {
  const targets: Target[] = [];
  for (const [index, backend] of (rule.backends ?? []).entries()) {
    const place = `${path}/backends/${index}`;
    const upstream = translateBackend(backend, manifest, place, translation);
    if (upstream === null) continue;
    const name = `${serviceName}_${index}`;
    targets.push({ id: objectId(name), name, upstream, weight: backend.weight ?? 100 });
  }
  for (const [index, { name: reference, weight = 100 }] of (rule.upstreams ?? []).entries()) {
    const type = "apisix.apache.org/v2/ApisixUpstream";
    const found = translation.cluster.find(type, manifest.namespace, reference);
    if (found === null) {
      const place = `${path}/upstreams/${index}/name`;
      translation.report(manifest.issue(missingObject(place, "ApisixUpstream", reference)));
      continue;
    }
    const upstream = translateExternal(found, translation);
    if (upstream === null) continue;
    const name = `${manifest.namespace}_${reference}`;
    targets.push({ id: objectId(name), name, upstream, weight });
  }
  return targets;
}

/** Weighs the service's own upstream (the entry without an id) against the others. */
function splitTraffic(targets: readonly Target[]): JsonObject {
  const weighted = targets.map(({ id, weight }, index) =>
    index === 0 ? { weight } : { upstream_id: id, weight },
  );
  return { "traffic-split": { rules: [{ weighted_upstreams: weighted }] } };
}

function sharedPlugins(
  rule: RouteRule,
  manifest: Manifest,
  path: string,
  translation: Translation,
) {
  const { plugin_config_name: name, plugin_config_namespace: namespace } = rule;
  if (name === undefined) return {};
  const type = "apisix.apache.org/v2/ApisixPluginConfig";
  const found = translation.cluster.find(type, namespace ?? manifest.namespace, name);
  if (found === null) {
    const place = `${path}/plugin_config_name`;
    translation.report(manifest.issue(missingObject(place, "ApisixPluginConfig", name)));
    return {};
  }
  const { plugins = [] } = found.value.spec;
  return translatePlugins(plugins, found.manifest, "/spec/plugins", translation);
}

function asksForWebSocket(
  rule: RouteRule,
  { namespace }: Manifest,
  translation: Translation,
): true | undefined {
  const asks = (rule.backends ?? []).some((backend) =>
    isWebSocketPort(findServicePort(backend, namespace, translation)),
  );
  return asks ? true : undefined;
}

/** Lower case, and international names as DNS has them; a leading `*.` stays. */
function normaliseHost(host: string): string {
  const wildcard = host.startsWith("*.") ? "*." : "";
  const name = host.slice(wildcard.length).toLowerCase();
  return wildcard + (domainToASCII(name) || name);
}

function missingObject(path: string, kind: string, name: string) {
  return {
    path,
    code: "MANIFEST_REFERENCE",
    message: `the ${kind} "${name}" is not among the manifests`,
    hint: "add it to the file",
  };
}

import { createPluginRegistry, type PluginRegistry } from "@catena/schema";
import { absentPlugins } from "./absent-plugins.ts";
import { acl } from "./acl.ts";
import { apiBreaker } from "./api-breaker.ts";
import { attachConsumerLabel } from "./attach-consumer-label.ts";
import { basicAuth } from "./basic-auth.ts";
import { clientControl } from "./client-control.ts";
import { consumerRestriction } from "./consumer-restriction.ts";
import { cors } from "./cors.ts";
import { csrf } from "./csrf.ts";
import { dataMask } from "./data-mask.ts";
import type { PluginEntry } from "./define-plugin.ts";
import { degraphql } from "./degraphql.ts";
import { echo } from "./echo.ts";
import { faultInjection } from "./fault-injection.ts";
import { fileLogger } from "./file-logger.ts";
import { forwardAuth } from "./forward-auth.ts";
import { gzip } from "./gzip.ts";
import { hmacAuth } from "./hmac-auth.ts";
import { httpLogger } from "./http-logger.ts";
import { ipRestriction } from "./ip-restriction.ts";
import { jweDecrypt } from "./jwe-decrypt.ts";
import { jwtAuth } from "./jwt-auth.ts";
import { keyAuth } from "./key-auth.ts";
import { limitConn } from "./limit-conn.ts";
import { limitCount } from "./limit-count.ts";
import { limitReq } from "./limit-req.ts";
import { mocking } from "./mocking.ts";
import { multiAuthOf } from "./multi-auth.ts";
import { opa } from "./opa.ts";
import { prometheus } from "./prometheus.ts";
import { proxyBuffering } from "./proxy-buffering.ts";
import { proxyCache } from "./proxy-cache.ts";
import { proxyChain } from "./proxy-chain.ts";
import { proxyMirror } from "./proxy-mirror.ts";
import { proxyRewrite } from "./proxy-rewrite.ts";
import { publicApi } from "./public-api.ts";
import { realIp } from "./real-ip.ts";
import { redirect } from "./redirect.ts";
import { refererRestriction } from "./referer-restriction.ts";
import { requestId } from "./request-id.ts";
import { requestValidation } from "./request-validation.ts";
import { responseRewrite } from "./response-rewrite.ts";
import { trafficLabel } from "./traffic-label.ts";
import { trafficSplit } from "./traffic-split.ts";
import { uaRestriction } from "./ua-restriction.ts";
import { uriBlocker } from "./uri-blocker.ts";
import { workflow } from "./workflow.ts";

/** Every plugin, in alphabetical order. A new plugin is its file and one line here. */
const entries: readonly PluginEntry[] = [
  acl,
  apiBreaker,
  attachConsumerLabel,
  basicAuth,
  clientControl,
  consumerRestriction,
  cors,
  csrf,
  dataMask,
  degraphql,
  echo,
  faultInjection,
  fileLogger,
  forwardAuth,
  gzip,
  hmacAuth,
  httpLogger,
  ipRestriction,
  jweDecrypt,
  jwtAuth,
  keyAuth,
  limitConn,
  limitCount,
  limitReq,
  mocking,
  multiAuthOf((name) => byName.get(name)),
  opa,
  prometheus,
  proxyBuffering,
  proxyCache,
  proxyChain,
  proxyMirror,
  proxyRewrite,
  publicApi,
  realIp,
  redirect,
  refererRestriction,
  requestId,
  requestValidation,
  responseRewrite,
  trafficLabel,
  trafficSplit,
  uaRestriction,
  uriBlocker,
  workflow,
];

/** The plugins of this build: what they accept, and how they are made. */
export interface Plugins {
  readonly registry: PluginRegistry;
  get(name: string): PluginEntry | undefined;
}

const byName: ReadonlyMap<string, PluginEntry> = new Map(
  entries.map((entry) => [entry.schema.name, entry]),
);

export const plugins: Plugins = {
  registry: createPluginRegistry(
    entries.map((entry) => entry.schema),
    absentPlugins,
  ),
  get: (name) => byName.get(name),
};

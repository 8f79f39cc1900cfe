import { createPluginRegistry, type PluginRegistry } from "@catena/schema";
import { apiBreaker } from "./api-breaker.ts";
import { basicAuth } from "./basic-auth.ts";
import { clientControl } from "./client-control.ts";
import { consumerRestriction } from "./consumer-restriction.ts";
import { cors } from "./cors.ts";
import { csrf } from "./csrf.ts";
import type { PluginEntry } from "./define-plugin.ts";
import { echo } from "./echo.ts";
import { faultInjection } from "./fault-injection.ts";
import { forwardAuth } from "./forward-auth.ts";
import { gzip } from "./gzip.ts";
import { hmacAuth } from "./hmac-auth.ts";
import { ipRestriction } from "./ip-restriction.ts";
import { jwtAuth } from "./jwt-auth.ts";
import { keyAuth } from "./key-auth.ts";
import { limitConn } from "./limit-conn.ts";
import { limitCount } from "./limit-count.ts";
import { limitReq } from "./limit-req.ts";
import { mocking } from "./mocking.ts";
import { proxyChain } from "./proxy-chain.ts";
import { proxyRewrite } from "./proxy-rewrite.ts";
import { publicApi } from "./public-api.ts";
import { realIp } from "./real-ip.ts";
import { redirect } from "./redirect.ts";
import { refererRestriction } from "./referer-restriction.ts";
import { requestId } from "./request-id.ts";
import { requestValidation } from "./request-validation.ts";
import { responseRewrite } from "./response-rewrite.ts";
import { trafficSplit } from "./traffic-split.ts";
import { uaRestriction } from "./ua-restriction.ts";
import { uriBlocker } from "./uri-blocker.ts";

/** Every plugin, in alphabetical order. A new plugin is its file and one line here. */
const entries: readonly PluginEntry[] = [
  apiBreaker,
  basicAuth,
  clientControl,
  consumerRestriction,
  cors,
  csrf,
  echo,
  faultInjection,
  forwardAuth,
  gzip,
  hmacAuth,
  ipRestriction,
  jwtAuth,
  keyAuth,
  limitConn,
  limitCount,
  limitReq,
  mocking,
  proxyChain,
  proxyRewrite,
  publicApi,
  realIp,
  redirect,
  refererRestriction,
  requestId,
  requestValidation,
  responseRewrite,
  trafficSplit,
  uaRestriction,
  uriBlocker,
];

/** The plugins of this build: what they accept, and how they are made. */
export interface Plugins {
  readonly registry: PluginRegistry;
  get(name: string): PluginEntry | undefined;
}

const byName = new Map(entries.map((entry) => [entry.schema.name, entry]));

export const plugins: Plugins = {
  registry: createPluginRegistry(entries.map((entry) => entry.schema)),
  get: (name) => byName.get(name),
};

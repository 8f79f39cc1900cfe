import { literals } from "@catena/schema";
import { type TSchema, Type } from "@sinclair/typebox";
import { definePlugin } from "./define-plugin.ts";
import { replyLength } from "./logs/log-facts.ts";
import { ReplyWatch } from "./logs/reply-watch.ts";
import { type DisabledLabels, labelsOf, requestMetrics } from "./metrics/request-metrics.ts";

const schema = Type.Object({
  prefer_name: Type.Optional(
    Type.Boolean({
      default: false,
      description: "whether labels have the names of routes and services in place of their ids",
    }),
  ),
});

/** What tells series of a metric apart by its nature can't be left out. */
const structural = new Set(["code", "type", "layer"]);

const ofModels = ["request_type", "request_llm_model", "llm_model"];
const ofCalls = ["consumer", "node", ...ofModels];
const ofCaches = ["route", "route_id", "service", "service_id", ...ofCalls];
const ofTokens = ["route_id", "service_id", ...ofCalls];

/** Metrics of language models, which APISIX's metadata may name; there are none of them here. */
const foreignLabels: Readonly<Record<string, readonly string[]>> = {
  ai_cache_bypasses_total: ofCaches,
  ai_cache_embedding_latency: ofCaches,
  ai_cache_hits_total: ofCaches,
  ai_cache_misses_total: ofCaches,
  llm_active_connections: [
    "route",
    "route_id",
    "matched_uri",
    "matched_host",
    "service",
    "service_id",
    ...ofCalls,
  ],
  llm_completion_tokens: ofTokens,
  llm_completion_tokens_dist: ofTokens,
  llm_latency: ofTokens,
  llm_prompt_tokens: ofTokens,
  llm_prompt_tokens_dist: ofTokens,
};

function disabledSchema(): TSchema {
  const lists = { ...labelsOf, ...foreignLabels };
  const properties = Object.entries(lists).map(([metric, labels]) => {
    const names = labels.filter((label) => !structural.has(label));
    return [metric, Type.Optional(Type.Array(literals(names)))] as const;
  });
  return Type.Object(Object.fromEntries(properties), { additionalProperties: false });
}

/**
 * prometheus: counts requests for the page /apisix/prometheus/metrics, which public-api publishes
 * (apisix/plugins/prometheus.lua). Where a route and a global rule both have it, the route's counts.
 */
export const prometheus = definePlugin({
  name: "prometheus",
  priority: 500,
  schema,
  metadataSchema: Type.Object({ disabled_labels: Type.Optional(disabledSchema()) }),
  create: (conf, services) => {
    const metrics = requestMetrics(services);
    const watch = new ReplyWatch();
    const instance = {};
    // Checked with the metadata schema when it was stored.
    const disabled = (services.metadata("prometheus")?.["disabled_labels"] ?? {}) as DisabledLabels;
    const options = { prefersNames: conf.prefer_name ?? false, disabled };
    return {
      value: {
        access: (ctx) => {
          ctx.decideSending().tries ??= [];
          metrics.claim(ctx, instance);
        },
        bodyFilter: (ctx, reply) => {
          if (metrics.counts(ctx, instance)) watch.follow(ctx, reply, 0);
        },
        log: (ctx, reply) => {
          if (!metrics.counts(ctx, instance)) return;
          watch.end(ctx, reply, (body) => {
            const sentBytes = replyLength({ reply, bodyBytes: body?.total ?? 0 });
            metrics.count(ctx, reply, sentBytes, options);
          });
        },
      },
      issues: [],
    };
  },
});

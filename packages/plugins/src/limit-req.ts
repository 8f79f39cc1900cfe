import type { GatewayReply, PluginServices, RequestContext } from "@catena/pipeline";
import { literals } from "@catena/schema";
import { type Static, Type } from "@sinclair/typebox";
import { definePlugin } from "./define-plugin.ts";
import { ConfigurationMemory, configurationOf } from "./limits/configuration-memory.ts";
import { LeakyBuckets } from "./limits/leaky-buckets.ts";
import { compileLimitKey, type LimitKey } from "./limits/limit-key.ts";
import { checkPolicy, policySchema, rejection, rejectionSchema } from "./limits/limit-policy.ts";
import { pause } from "./replies/pause.ts";

const schema = Type.Object({
  rate: Type.Number({ exclusiveMinimum: 0, description: "requests per second" }),
  burst: Type.Number({ minimum: 0, description: "requests beyond the rate that wait their turn" }),
  key: Type.String({ description: "what to count by" }),
  key_type: Type.Optional(
    literals(["var", "var_combination"], {
      default: "var",
      description: "whether key is a variable or a text with variables",
    }),
  ),
  policy: policySchema(["redis", "redis-cluster", "local"]),
  nodelay: Type.Optional(
    Type.Boolean({ default: false, description: "let the burst through at once" }),
  ),
  ...rejectionSchema,
});

/** limit-req: requests per second and key, evened out (apisix/plugins/limit-req.lua). */
export const limitReq = definePlugin({
  name: "limit-req",
  priority: 1001,
  schema,
  check: (conf) => [...checkPolicy(conf.policy), ...keyOf(conf).issues],
  create: (conf, services) => {
    const { value: key, issues } = keyOf(conf);
    if (key === undefined) return { issues };
    const buckets = bucketsOf(conf, services);
    return { value: { access: (ctx) => admit(conf, key, buckets, ctx) }, issues };
  },
});

type Conf = Static<typeof schema>;

function keyOf(conf: Conf) {
  return compileLimitKey(conf.key, conf.key_type ?? "var");
}

function bucketsOf(conf: Conf, { survivors, owner }: PluginServices): LeakyBuckets {
  const make = () => new ConfigurationMemory<LeakyBuckets>();
  return survivors
    .get("limit-req", owner, make)
    .of(configurationOf(conf), () => new LeakyBuckets(conf.rate, conf.burst));
}

function admit(
  conf: Conf,
  key: LimitKey,
  buckets: LeakyBuckets,
  ctx: RequestContext,
): GatewayReply | undefined | Promise<GatewayReply | undefined> {
  const waitMs = buckets.admit(key(ctx), performance.now());
  if (waitMs === null) return rejection(conf);
  // nginx's timers know no less than a millisecond.
  return waitMs < 1 || conf.nodelay === true ? undefined : pause(ctx, waitMs);
}

import type { Checked, Issue } from "@catena/errors";
import type { PluginServices } from "@catena/pipeline";
import { literals } from "@catena/schema";
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { definePlugin } from "./define-plugin.ts";
import { firstOnly } from "./first-only.ts";
import {
  ConfigurationMemory,
  configurationOf,
  GroupMemory,
} from "./limits/configuration-memory.ts";
import { CountLimiter, defaultNames } from "./limits/count-limiter.ts";
import { compileCountRules } from "./limits/count-rules.ts";
import { checkPolicy, policySchema, rejectionSchema } from "./limits/limit-policy.ts";
import { SharedCounts } from "./limits/shared-counts.ts";
import { SharedFixedWindows, SharedSlidingWindows } from "./limits/shared-windows.ts";
import { FixedWindows, SlidingWindows, type WindowCounters } from "./limits/window-counters.ts";
import { unlessSkipped } from "./nested/unless-skipped.ts";

/** A positive whole number, or a text with variables that becomes one. */
function amountSchema(description: string) {
  const oneOf = [{ type: "integer", exclusiveMinimum: 0 }, { type: "string" }];
  return Type.Unsafe<number | string>(Type.Unknown({ oneOf, description }));
}

const countSchema = amountSchema("requests per window; a text may hold variables");
const windowSchema = amountSchema("seconds; a text may hold variables");

const ruleSchema = Type.Object({
  count: countSchema,
  time_window: windowSchema,
  key: Type.String({ description: "text with variables; the rule is for requests that have one" }),
  header_prefix: Type.Optional(
    Type.String({
      description:
        "put before RateLimit- in the names of the headers; the number of the rule otherwise",
    }),
  ),
});

const schema = Type.Object(
  {
    count: Type.Optional(countSchema),
    time_window: Type.Optional(windowSchema),
    window_type: Type.Optional(
      literals(["fixed", "sliding"], {
        default: "fixed",
        description: "from the first request on, or always the last time_window seconds",
      }),
    ),
    rules: Type.Optional(
      Type.Array(ruleSchema, { description: "several limits, instead of count and time_window" }),
    ),
    group: Type.Optional(
      Type.String({
        description: "routes that count together; their configurations must be equal",
      }),
    ),
    key: Type.Optional(Type.String({ default: "remote_addr", description: "what to count by" })),
    key_type: Type.Optional(
      literals(["var", "var_combination", "constant"], {
        default: "var",
        description: "whether key is a variable, a text with variables or the same for all",
      }),
    ),
    policy: policySchema(["local", "redis", "redis-cluster", "redis-sentinel"]),
    show_limit_quota_header: Type.Optional(
      Type.Boolean({ default: true, description: "send limit, remainder and reset to the client" }),
    ),
    sync_interval: Type.Optional(
      Type.Number({ default: -1, description: "of shared counters; without effect" }),
    ),
    ...rejectionSchema,
  },
  { oneOf: [{ required: ["count", "time_window"] }, { required: ["rules"] }] },
);

type Conf = Static<typeof schema>;

const metadataSchema = Type.Object({
  limit_header: Type.Optional(Type.String({ default: defaultNames.limit_header })),
  remaining_header: Type.Optional(Type.String({ default: defaultNames.remaining_header })),
  reset_header: Type.Optional(Type.String({ default: defaultNames.reset_header })),
});

/**
 * limit-count: so many requests per key in a window of time, counted by this gateway alone, its
 * workers together
 * (apisix/plugins/limit-count).
 */
export const limitCount = definePlugin({
  name: "limit-count",
  priority: 1002,
  schema,
  metadataSchema,
  groupField: "group",
  check: (conf) => check(conf),
  create: (conf, services) => {
    const { value: limiter, issues } = compileLimiter(conf, services);
    if (limiter === undefined) return { issues };
    const { counts, leave } = limiter;
    return {
      value: {
        access: unlessSkipped("limit-count", (ctx) => counts.count(ctx)),
        ...(leave === null ? {} : { dispose: leave }),
      },
      issues: [],
    };
  },
});

function check(conf: Conf): readonly Issue[] {
  const invalid = (path: string, message: string): Issue[] => [
    { path, code: "LIMIT_INVALID", message },
  ];
  if (conf.rules !== undefined && (conf.count ?? conf.time_window) !== undefined) {
    return invalid("/rules", "count/time_window and rules cannot be specified at the same time");
  }
  if (conf.group !== undefined && conf.rules !== undefined) {
    return invalid("/group", "group and rules cannot be specified at the same time");
  }
  const keys = new Set<string>();
  for (const [index, { key }] of (conf.rules ?? []).entries()) {
    if (keys.has(key)) return invalid(`/rules/${index}/key`, `duplicate key '${key}' in rules`);
    keys.add(key);
  }
  return [...checkPolicy(conf.policy), ...compileCountRules(conf).issues];
}

type Counters = readonly WindowCounters[];

interface Limiter {
  readonly counts: CountLimiter;
  /** Ends its part in a group; `null` when it is in none. */
  readonly leave: (() => void) | null;
}

function compileLimiter(conf: Conf, services: PluginServices): Checked<Limiter> {
  const { value: rules, issues } = compileCountRules(conf);
  if (rules === undefined) return { issues };
  // What is spelled out and what is left to the default are the same configuration.
  const configuration = configurationOf(Value.Default(schema, structuredClone(conf)));
  const memory = memoryOf(conf, services);
  let leave: Limiter["leave"] = null;
  if (memory instanceof GroupMemory) {
    leave = memory.join(services.owner, configuration);
    if (leave === null) {
      const message = "group conf mismatched";
      return { issues: [{ path: "/group", code: "LIMIT_INVALID", message }] };
    }
  }
  const counters = memory.of(configuration, () => {
    const create = countersFor(conf, configuration, services);
    return rules.map((_, index) => create(index));
  });
  const quiet = { ...services, log: firstOnly(services.log) };
  return { value: { counts: new CountLimiter(conf, rules, counters, quiet), leave }, issues: [] };
}

/** Counters of one rule each: of this process, or of all workers of the gateway together. */
function countersFor(
  conf: Conf,
  configuration: string,
  { survivors, owner }: PluginServices,
): (rule: number) => WindowCounters {
  const isSliding = conf.window_type === "sliding";
  if (survivors.shared === undefined) {
    return () => (isSliding ? new SlidingWindows() : new FixedWindows());
  }
  const counts = new SharedCounts(survivors.shared);
  const counter = conf.group === undefined ? owner : groupOwner(conf.group);
  return (rule) => {
    const name = `${counter}\n${configuration}\n${rule}`;
    return isSliding
      ? new SharedSlidingWindows(counts, name)
      : new SharedFixedWindows(counts, name);
  };
}

function groupOwner(group: string): string {
  return `limit-count-group/${group}`;
}

function memoryOf(
  { group }: Conf,
  { survivors, owner }: PluginServices,
): ConfigurationMemory<Counters> {
  return group === undefined
    ? survivors.get("limit-count", owner, () => new ConfigurationMemory<Counters>())
    : survivors.get("limit-count", groupOwner(group), () => new GroupMemory<Counters>());
}

import type { Checked, Issue } from "@catena/errors";
import { compileTemplate, type Template } from "@catena/expr";
import {
  type GatewayReply,
  type PluginServices,
  type RequestContext,
  statusReply,
} from "@catena/pipeline";
import { type JsonObject, literals } from "@catena/schema";
import { type Static, Type } from "@sinclair/typebox";
import { definePlugin } from "./define-plugin.ts";
import {
  ConfigurationMemory,
  configurationOf,
  GroupMemory,
} from "./limits/configuration-memory.ts";
import { bounded, compileLimitKey, type LimitKey } from "./limits/limit-key.ts";
import { checkPolicy, policySchema, rejection, rejectionSchema } from "./limits/limit-policy.ts";
import { compileNumber, type RequestNumber, readNumber } from "./limits/request-number.ts";
import { FixedWindows, SlidingWindows, type WindowCounters } from "./limits/window-counters.ts";

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

const defaultNames = {
  limit_header: "X-RateLimit-Limit",
  remaining_header: "X-RateLimit-Remaining",
  reset_header: "X-RateLimit-Reset",
};

const metadataSchema = Type.Object({
  limit_header: Type.Optional(Type.String({ default: defaultNames.limit_header })),
  remaining_header: Type.Optional(Type.String({ default: defaultNames.remaining_header })),
  reset_header: Type.Optional(Type.String({ default: defaultNames.reset_header })),
});

/**
 * limit-count: so many requests per key in a window of time, counted by this gateway alone
 * (apisix/plugins/limit-count).
 */
export const limitCount = definePlugin({
  name: "limit-count",
  priority: 1002,
  schema,
  metadataSchema,
  check: (conf) => check(conf),
  create: (conf, services) => {
    const { value: limiter, issues } = compileLimiter(conf, services);
    if (limiter === undefined) return { issues };
    return { value: { access: (ctx) => limiter.count(ctx) }, issues: [] };
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
  return [...checkPolicy(conf.policy), ...compileRules(conf).issues];
}

/** One limit; `key` gives `null` when the rule does not apply to a request. */
interface Rule {
  readonly limit: RequestNumber;
  readonly windowSeconds: RequestNumber;
  readonly key: (ctx: RequestContext) => string | null;
  /** Put before `RateLimit-` in the names of the headers; `null` for the only limit. */
  readonly prefix: string | null;
}

function compileRules(conf: Conf): Checked<readonly Rule[]> {
  const { count, time_window, rules } = conf;
  if (rules === undefined) {
    const key = compileLimitKey(conf.key ?? "remote_addr", conf.key_type ?? "var");
    // The schema lets a configuration without rules through only with both.
    return toRules([compileRule(count ?? 0, time_window ?? 0, key, "", null)]);
  }
  return toRules(
    rules.map((rule, index) =>
      compileRule(
        rule.count,
        rule.time_window,
        compileRuleKey(rule.key, `/rules/${index}`),
        `/rules/${index}`,
        rule.header_prefix ?? String(index + 1),
      ),
    ),
  );
}

function compileRule(
  count: number | string,
  timeWindow: number | string,
  key: Checked<LimitKey | ((ctx: RequestContext) => string | null)>,
  path: string,
  prefix: string | null,
): Checked<Rule> {
  const limit = compileNumber(count, `${path}/count`);
  const window = compileNumber(timeWindow, `${path}/time_window`);
  const issues = [...limit.issues, ...window.issues, ...key.issues];
  if (limit.value === undefined || window.value === undefined || key.value === undefined) {
    return { issues };
  }
  return {
    value: { limit: limit.value, windowSeconds: window.value, key: key.value, prefix },
    issues,
  };
}

/** A rule of several counts only requests that give its key a value. */
function compileRuleKey(
  key: string,
  path: string,
): Checked<(ctx: RequestContext) => string | null> {
  const { value: template, issues } = compileTemplate(key);
  if (template === undefined) {
    return { issues: issues.map((issue) => ({ ...issue, path: `${path}/key` })) };
  }
  return { value: (ctx) => keyOf(template, ctx), issues: [] };
}

function keyOf(template: Template, ctx: RequestContext): string | null {
  const key = template.renderIfAny(ctx);
  return key === null ? null : bounded(key);
}

function toRules(compiled: readonly Checked<Rule>[]): Checked<readonly Rule[]> {
  const issues = compiled.flatMap((rule) => rule.issues);
  const rules = compiled.flatMap(({ value }) => (value === undefined ? [] : [value]));
  return issues.length > 0 ? { issues } : { value: rules, issues };
}

type Counters = readonly WindowCounters[];

function compileLimiter(conf: Conf, services: PluginServices): Checked<CountLimiter> {
  const { value: rules, issues } = compileRules(conf);
  if (rules === undefined) return { issues };
  const configuration = configurationOf(conf);
  const memory = memoryOf(conf, configuration, services);
  if (memory === null) {
    const message = "group conf mismatched";
    return { issues: [{ path: "/group", code: "LIMIT_INVALID", message }] };
  }
  const isSliding = conf.window_type === "sliding";
  const counters = memory.of(configuration, () =>
    rules.map(() => (isSliding ? new SlidingWindows() : new FixedWindows())),
  );
  return { value: new CountLimiter(conf, rules, counters, services), issues: [] };
}

/** `null` when the group counts by another configuration. */
function memoryOf(
  conf: Conf,
  configuration: string,
  { survivors, owner }: PluginServices,
): ConfigurationMemory<Counters> | null {
  if (conf.group === undefined) {
    return survivors.get("limit-count", owner, () => new ConfigurationMemory<Counters>());
  }
  const group = survivors.get(
    "limit-count",
    `limit-count-group/${conf.group}`,
    () => new GroupMemory<Counters>(),
  );
  return group.accepts(configuration) ? group : null;
}

interface HeaderNames {
  readonly limit: string;
  readonly remaining: string;
  readonly reset: string;
}

class CountLimiter {
  readonly #conf: Conf;
  readonly #rules: readonly Rule[];
  readonly #counters: readonly WindowCounters[];
  readonly #services: PluginServices;
  readonly #showsHeaders: boolean;
  readonly #isSliding: boolean;
  #namesFrom: JsonObject | null;
  #names: readonly HeaderNames[];

  constructor(
    conf: Conf,
    rules: readonly Rule[],
    counters: readonly WindowCounters[],
    services: PluginServices,
  ) {
    this.#conf = conf;
    this.#rules = rules;
    this.#counters = counters;
    this.#services = services;
    this.#showsHeaders = conf.show_limit_quota_header ?? true;
    this.#isSliding = conf.window_type === "sliding";
    this.#namesFrom = null;
    this.#names = rules.map((rule) => headerNames(rule, null));
  }

  count(ctx: RequestContext): GatewayReply | undefined {
    let applied = 0;
    for (let i = 0; i < this.#rules.length; i++) {
      // The bound makes rule and counters present.
      const rule = this.#rules[i] as Rule;
      const key = rule.key(ctx);
      if (key === null) continue;
      const limit = readNumber(rule.limit, ctx, 1);
      const window = readNumber(rule.windowSeconds, ctx, 1);
      if (limit === null || window === null) return this.#degrade("a limit is no whole number");
      applied++;
      const counters = this.#counters[i] as WindowCounters;
      const count = counters.count(key, limit, window * 1000, performance.now());
      if (this.#showsHeaders) this.#showQuota(ctx, i, limit, count.remaining, count.resetMs);
      if (!count.accepted) return rejection(this.#conf);
    }
    return applied === 0 ? this.#degrade("no rule applies") : undefined;
  }

  #showQuota(
    ctx: RequestContext,
    rule: number,
    limit: number,
    remaining: number,
    resetMs: number,
  ): void {
    // One set of names per rule.
    const names = this.#currentNames()[rule] as HeaderNames;
    const hundredths = this.#isSliding ? Math.ceil(resetMs / 10) : Math.floor(resetMs / 10);
    ctx.setReplyHeader(names.limit, String(limit));
    ctx.setReplyHeader(names.remaining, String(remaining));
    ctx.setReplyHeader(names.reset, String(hundredths / 100));
  }

  #currentNames(): readonly HeaderNames[] {
    const metadata = this.#services.metadata("limit-count");
    if (metadata !== this.#namesFrom) {
      this.#namesFrom = metadata;
      this.#names = this.#rules.map((rule) => headerNames(rule, metadata));
    }
    return this.#names;
  }

  #degrade(reason: string): GatewayReply | undefined {
    const { log, owner } = this.#services;
    log.error("a request could not be counted", { plugin: "limit-count", owner, reason });
    if (this.#conf.allow_degradation === true) return undefined;
    return statusReply(500);
  }
}

function headerNames({ prefix }: Rule, metadata: JsonObject | null): HeaderNames {
  const name = (member: keyof typeof defaultNames): string => {
    const given = metadata?.[member];
    const base = typeof given === "string" ? given : defaultNames[member];
    return prefix === null ? base : base.replace("RateLimit-", () => `${prefix}-RateLimit-`);
  };
  return {
    limit: name("limit_header"),
    remaining: name("remaining_header"),
    reset: name("reset_header"),
  };
}

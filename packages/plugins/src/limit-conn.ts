import type { Checked, Issue } from "@catena/errors";
import {
  type GatewayReply,
  type PluginServices,
  type RequestContext,
  statusReply,
} from "@catena/pipeline";
import { literals } from "@catena/schema";
import { type Static, Type } from "@sinclair/typebox";
import { definePlugin } from "./define-plugin.ts";
import { firstOnly } from "./first-only.ts";
import { ConfigurationMemory, configurationOf } from "./limits/configuration-memory.ts";
import { compileLimitKey, compileRuleKey, type RuleKey } from "./limits/limit-key.ts";
import { checkPolicy, policySchema, rejection, rejectionSchema } from "./limits/limit-policy.ts";
import { Occupancy } from "./limits/occupancy.ts";
import { compileNumber, type RequestNumber, readNumber } from "./limits/request-number.ts";
import { unlessSkipped } from "./nested/unless-skipped.ts";
import { pause } from "./replies/pause.ts";
import { tellWhenEnded } from "./replies/when-sent.ts";

function amountSchema(limit: object, description: string) {
  const oneOf = [{ ...limit, type: "integer" }, { type: "string" }];
  return Type.Unsafe<number | string>(Type.Unknown({ oneOf, description }));
}

const connSchema = amountSchema(
  { exclusiveMinimum: 0 },
  "requests at a time; a text may hold variables",
);
const burstSchema = amountSchema(
  { minimum: 0 },
  "further requests that are let in after a delay; a text may hold variables",
);

const schema = Type.Object(
  {
    conn: Type.Optional(connSchema),
    burst: Type.Optional(burstSchema),
    default_conn_delay: Type.Optional(
      Type.Number({ exclusiveMinimum: 0, description: "seconds a request of the burst waits" }),
    ),
    only_use_default_delay: Type.Optional(
      Type.Boolean({ default: false, description: "without effect: no other delay is used" }),
    ),
    key: Type.Optional(Type.String({ description: "what to count by" })),
    key_type: Type.Optional(
      literals(["var", "var_combination"], {
        default: "var",
        description: "whether key is a variable or a text with variables",
      }),
    ),
    policy: policySchema(["redis", "redis-cluster", "local"]),
    rules: Type.Optional(
      Type.Array(
        Type.Object({
          conn: connSchema,
          burst: burstSchema,
          key: Type.String({
            description: "text with variables; the rule is for requests that have one",
          }),
        }),
        { description: "several limits, instead of conn, burst and key" },
      ),
    ),
    ...rejectionSchema,
  },
  {
    oneOf: [
      { required: ["conn", "burst", "default_conn_delay", "key"] },
      { required: ["default_conn_delay", "rules"] },
    ],
  },
);

type Conf = Static<typeof schema>;

/**
 * limit-conn: requests in flight per key, from their arrival until the last byte of the reply
 * (apisix/plugins/limit-conn). The delay of the burst is always a multiple of `default_conn_delay`:
 * APISIX measures latencies too, but forgets them with each request.
 */
export const limitConn = definePlugin({
  name: "limit-conn",
  priority: 1003,
  schema,
  check: (conf) => [...checkPolicy(conf.policy), ...compileRules(conf).issues],
  create: (conf, services) => {
    const { value: rules, issues } = compileRules(conf);
    if (rules === undefined) return { issues };
    const limiter = new ConnectionLimiter(conf, rules, {
      ...services,
      log: firstOnly(services.log),
    });
    return {
      value: {
        access: unlessSkipped("limit-conn", (ctx) => limiter.enter(ctx)),
        headerFilter: (ctx, reply) => limiter.follow(ctx, reply),
        log: (ctx, reply) => limiter.leaveUnless(ctx, reply),
      },
      issues,
    };
  },
});

interface Rule {
  readonly conn: RequestNumber;
  readonly burst: RequestNumber;
  readonly key: RuleKey;
}

function compileRules(conf: Conf): Checked<readonly Rule[]> {
  const { rules } = conf;
  const compiled =
    rules === undefined
      ? [compileRule(conf, compileLimitKey(conf.key ?? "", conf.key_type ?? "var"), "")]
      : rules.map((rule, i) => compileRule(rule, compileRuleKey(rule.key), `/rules/${i}`));
  const issues = compiled.flatMap((rule) => rule.issues);
  if (issues.length > 0) return { issues };
  return { value: compiled.flatMap(({ value }) => (value === undefined ? [] : [value])), issues };
}

function compileRule(
  { conn = 0, burst = 0 }: { readonly conn?: number | string; readonly burst?: number | string },
  key: Checked<RuleKey>,
  path: string,
): Checked<Rule> {
  const most = compileNumber(conn, "/conn");
  const extra = compileNumber(burst, "/burst");
  const issues: Issue[] = [...most.issues, ...extra.issues, ...key.issues];
  if (most.value === undefined || extra.value === undefined || key.value === undefined) {
    return { issues: issues.map((issue) => ({ ...issue, path: path + issue.path })) };
  }
  return { value: { conn: most.value, burst: extra.value, key: key.value }, issues: [] };
}

/** The places one request holds. */
interface Hold {
  readonly places: { readonly occupancy: Occupancy; readonly key: string }[];
  /** The reply's body that gives them back when it ends. */
  body: ReadableStream<Uint8Array> | null;
}

class ConnectionLimiter {
  readonly #conf: Conf;
  readonly #rules: readonly Rule[];
  readonly #unitMs: number;
  readonly #occupancies: readonly Occupancy[];
  readonly #services: PluginServices;
  readonly #holds = new WeakMap<RequestContext, Hold>();

  constructor(conf: Conf, rules: readonly Rule[], services: PluginServices) {
    this.#conf = conf;
    this.#rules = rules;
    this.#unitMs = (conf.default_conn_delay ?? 0) * 1000;
    this.#services = services;
    this.#occupancies = services.survivors
      .get("limit-conn", services.owner, () => new ConfigurationMemory<readonly Occupancy[]>())
      .of(configurationOf(conf), () => rules.map(() => new Occupancy()));
  }

  enter(ctx: RequestContext): GatewayReply | undefined | Promise<GatewayReply | undefined> {
    const hold: Hold = { places: [], body: null };
    this.#holds.set(ctx, hold);
    let delayMs = 0;
    let applied = 0;
    for (let i = 0; i < this.#rules.length; i++) {
      // The bound makes rule and occupancy present.
      const { conn, burst, key: keyOf } = this.#rules[i] as Rule;
      const occupancy = this.#occupancies[i] as Occupancy;
      const key = keyOf(ctx);
      const most = readNumber(conn, ctx, 1);
      const extra = readNumber(burst, ctx, 0);
      if (key === null || most === null || extra === null) continue;
      applied++;
      const count = occupancy.enter(key, most + extra);
      if (count === null) return rejection(this.#conf);
      hold.places.push({ occupancy, key });
      if (count > most) delayMs += this.#unitMs * Math.floor((count - 1) / most);
    }
    if (applied === 0) return this.#degrade();
    return delayMs >= 1 ? pause(ctx, delayMs) : undefined;
  }

  /** Keeps the places until a streamed body has ended. */
  follow(ctx: RequestContext, reply: GatewayReply): void {
    const hold = this.#holds.get(ctx);
    if (hold === undefined || !(reply.body instanceof ReadableStream)) return;
    hold.body = tellWhenEnded(reply.body, () => leave(hold));
    reply.body = hold.body;
  }

  /** Gives the places back, unless a body that is still on its way does. */
  leaveUnless(ctx: RequestContext, reply: GatewayReply): void {
    const hold = this.#holds.get(ctx);
    if (hold === undefined) return;
    // An error reply has taken the place of the one whose body was followed, or a plugin hid it.
    const isFollowed =
      hold.body?.locked === true || (hold.body !== null && reply.body === hold.body);
    if (!isFollowed) leave(hold);
  }

  #degrade(): GatewayReply | undefined {
    const { log, owner } = this.#services;
    log.error("requests can't be counted", { plugin: "limit-conn", owner });
    return this.#conf.allow_degradation === true ? undefined : statusReply(500);
  }
}

function leave({ places }: Hold): void {
  for (const { occupancy, key } of places.splice(0)) occupancy.leave(key);
}

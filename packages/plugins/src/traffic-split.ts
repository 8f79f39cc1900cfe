import type { Checked, Issue } from "@catena/errors";
import type { Predicate } from "@catena/expr";
import {
  type GatewayReply,
  type PluginServices,
  type RequestContext,
  statusReply,
  textReply,
} from "@catena/pipeline";
import { idSchema, type Upstream, upstreamSchema } from "@catena/schema";
import type { UpstreamPlan } from "@catena/upstream";
import { type Static, Type } from "@sinclair/typebox";
import { bodyVariables, readForVariables } from "./bodies/body-variables.ts";
import { compileVars, varsSchema } from "./conditions/vars.ts";
import { definePlugin } from "./define-plugin.ts";
import { ConfigurationMemory, configurationOf } from "./limits/configuration-memory.ts";
import { WeightedTurns } from "./weights/weighted-turns.ts";

const schema = Type.Object({
  rules: Type.Optional(
    Type.Array(
      Type.Object({
        match: Type.Optional(
          Type.Array(
            Type.Object({
              vars: Type.Optional(varsSchema("conditions that must all hold")),
            }),
            { description: "when the rule is taken: one of these must hold; always without it" },
          ),
        ),
        weighted_upstreams: Type.Optional(
          Type.Array(
            Type.Object({
              upstream_id: Type.Optional(idSchema),
              upstream: Type.Optional(upstreamSchema),
              weight: Type.Optional(
                Type.Integer({ default: 1, minimum: 0, description: "share of the requests" }),
              ),
            }),
            {
              default: [{ weight: 1 }],
              minItems: 1,
              maxItems: 20,
              description: "where to; one without an upstream is the route's own",
            },
          ),
        ),
      }),
      { description: "the first that matches counts" },
    ),
  ),
});

type Conf = Static<typeof schema>;
type StoredRule = NonNullable<Conf["rules"]>[number];

/**
 * traffic-split: sends a share of the requests to other upstreams than the route's
 * (apisix/plugins/traffic-split.lua). Upstreams within a rule are served in full, with retries, checks
 * and TLS, of which APISIX heeds a part.
 */
export const trafficSplit = definePlugin({
  name: "traffic-split",
  priority: 966,
  schema,
  check: (conf) => (conf.rules ?? []).flatMap((rule, at) => compileMatch(rule, at).issues),
  create: (conf, services) => {
    const { value: rules, issues } = compileRules(conf, services);
    if (rules === undefined) return { issues };
    if (rules.length === 0) return { value: {}, issues };
    if (!readsBody(conf)) return { value: { access: (ctx) => choose(rules, ctx) }, issues };
    return {
      value: { access: (ctx) => readForVariables(ctx).then(() => choose(rules, ctx)) },
      issues,
    };
  },
});

/** Where a share of the requests goes: an upstream, the route's own, or nowhere with a reply. */
type Destination =
  | { readonly kind: "upstream"; readonly plan: UpstreamPlan }
  | { readonly kind: "route" }
  | { readonly kind: "unserved" };

interface Rule {
  readonly matches: Predicate;
  /** Id of an upstream that does not exist; looking at the rule at all is then an error, as in APISIX. */
  readonly missing: string | null;
  readonly destinations: readonly Destination[];
  readonly turns: WeightedTurns;
}

/** Whether a condition asks for the body. */
function readsBody(conf: Conf): boolean {
  let reads = false;
  const noticed = bodyVariables(() => {
    reads = true;
  });
  for (const { match = [] } of conf.rules ?? [])
    for (const { vars } of match) compileVars(vars, "", noticed);
  return reads;
}

function choose(rules: readonly Rule[], ctx: RequestContext): GatewayReply | undefined {
  for (const { missing, matches, turns, destinations } of rules) {
    if (missing !== null)
      return textReply(500, `failed to fetch upstream info by upstream id: ${missing}`);
    if (!matches(ctx)) continue;
    const destination = destinations[turns.next()];
    if (destination?.kind === "unserved") return statusReply(503);
    if (destination?.kind === "upstream") ctx.decideSending().upstream = destination.plan;
    return undefined;
  }
  return undefined;
}

function compileRules(conf: Conf, services: PluginServices): Checked<readonly Rule[]> {
  const issues: Issue[] = [];
  const rules: Rule[] = [];
  for (const [at, rule] of (conf.rules ?? []).entries()) {
    const matches = compileMatch(rule, at);
    const { destinations, weights, missing } = compileDestinations(rule, at, services, issues);
    issues.push(...matches.issues);
    if (matches.value === undefined) continue;
    rules.push({ matches: matches.value, missing, destinations, turns: turnsOf(weights) });
  }
  if (issues.length > 0) return { issues };
  // Whose turn it is outlives what else changes about the route.
  const turns = services.survivors
    .get("traffic-split", services.owner, () => new ConfigurationMemory<readonly WeightedTurns[]>())
    .of(configurationOf(conf), () => rules.map((rule) => rule.turns));
  return { value: rules.map((rule, at) => ({ ...rule, turns: turns[at] ?? rule.turns })), issues };
}

/** Begins anywhere, so that gateways do not send their first requests to the same place. */
function turnsOf(weights: readonly number[]): WeightedTurns {
  return new WeightedTurns(weights, Math.floor(Math.random() * weights.length));
}

/** One of them must hold. An empty list is no condition, but only of the first rule, as in APISIX. */
function compileMatch({ match }: StoredRule, at: number): Checked<Predicate> {
  if (match === undefined) return { value: () => true, issues: [] };
  if (match.length === 0) return { value: () => at === 0, issues: [] };
  const compiled = match.map(({ vars }, i) =>
    compileVars(
      vars,
      `/rules/${at}/match/${i}/vars`,
      bodyVariables(() => undefined),
    ),
  );
  const issues = compiled.flatMap((one) => one.issues);
  if (issues.length > 0) return { issues };
  const predicates = compiled.flatMap(({ value }) => (value === undefined ? [] : [value]));
  return { value: (view) => predicates.some((holds) => holds(view)), issues };
}

interface Destinations {
  readonly destinations: readonly Destination[];
  readonly weights: readonly number[];
  readonly missing: string | null;
}

/** Of several for the same upstream, or for the route's, the last weight counts, as in APISIX. */
function compileDestinations(
  { weighted_upstreams = [{}] }: StoredRule,
  at: number,
  { upstreams }: PluginServices,
  issues: Issue[],
): Destinations {
  const found = new Map<string, { readonly destination: Destination; weight: number }>();
  let missing: string | null = null;
  for (const [i, { upstream_id, upstream, weight = 1 }] of weighted_upstreams.entries()) {
    const key =
      upstream_id !== undefined ? `id ${upstream_id}` : upstream ? `inline ${i}` : "route";
    const known = found.get(key);
    if (known !== undefined) {
      known.weight = weight;
      continue;
    }
    let destination: Destination = { kind: "route" };
    if (upstream_id !== undefined) {
      const stored = upstreams.stored(String(upstream_id));
      if (stored === null) missing ??= String(upstream_id);
      destination = toDestination(stored?.value);
    } else if (upstream !== undefined) {
      const path = `/rules/${at}/weighted_upstreams/${i}/upstream`;
      destination = toDestination(compileInline(upstreams, path, upstream, issues));
    }
    found.set(key, { destination, weight });
  }
  const all = [...found.values()];
  return {
    destinations: all.map(({ destination }) => destination),
    weights: all.map(({ weight }) => weight),
    missing,
  };
}

function compileInline(
  upstreams: PluginServices["upstreams"],
  path: string,
  upstream: Upstream,
  issues: Issue[],
): UpstreamPlan | undefined {
  const { value, issues: found } = upstreams.inline(`traffic-split${path}`, upstream);
  if (value === undefined) {
    for (const issue of found) issues.push({ ...issue, path: path + issue.path });
  }
  return value;
}

function toDestination(plan: UpstreamPlan | undefined): Destination {
  return plan === undefined ? { kind: "unserved" } : { kind: "upstream", plan };
}

import type { Checked, Issue } from "@catena/errors";
import { compileExpression, type Predicate } from "@catena/expr";
import type { RequestContext } from "@catena/pipeline";
import { type Static, Type } from "@sinclair/typebox";
import { bodyVariables, readForVariables } from "./bodies/body-variables.ts";
import { conditionsSchema } from "./conditions/vars.ts";
import { definePlugin } from "./define-plugin.ts";
import {
  compileHeaders,
  type HeaderTemplate,
  type HeaderValues,
  renderHeader,
} from "./headers/header-templates.ts";
import { checkUpstreamHeader } from "./headers/reserved-headers.ts";
import { ConfigurationMemory, configurationOf } from "./limits/configuration-memory.ts";
import { WeightedTurns } from "./weights/weighted-turns.ts";

const schema = Type.Object({
  rules: Type.Array(
    Type.Object({
      match: Type.Optional(conditionsSchema("conditions that must hold; always without them")),
      actions: Type.Array(
        Type.Object({
          set_headers: Type.Optional(
            Type.Unsafe<HeaderValues>(
              Type.Object(
                {},
                {
                  minProperties: 1,
                  description: "headers for the upstream; values may hold variables",
                },
              ),
            ),
          ),
          weight: Type.Optional(
            Type.Integer({ default: 1, minimum: 1, description: "share of the requests" }),
          ),
        }),
        { minItems: 1, description: "of which one is done" },
      ),
    }),
    { minItems: 1, description: "the first that matches and does something counts" },
  ),
});

type Conf = Static<typeof schema>;

/** traffic-label: marks requests with headers, by conditions and shares (apisix/plugins/traffic-label.lua). */
export const trafficLabel = definePlugin({
  name: "traffic-label",
  priority: 967,
  schema,
  check: (conf) => compile(conf).issues,
  create: (conf, services) => {
    const { value, issues } = compile(conf);
    if (value === undefined) return { issues };
    const turns = services.survivors
      .get(
        "traffic-label",
        services.owner,
        () => new ConfigurationMemory<readonly WeightedTurns[]>(),
      )
      .of(configurationOf(conf), () => value.rules.map((rule) => new WeightedTurns(rule.weights)));
    const label = (ctx: RequestContext): void => mark(value.rules, turns, ctx);
    const access = value.readsBody
      ? (ctx: RequestContext) => readForVariables(ctx).then(() => label(ctx))
      : label;
    return { value: { access }, issues };
  },
});

interface Rule {
  readonly matches: Predicate;
  readonly actions: readonly (readonly HeaderTemplate[])[];
  readonly weights: readonly number[];
}

/** An action without headers does nothing, and the next rule is asked, as in APISIX. */
function mark(rules: readonly Rule[], turns: readonly WeightedTurns[], ctx: RequestContext): void {
  for (const [at, { matches, actions }] of rules.entries()) {
    if (!matches(ctx)) continue;
    const headers = actions[turns[at]?.next() ?? 0] ?? [];
    for (const header of headers) ctx.setUpstreamHeader(header.name, renderHeader(header, ctx));
    if (headers.length > 0) return;
  }
}

function compile(conf: Conf): Checked<{ rules: readonly Rule[]; readsBody: boolean }> {
  const issues: Issue[] = [];
  let readsBody = false;
  const further = bodyVariables(() => {
    readsBody = true;
  });
  const rules = conf.rules.map(({ match, actions }, at): Rule => {
    const compiled = match === undefined ? null : compileExpression(match, further);
    for (const issue of compiled?.issues ?? []) {
      const message = `failed to validate the 'match' expression: ${issue.message}`;
      issues.push({ ...issue, path: `/rules/${at}/match${issue.path}`, message });
    }
    return {
      matches: compiled?.value ?? (() => true),
      actions: actions.map((action, i) =>
        compileAction(action, `/rules/${at}/actions/${i}`, issues),
      ),
      weights: actions.map(({ weight = 1 }) => weight),
    };
  });
  return issues.length > 0 ? { issues } : { value: { rules, readsBody }, issues };
}

function compileAction(
  action: Conf["rules"][number]["actions"][number],
  path: string,
  issues: Issue[],
): readonly HeaderTemplate[] {
  for (const name of Object.keys(action)) {
    if (name === "weight" || name === "set_headers") continue;
    issues.push({
      path: `${path}/${name}`,
      code: "ACTION_UNKNOWN",
      message: `not supported action: ${name}`,
    });
  }
  const { set_headers = {} } = action;
  for (const [name, value] of Object.entries(set_headers)) {
    if (typeof value === "string" || typeof value === "number") continue;
    const message = "failed to validate the 'set_headers' action: a value is a text or a number";
    issues.push({ path: `${path}/set_headers/${name}`, code: "HEADER_INVALID", message });
    return [];
  }
  for (const name of Object.keys(set_headers))
    issues.push(...checkUpstreamHeader(name, `${path}/set_headers/${name}`));
  const { value = [], issues: found } = compileHeaders(set_headers, `${path}/set_headers`);
  issues.push(...found);
  return value;
}

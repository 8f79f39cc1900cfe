import type { Checked, Issue } from "@catena/errors";
import { compileExpression, type Predicate } from "@catena/expr";
import {
  messageReply,
  type PhaseResult,
  type PluginHandlers,
  type PluginServices,
  type RequestContext,
} from "@catena/pipeline";
import { isJsonObject, type JsonObject } from "@catena/schema";
import { type Static, Type } from "@sinclair/typebox";
import { bodyVariables, readForVariables } from "./bodies/body-variables.ts";
import { conditionsSchema } from "./conditions/vars.ts";
import { definePlugin, type PluginEntry } from "./define-plugin.ts";
import { limitConn } from "./limit-conn.ts";
import { limitCount } from "./limit-count.ts";
import { checkNested } from "./nested/check-nested.ts";
import { checkStatus } from "./replies/status.ts";

const schema = Type.Object({
  rules: Type.Array(
    Type.Object({
      case: Type.Optional(conditionsSchema("conditions that must hold; always without them")),
      actions: Type.Array(Type.Array(Type.Unknown(), { minItems: 1 }), {
        description: "pairs of a name and its configuration, of which the first is done",
      }),
    }),
    { description: "the first that matches counts" },
  ),
});

type Conf = Static<typeof schema>;

/**
 * workflow: answers a request, or limits it, by conditions (apisix/plugins/workflow.lua). Actions are
 * `return`, `limit-count` and `limit-conn`; the plugin of an action does not run for the request once
 * more where the route has it too.
 */
export const workflow = definePlugin({
  name: "workflow",
  priority: 1006,
  schema,
  check: (conf) => compileRules(conf, () => undefined).issues,
  create: (conf, services) => {
    let readsBody = false;
    const { value: rules, issues } = compileRules(conf, () => {
      readsBody = true;
    });
    if (rules === undefined) return { issues };
    const made = rules.map(({ matches, action }) => ({ matches, action: make(action, services) }));
    const failed = made.flatMap(({ action }) => action.issues);
    if (failed.length > 0) return { issues: failed };
    const flow = new Flow(
      made.flatMap(({ matches, action }) =>
        action.value === undefined ? [] : [{ matches, ...action.value }],
      ),
    );
    return { value: flow.handlers(readsBody), issues };
  },
});

const limits: ReadonlyMap<string, PluginEntry> = new Map([
  ["limit-count", limitCount],
  ["limit-conn", limitConn],
]);

/** What a rule does; `null` for one without actions. */
type Action =
  | { readonly kind: "return"; readonly status: number }
  | { readonly kind: "limit"; readonly entry: PluginEntry; readonly conf: JsonObject };

interface Rule {
  readonly matches: Predicate;
  readonly action: Action | null;
}

function compileRules({ rules }: Conf, onBody: () => void): Checked<readonly Rule[]> {
  const issues: Issue[] = [];
  const compiled = rules.map(({ case: condition, actions }, at): Rule => {
    const matches =
      condition === undefined ? null : compileExpression(condition, bodyVariables(onBody));
    for (const issue of matches?.issues ?? []) {
      const message = `failed to validate the 'case' expression: ${issue.message}`;
      issues.push({ ...issue, path: `/rules/${at}/case${issue.path}`, message });
    }
    const checked = actions.map((action, i) =>
      compileAction(action, at, `/rules/${at}/actions/${i}`, issues),
    );
    return { matches: matches?.value ?? (() => true), action: checked[0] ?? null };
  });
  return issues.length > 0 ? { issues } : { value: compiled, issues };
}

function compileAction(
  [name, given]: readonly unknown[],
  rule: number,
  path: string,
  issues: Issue[],
): Action | null {
  const conf = isJsonObject(given) ? given : {};
  const before = `failed to validate the '${name}' action: `;
  if (name === "return") {
    const { code } = conf;
    const isCode = typeof code === "number" && Number.isInteger(code);
    const found = isCode
      ? checkStatus(code, `${path}/1/code`)
      : [{ path: `${path}/1`, code: "ACTION_INVALID", message: 'property "code" is required' }];
    for (const issue of found) issues.push({ ...issue, message: before + issue.message });
    return found.length > 0 || !isCode ? null : { kind: "return", status: code };
  }
  const entry = typeof name === "string" ? limits.get(name) : undefined;
  if (entry === undefined) {
    issues.push({ path, code: "ACTION_UNKNOWN", message: `unsupported action: ${name}` });
    return null;
  }
  issues.push(...checkNested(entry, conf, `${path}/1`, before));
  // Equal limits of two rules count apart: the number of the rule tells them from one another.
  return { kind: "limit", entry, conf: { ...conf, _vid: rule + 1 } };
}

interface MadeAction {
  /** The plugin that the action stands for; empty for `return`. */
  readonly plugin: string;
  readonly handlers: PluginHandlers;
}

function make(action: Action | null, services: PluginServices): Checked<MadeAction> {
  if (action === null) return { value: { plugin: "", handlers: {} }, issues: [] };
  if (action.kind === "limit") {
    const { value: handlers, issues } = action.entry.create(action.conf, services);
    if (handlers === undefined) return { issues };
    return { value: { plugin: action.entry.schema.name, handlers }, issues };
  }
  const { status } = action;
  const access = (): PhaseResult => messageReply(status, { error_msg: "rejected by workflow" });
  return { value: { plugin: "", handlers: { access } }, issues: [] };
}

interface Step extends MadeAction {
  readonly matches: Predicate;
}

class Flow {
  readonly #steps: readonly Step[];
  /** What was done for a request, for its later phases. */
  readonly #done = new WeakMap<RequestContext, PluginHandlers>();

  constructor(steps: readonly Step[]) {
    this.#steps = steps;
  }

  handlers(readsBody: boolean): PluginHandlers {
    const run = (ctx: RequestContext): PhaseResult | PromiseLike<PhaseResult> => this.#run(ctx);
    const has = (phase: "headerFilter" | "log"): boolean =>
      this.#steps.some(({ handlers }) => handlers[phase] !== undefined);
    return {
      access: readsBody ? (ctx) => readForVariables(ctx).then(() => run(ctx)) : run,
      ...(has("headerFilter")
        ? { headerFilter: (ctx, reply) => this.#done.get(ctx)?.headerFilter?.(ctx, reply) }
        : {}),
      ...(has("log") ? { log: (ctx, reply) => this.#done.get(ctx)?.log?.(ctx, reply) } : {}),
    };
  }

  #run(ctx: RequestContext): PhaseResult | PromiseLike<PhaseResult> {
    for (const { matches, plugin, handlers } of this.#steps) {
      if (!matches(ctx)) continue;
      this.#done.set(ctx, handlers);
      const skipped = ctx.skippedPlugins;
      ctx.skippedPlugins = null;
      const result = handlers.access?.(ctx);
      ctx.skippedPlugins = plugin === "" ? skipped : new Set([...(skipped ?? []), plugin]);
      return result;
    }
    return undefined;
  }
}

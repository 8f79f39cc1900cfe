import type { Checked, Issue } from "@catena/errors";
import { bodyVariables, compileExpression, type Predicate } from "@catena/expr";
import {
  type GatewayReply,
  type HeaderHandler,
  isLater,
  type LogHandler,
  type PhaseResult,
  type PluginHandlers,
  type RequestContext,
  type RequestHandler,
} from "@catena/pipeline";
import { readForVariables } from "@catena/plugins";

/** What `_meta` of a plugin's configuration says (apisix/plugin.lua). */
export interface PluginMeta {
  readonly disabled: boolean;
  readonly priority: number | undefined;
  /** The plugin runs only for requests of which this holds; `null` for all. */
  readonly filter: Predicate | null;
  /** Whether the filter asks for the request's body; absent: it does not. */
  readonly filterReadsBody?: true;
  /** Replaces the body of replies of 400 and above that the plugin makes itself. */
  readonly errorBody: string | null;
}

/** Reads `_meta`; issues are relative to it. */
export function readMeta(conf: unknown): Checked<PluginMeta> {
  const meta: object =
    isObject(conf) && "_meta" in conf && isObject(conf["_meta"]) ? conf["_meta"] : {};
  const issues: Issue[] = [];
  let filter: Predicate | null = null;
  let filterReadsBody = false;
  if ("filter" in meta) {
    const compiled = compileExpression(meta.filter, (name) => {
      const variable = bodyVariables(name);
      if (variable !== undefined) filterReadsBody = true;
      return variable;
    });
    filter = compiled.value ?? null;
    issues.push(...compiled.issues);
  }
  if (issues.length > 0) return { issues };
  return {
    issues,
    value: {
      disabled: "disable" in meta && meta.disable === true,
      priority: "priority" in meta && typeof meta.priority === "number" ? meta.priority : undefined,
      filter,
      ...(filterReadsBody ? { filterReadsBody } : {}),
      errorBody: "error_response" in meta ? toBody(meta.error_response) : null,
    },
  };
}

/** A text goes out as it is; a table as JSON and a line feed (apisix/core/response.lua). */
function toBody(response: unknown): string {
  return typeof response === "string" ? response : `${JSON.stringify(response)}\n`;
}

/** The handlers as `_meta` wants them; the same ones when it wants nothing. */
export function applyMeta(handlers: PluginHandlers, meta: PluginMeta): PluginHandlers {
  const { filter, filterReadsBody, errorBody } = meta;
  let result = handlers;
  if (errorBody !== null) result = mapRequestHandlers(result, (h) => withErrorBody(h, errorBody));
  if (filter !== null) result = withFilter(result, filter);
  return filterReadsBody === true ? withBody(result) : result;
}

/** The body is read in the first phase, for in the later ones nothing waits. */
function withBody(handlers: PluginHandlers): PluginHandlers {
  const { rewrite } = handlers;
  return { ...handlers, rewrite: (ctx) => readForVariables(ctx).then(() => rewrite?.(ctx)) };
}

function mapRequestHandlers(
  handlers: PluginHandlers,
  map: (handler: RequestHandler) => RequestHandler,
): PluginHandlers {
  const { rewrite, access, beforeProxy } = handlers;
  return {
    ...handlers,
    ...(rewrite === undefined ? {} : { rewrite: map(rewrite) }),
    ...(access === undefined ? {} : { access: map(access) }),
    ...(beforeProxy === undefined ? {} : { beforeProxy: map(beforeProxy) }),
  };
}

function withErrorBody(handler: RequestHandler, body: string): RequestHandler {
  const replace = (result: PhaseResult): PhaseResult => {
    if (result === undefined || result.status < 400) return result;
    const headers: string[] = [];
    for (let i = 0; i + 1 < result.headers.length; i += 2) {
      const name = result.headers[i] as string;
      if (!/^content-(type|length)$/i.test(name))
        headers.push(name, result.headers[i + 1] as string);
    }
    headers.push("content-type", "text/plain; charset=utf-8");
    return { ...result, headers, body };
  };
  return (ctx) => {
    const result = handler(ctx);
    return isLater(result) ? result.then(replace) : replace(result);
  };
}

/** The filter is asked once per request, before the plugin's first handler, as in APISIX. */
function withFilter(handlers: PluginHandlers, filter: Predicate): PluginHandlers {
  const verdicts = new WeakMap<RequestContext, boolean>();
  const runs = (ctx: RequestContext): boolean => {
    let verdict = verdicts.get(ctx);
    if (verdict === undefined) {
      verdict = filter(ctx);
      verdicts.set(ctx, verdict);
    }
    return verdict;
  };
  const { headerFilter, bodyFilter, log } = handlers;
  const guard =
    (handler: HeaderHandler | LogHandler) =>
    (ctx: RequestContext, reply: GatewayReply): void => {
      if (runs(ctx)) handler(ctx, reply);
    };
  return {
    ...mapRequestHandlers(handlers, (handler) => (ctx) => (runs(ctx) ? handler(ctx) : undefined)),
    ...(headerFilter === undefined ? {} : { headerFilter: guard(headerFilter) }),
    ...(bodyFilter === undefined ? {} : { bodyFilter: guard(bodyFilter) }),
    ...(log === undefined ? {} : { log: guard(log) }),
  };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

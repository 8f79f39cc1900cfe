import { type Checked, type Issue, pointerSegment } from "@catena/errors";
import { compileVariable, type FurtherVariables, type Variable } from "@catena/expr";
import type { RequestContext } from "@catena/pipeline";
import { isJsonObject, type JsonObject } from "@catena/schema";
import { argumentsOf, headersOf } from "../calls/request-lists.ts";
import {
  type LogFacts,
  ownHostname,
  replyLength,
  requestLength,
  upstreamAddresses,
  upstreamMs,
} from "./log-facts.ts";
import { logVariables, numbers, withFacts } from "./log-variables.ts";

/** An entry of a log, as JSON. */
export type LogEntry = Record<string, unknown>;

/** A format made ready. */
export type LogFormat = ReadonlyMap<string, FormatField>;

type FormatField =
  | { readonly kind: "constant"; readonly value: unknown }
  | { readonly kind: "variable"; readonly variable: Variable; readonly isNumber: boolean }
  | { readonly kind: "object"; readonly fields: LogFormat };

/** Objects within objects of a format; what is deeper is empty. */
const maxDepth = 5;

/**
 * Compiles a format: texts that start with `$` are variables by the rest of the text
 * (apisix/utils/log-util.lua).
 *
 * @param onBody hears that a variable needs the request's body.
 */
export function compileFormat(
  format: JsonObject,
  path: string,
  onBody: () => void,
): Checked<LogFormat> {
  const issues: Issue[] = [];
  const value = compileFields(format, path, 1, logVariables(onBody), issues);
  return issues.length > 0 ? { issues, value } : { value, issues };
}

function compileFields(
  format: JsonObject,
  path: string,
  depth: number,
  further: FurtherVariables,
  issues: Issue[],
): LogFormat {
  const fields = new Map<string, FormatField>();
  for (const [name, value] of Object.entries(format)) {
    const at = `${path}/${pointerSegment(name)}`;
    if (isJsonObject(value)) {
      const inner =
        depth >= maxDepth ? new Map() : compileFields(value, at, depth + 1, further, issues);
      fields.set(name, { kind: "object", fields: inner });
    } else if (typeof value === "string" && value.startsWith("$")) {
      const variableName = value.slice(1);
      const { value: variable, issues: found } = compileVariable(variableName, further);
      for (const issue of found) issues.push({ ...issue, path: at });
      if (variable !== undefined)
        fields.set(name, { kind: "variable", variable, isNumber: numbers.has(variableName) });
    } else fields.set(name, { kind: "constant", value });
  }
  return fields;
}

/** The fields of a format, with route and service where there are any. */
export function formattedEntry(format: LogFormat, facts: LogFacts): LogEntry {
  const entry = withFacts(facts, () => renderFields(format, facts.ctx));
  const { routeId, serviceId } = facts.ctx;
  if (routeId !== "") entry["route_id"] = routeId;
  if (serviceId !== "") entry["service_id"] = serviceId;
  return entry;
}

function renderFields(format: LogFormat, ctx: RequestContext): LogEntry {
  const entry: LogEntry = {};
  for (const [name, field] of format) {
    if (field.kind === "constant") entry[name] = field.value;
    else if (field.kind === "object") entry[name] = renderFields(field.fields, ctx);
    else {
      const value = field.variable(ctx);
      if (value !== undefined) entry[name] = field.isNumber ? Number(value) : value;
    }
  }
  return entry;
}

/** The release that entries are compatible with. */
const apisixVersion = "3.18.0";

/** Everything, as APISIX writes it without a format. */
export function fullEntry(facts: LogFacts): LogEntry {
  const { ctx, reply, latencyMs } = facts;
  const spentMs = upstreamMs(ctx);
  const uri = ctx.query === "" ? ctx.path : `${ctx.path}?${ctx.query}`;
  const isMatched = ctx.routeId !== "";
  const upstream = upstreamAddresses(ctx);
  return {
    request: {
      url: `${ctx.scheme}://${ctx.host}:${ctx.serverPort}${uri}`,
      uri,
      method: ctx.method,
      headers: headersOf(ctx.headerList()),
      querystring: argumentsOf(ctx.query),
      size: requestLength(ctx),
      ...(facts.requestBody === null ? {} : { body: facts.requestBody }),
    },
    response: {
      status: reply.status,
      headers: headersOf(reply.headers),
      size: replyLength(facts),
      ...(facts.replyBody === null ? {} : { body: facts.replyBody }),
    },
    server: { hostname: ownHostname, version: apisixVersion },
    ...(upstream === undefined ? {} : { upstream }),
    service_id: isMatched ? ctx.serviceId : ctx.host,
    ...(isMatched ? { route_id: ctx.routeId } : {}),
    ...(ctx.consumer === null ? {} : { consumer: { username: ctx.consumer.name } }),
    client_ip: ctx.clientAddress,
    start_time: Date.now() - latencyMs,
    latency: latencyMs,
    ...(spentMs === null ? {} : { upstream_latency: spentMs }),
    apisix_latency: Math.max(0, latencyMs - (spentMs ?? 0)),
  };
}

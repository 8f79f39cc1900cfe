import { hostname } from "node:os";
import type { Checked } from "@catena/errors";
import { findCookie } from "./cookies.ts";
import { findArgument } from "./query-arguments.ts";
import type { ReplyView, RequestView } from "./request-view.ts";
import { tlsVariables } from "./tls-variables.ts";

/**
 * `true` is a query argument without a value; `undefined` is a variable that is missing. Numbers,
 * `false` and lists are only had from a body.
 */
export type VariableValue = string | number | boolean | readonly unknown[] | undefined;

export type Variable = (view: RequestView) => VariableValue;

/**
 * Variables that only some may use, by name: of the request's body, or of what is known at the end.
 * Asked before all others; `undefined` leaves a name to them.
 */
export type FurtherVariables = (name: string) => Variable | undefined;

const maxNameLength = 256;

/**
 * Compiles a request variable by its nginx or APISIX name (`uri`, `arg_x`, `http_user_agent`,
 * `cookie_sid`, `consumer_name`, …; apisix/core/ctx.lua). A name nobody knows is a variable that is
 * always missing, as in APISIX.
 *
 * @returns an issue for a variable that APISIX has and that can't be had here, so that a condition on
 *   it is refused instead of never being met.
 */
export function compileVariable(name: string, further?: FurtherVariables): Checked<Variable> {
  if (name.length > maxNameLength) return refuse(name.slice(0, 32), "its name is too long");
  const other = further?.(name);
  if (other !== undefined) return { value: other, issues: [] };
  const exact = variables.get(name);
  if (exact !== undefined) return { value: exact, issues: [] };
  for (const [prefix, compile] of families) {
    if (name.startsWith(prefix)) return { value: compile(name.slice(prefix.length)), issues: [] };
  }
  const reason = notServed(name);
  return reason === null ? { value: missing, issues: [] } : refuse(name, reason);
}

const missing: Variable = () => undefined;

const known = (text: string): string | undefined => (text === "" ? undefined : text);

const path: Variable = (view) => view.path;
const query: Variable = (view) => known(view.query);
const method: Variable = (view) => view.method;
const routeId: Variable = (view) => known(view.routeId);

const variables: ReadonlyMap<string, Variable> = new Map<string, Variable>([
  ["uri", path],
  ["document_uri", path],
  // APISIX replaces nginx's raw one by the normalised path and the query (apisix/init.lua).
  ["request_uri", (view) => (view.query === "" ? view.path : `${view.path}?${view.query}`)],
  ["real_request_uri", (view) => view.rawTarget],
  ["args", query],
  ["query_string", query],
  ["is_args", (view) => (view.query === "" ? "" : "?")],
  ["method", method],
  ["request_method", method],
  ["host", (view) => view.host],
  ["hostname", () => hostname()],
  // APISIX's server has the name that takes every host.
  ["server_name", () => "_"],
  ["server_protocol", () => "HTTP/1.1"],
  ["request", requestLine],
  ["request_line", requestLine],
  ["scheme", (view) => view.scheme],
  ["https", (view) => (view.scheme === "https" ? "on" : "")],
  ["remote_addr", (view) => known(view.clientAddress)],
  ["binary_remote_addr", (view) => known(view.clientAddress)],
  ["remote_user", remoteUser],
  ["remote_port", (view) => port(view.clientPort)],
  ["realip_remote_addr", (view) => known(view.peerAddress)],
  ["server_addr", (view) => known(view.serverAddress)],
  ["server_port", (view) => port(view.serverPort)],
  ["content_type", (view) => view.header("content-type") ?? undefined],
  ["content_length", (view) => view.header("content-length") ?? undefined],
  // nginx writes its request id as 32 hexadecimal digits.
  ["request_id", (view) => view.id.replaceAll("-", "")],
  ["apisix_request_id", (view) => view.id.replaceAll("-", "")],
  ["msec", () => (Date.now() / 1000).toFixed(3)],
  ["pid", () => String(process.pid)],
  ["time_local", () => localTime(new Date())],
  ["time_iso8601", () => `${new Date().toISOString().slice(0, 19)}+00:00`],
  ["request_time", (view) => ((performance.now() - view.startedAt) / 1000).toFixed(3)],
  ["route_id", routeId],
  ["route_name", (view) => known(view.routeName)],
  ["service_id", (view) => known(view.serviceId)],
  ["service_name", (view) => known(view.serviceName)],
  ["consumer_name", (view) => view.consumer?.name],
  ["consumer_group_id", (view) => known(view.consumer?.groupId ?? "")],
  ["status", (view) => (view.reply === null ? undefined : String(view.reply.status))],
  [
    "upstream_status",
    (view) => (view.reply?.source === "upstream" ? String(view.reply.status) : undefined),
  ],
  ...tlsVariables,
]);

/** Variables with the rest of their name as a parameter. */
const families: readonly (readonly [prefix: string, compile: (rest: string) => Variable])[] = [
  ["arg_", (rest) => (view) => (view.query === "" ? undefined : findArgument(view.query, rest))],
  ["http_", headerVariable],
  ["cookie_", cookieVariable],
  ["uri_param_", (rest) => (view) => own(view.params, rest)],
  ["sent_http_", (rest) => replyVariable(rest, false)],
  ["upstream_http_", (rest) => replyVariable(rest, true)],
];

function requestLine({ method: verb, rawTarget }: RequestView): string {
  return `${verb} ${rawTarget} HTTP/1.1`;
}

/** The name in Basic credentials, whether or not anybody checks them. */
function remoteUser(view: RequestView): string | undefined {
  const credentials = /^basic +(\S+)/i.exec(view.header("authorization") ?? "")?.[1];
  if (credentials === undefined) return undefined;
  const [name = "", password] = Buffer.from(credentials, "base64").toString("utf8").split(":", 2);
  return password === undefined ? undefined : known(name);
}

/** `24/Nov/2026:13:00:00 +0000`, in the time zone of the process. */
function localTime(date: Date): string {
  const [, month, day, year, time, zone] = date.toString().split(/ GMT| /);
  return `${day}/${month}/${year}:${time} ${zone}`;
}

/** nginx holds `X-A` and `X_A` for the same variable; a name that mixes both is not found here. */
function headerVariable(rest: string): Variable {
  const underscored = rest.toLowerCase().replaceAll("-", "_");
  const name = underscored.replaceAll("_", "-");
  if (name === underscored) return (view) => view.header(name) ?? undefined;
  return (view) => view.header(name) ?? view.header(underscored) ?? undefined;
}

function cookieVariable(name: string): Variable {
  return (view) => {
    const cookies = view.header("cookie");
    return cookies === null ? undefined : findCookie(cookies, name);
  };
}

function replyVariable(rest: string, fromUpstream: boolean): Variable {
  const name = rest.toLowerCase().replaceAll("_", "-");
  return (view) => {
    const { reply } = view;
    if (reply === null || (fromUpstream && reply.source !== "upstream")) return undefined;
    return findHeader(reply, name);
  };
}

function findHeader(reply: ReplyView, name: string): string | undefined {
  const { headers } = reply;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i]?.toLowerCase() === name) return headers[i + 1];
  }
  return undefined;
}

function port(value: number): string | undefined {
  return value === 0 ? undefined : String(value);
}

function own(record: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

const ofBody = "what the request body says is not known here";
const ofNginx = "it describes the inside of nginx";

/** Why a variable that APISIX has is none here; `null` for a name APISIX does not know either. */
function notServed(name: string): string | null {
  if (/^(post_arg[_.]|request_body|graphql_)/.test(name)) return ofBody;
  if (/^(upstream_|balancer_|llm_|ssl_|proxy_|tcpinfo_|mqtt_)/.test(name)) return ofNginx;
  return otherNginxVariables.has(name) ? ofNginx : null;
}

const otherNginxVariables: ReadonlySet<string> = new Set([
  "body_bytes_sent",
  "bytes_sent",
  "connection",
  "connection_requests",
  "connection_time",
  "document_root",
  "limit_rate",
  "nginx_version",
  "pipe",
  "realip_remote_port",
  "realpath_root",
  "request_completion",
  "request_filename",
  "request_length",
  "request_type",
  "resp_body",
]);

function refuse(name: string, reason: string): Checked<Variable> {
  return {
    issues: [
      {
        path: "",
        code: "VARIABLE_NOT_SERVED",
        message: `variable "${name}" is not served: ${reason}`,
      },
    ],
  };
}

import type { Checked, Issue } from "@catena/errors";
import { compilePattern, compileTemplate, type Pattern, type Template } from "@catena/expr";
import { type GatewayReply, type RequestContext, statusReply } from "@catena/pipeline";
import { type Static, Type } from "@sinclair/typebox";
import { definePlugin } from "./define-plugin.ts";
import { toHeaderValue } from "./headers/header-value.ts";
import { setHeader } from "./replies/reply-headers.ts";
import { checkStatus } from "./replies/status.ts";
import { escapePath } from "./rewriting/escape-uri.ts";
import { compileReplacement, type Replacement, replaceMatch } from "./rewriting/replacement.ts";

const schema = Type.Object(
  {
    ret_code: Type.Optional(
      Type.Integer({ minimum: 200, default: 302, description: "status of the reply" }),
    ),
    uri: Type.Optional(
      Type.String({
        minLength: 2,
        pattern:
          "(\\\\\\$[0-9a-zA-Z_]+)|\\$\\{([0-9a-zA-Z_]+)\\}|\\$([0-9a-zA-Z_]+)|(\\$|[^$\\\\]+)",
        description: "where to; may hold variables",
      }),
    ),
    regex_uri: Type.Optional(
      Type.Array(Type.String(), {
        minItems: 2,
        maxItems: 2,
        description: "a pattern and its replacement in the path, which is where to",
      }),
    ),
    http_to_https: Type.Optional(
      Type.Boolean({ description: "to the same by https, with 301 or 308" }),
    ),
    encode_uri: Type.Optional(
      Type.Boolean({ default: false, description: "percent-encode the new path" }),
    ),
    append_query_string: Type.Optional(
      Type.Boolean({ default: false, description: "append the query of the request" }),
    ),
  },
  {
    oneOf: [{ required: ["uri"] }, { required: ["regex_uri"] }, { required: ["http_to_https"] }],
  },
);

type Conf = Static<typeof schema>;

/** redirect: sends the client elsewhere (apisix/plugins/redirect.lua). */
export const redirect = definePlugin({
  name: "redirect",
  priority: 900,
  schema,
  check: (conf) => [...checkStatus(conf.ret_code, "/ret_code"), ...compile(conf).issues],
  create: (conf, { httpsPort = 443, schemeOf = ({ scheme }) => scheme }) => {
    const { value: move, issues } = compile(conf);
    if (move === undefined) return { issues };
    const port = httpsPort === 443 ? "" : `:${httpsPort}`;
    return {
      value: {
        rewrite:
          conf.http_to_https === true
            ? (ctx) => (schemeOf(ctx) === "https" ? undefined : secure(ctx, port))
            : (ctx) => moveOn(move, ctx),
      },
      issues,
    };
  },
});

interface Move {
  readonly status: number;
  readonly uri: Template | null;
  readonly rule: { readonly pattern: Pattern; readonly replacement: Replacement } | null;
  readonly encodes: boolean;
  readonly appendsQuery: boolean;
}

function compile(conf: Conf): Checked<Move> {
  if (conf.http_to_https === true && conf.append_query_string === true) {
    const message = "only one of `http_to_https` and `append_query_string` can be configured.";
    return { issues: [{ path: "/append_query_string", code: "REDIRECT_INVALID", message }] };
  }
  const uri = conf.uri === undefined ? null : compileTemplate(conf.uri, { plainNames: true });
  const rule = conf.regex_uri === undefined ? null : compileRule(conf.regex_uri);
  const issues = [
    ...(uri?.issues ?? []).map((issue) => ({ ...issue, path: "/uri" })),
    ...(rule?.issues ?? []),
  ];
  if (issues.length > 0) return { issues };
  return {
    value: {
      status: conf.ret_code ?? 302,
      uri: uri?.value ?? null,
      rule: rule?.value ?? null,
      encodes: conf.encode_uri ?? false,
      appendsQuery: conf.append_query_string ?? false,
    },
    issues,
  };
}

function compileRule([source = "", text = ""]: readonly string[]): Checked<
  NonNullable<Move["rule"]>
> {
  const pattern = compilePattern(source);
  const replacement = compileReplacement(text);
  if (pattern.value !== undefined && replacement.value !== undefined) {
    return { value: { pattern: pattern.value, replacement: replacement.value }, issues: [] };
  }
  const problem = [...pattern.issues, ...replacement.issues][0]?.message ?? "";
  const issue: Issue = {
    path: "/regex_uri",
    code: "REDIRECT_INVALID",
    message: `invalid regex_uri (${source}, ${text}), err:${problem}`,
  };
  return { issues: [issue] };
}

/**
 * APISIX writes the decoded path here; the path as it was sent names the same resource and is always
 * a valid URL.
 */
function secure(ctx: RequestContext, port: string): GatewayReply {
  const isSafe = ctx.method === "GET" || ctx.method === "HEAD";
  return moved(isSafe ? 301 : 308, `https://${ctx.host}${port}${ctx.rawTarget}`);
}

function moveOn(move: Move, ctx: RequestContext): GatewayReply | undefined {
  let location = destination(move, ctx);
  if (location === null) return undefined;
  const mark = location.indexOf("?");
  if (move.encodes) {
    location =
      mark < 0 ? escapePath(location) : escapePath(location.slice(0, mark)) + location.slice(mark);
  }
  if (move.appendsQuery && ctx.query !== "") location += `${mark < 0 ? "?" : "&"}${ctx.query}`;
  return moved(move.status, location);
}

/** `null` when the pattern does not fit, or when there is nowhere to go. */
function destination({ uri, rule }: Move, ctx: RequestContext): string | null {
  if (uri !== null) return uri.render(ctx);
  const match = rule?.pattern.find(ctx.path) ?? null;
  return rule === null || match === null ? null : replaceMatch(ctx.path, match, rule.replacement);
}

function moved(status: number, location: string): GatewayReply {
  const reply = statusReply(status);
  // nginx names no charset with its two oldest redirections.
  if (status === 301 || status === 302) setHeader(reply.headers, "content-type", "text/html");
  reply.headers.push("Location", toHeaderValue(location));
  return reply;
}

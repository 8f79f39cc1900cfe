import type { Checked, Issue } from "@catena/errors";
import { compilePattern, compileTemplate, type Pattern, type Template } from "@catena/expr";
import type { RequestContext } from "@catena/pipeline";
import { literals } from "@catena/schema";
import { type Static, Type } from "@sinclair/typebox";
import { definePlugin } from "./define-plugin.ts";
import {
  type ConfiguredOperations,
  compileOlderForm,
  compileOperations,
  type HeaderOperations,
  hasOperations,
  noOperations,
} from "./headers/header-operations.ts";
import { headersSchema, repeatableHeadersSchema } from "./headers/header-schema.ts";
import { renderHeader } from "./headers/header-templates.ts";
import { escapeControls, escapePath } from "./rewriting/escape-uri.ts";
import { compileReplacement, type Replacement, replaceMatch } from "./rewriting/replacement.ts";

const operationsSchema = Type.Object(
  {
    add: Type.Optional(repeatableHeadersSchema("headers to append")),
    set: Type.Optional(repeatableHeadersSchema("headers to put in the place of others")),
    remove: Type.Optional(Type.Array(Type.String({ pattern: "^[^:]+$" }), { minItems: 1 })),
  },
  { additionalProperties: false, minProperties: 1 },
);

const schema = Type.Object(
  {
    uri: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 4096,
        pattern: "^\\/.*",
        description: "path and query for the upstream; may hold variables",
      }),
    ),
    method: Type.Optional(
      literals(
        [
          "DELETE",
          "MKCOL",
          "COPY",
          "MOVE",
          "TRACE",
          "PATCH",
          "UNLOCK",
          "LOCK",
          "PROPFIND",
          "OPTIONS",
          "GET",
          "HEAD",
          "POST",
          "PUT",
        ],
        { description: "method for the upstream" },
      ),
    ),
    regex_uri: Type.Optional(
      Type.Array(Type.String(), {
        minItems: 2,
        description: "patterns and replacements by turns; the first pattern that fits the path",
      }),
    ),
    host: Type.Optional(
      Type.String({
        pattern: "^[0-9a-zA-Z-.]+(:\\d{1,5})?$",
        description: "Host for the upstream, where it is passed on",
      }),
    ),
    headers: Type.Optional(
      Type.Unsafe<Static<typeof operationsSchema> | Readonly<Record<string, string | number>>>(
        Type.Unknown({
          oneOf: [operationsSchema, headersSchema("headers to set")],
          description: "headers for the upstream to add, set and remove; or just those to set",
        }),
      ),
    ),
    use_real_request_uri_unsafe: Type.Optional(
      Type.Boolean({
        default: false,
        description: "start from the path as it was sent, and encode nothing",
      }),
    ),
  },
  { minProperties: 1 },
);

type Conf = Static<typeof schema>;

/**
 * proxy-rewrite: changes path, method, Host and headers of the request on its way to the upstream
 * (apisix/plugins/proxy-rewrite.lua).
 */
export const proxyRewrite = definePlugin({
  name: "proxy-rewrite",
  priority: 1008,
  schema,
  check: (conf) => compile(conf).issues,
  create: (conf) => {
    const { value: rewrite, issues } = compile(conf);
    if (rewrite === undefined) return { issues };
    return { value: { rewrite: (ctx) => apply(rewrite, ctx) }, issues };
  },
});

interface UriRule {
  readonly pattern: Pattern;
  readonly replacement: Replacement;
}

interface Rewrite {
  readonly uri: Template | null;
  readonly rules: readonly UriRule[];
  readonly isRaw: boolean;
  readonly method: string | null;
  readonly host: string | null;
  readonly headers: HeaderOperations;
}

function compile(conf: Conf): Checked<Rewrite> {
  const uri = conf.uri === undefined ? null : compileTemplate(conf.uri);
  const rules = compileRules(conf.regex_uri ?? []);
  const headers = compileHeaderChanges(conf.headers);
  const issues = [
    ...(uri?.issues ?? []).map((issue) => ({ ...issue, path: "/uri" })),
    ...rules.issues,
    ...headers.issues,
  ];
  if (issues.length > 0 || rules.value === undefined || headers.value === undefined) {
    return { issues };
  }
  return {
    value: {
      uri: uri?.value ?? null,
      rules: rules.value,
      isRaw: conf.use_real_request_uri_unsafe ?? false,
      method: conf.method ?? null,
      host: conf.host ?? null,
      headers: headers.value,
    },
    issues,
  };
}

function compileRules(regexUri: readonly string[]): Checked<readonly UriRule[]> {
  const invalid = (index: number, message: string): Issue => ({
    path: `/regex_uri${index < 0 ? "" : `/${index}`}`,
    code: "REWRITE_INVALID",
    message,
  });
  if (regexUri.length % 2 !== 0) {
    return { issues: [invalid(-1, "The length of regex_uri should be an even number")] };
  }
  const issues: Issue[] = [];
  const rules: UriRule[] = [];
  for (let i = 0; i < regexUri.length; i += 2) {
    // The length is even.
    const source = regexUri[i] as string;
    const text = regexUri[i + 1] as string;
    const pattern = compilePattern(source);
    const replacement = compileReplacement(text);
    const [problem] = [...pattern.issues, ...replacement.issues];
    if (problem !== undefined) {
      issues.push(invalid(i, `invalid regex_uri(${source}, ${text}): ${problem.message}`));
    } else if (pattern.value !== undefined && replacement.value !== undefined) {
      rules.push({ pattern: pattern.value, replacement: replacement.value });
    }
  }
  return issues.length > 0 ? { issues } : { value: rules, issues };
}

function compileHeaderChanges(headers: Conf["headers"]): Checked<HeaderOperations> {
  if (headers === undefined) return { value: noOperations, issues: [] };
  const captures = { captures: true };
  const { value, issues } = hasOperations(headers)
    ? // Only the form with operations has lists and objects as members.
      compileOperations(headers as ConfiguredOperations, "/headers", captures)
    : compileOlderForm(headers, "/headers", captures);
  if (value === undefined) return { issues };
  const hosts = [...value.add, ...value.set].filter(({ name }) => name.toLowerCase() === "host");
  if (hosts.length === 0) return { value, issues };
  const message = "Host is set by the member host";
  return { issues: [{ path: "/headers", code: "HEADER_RESERVED", message }] };
}

function apply(rewrite: Rewrite, ctx: RequestContext): void {
  const captures = rewriteTarget(rewrite, ctx);
  if (rewrite.host !== null) ctx.upstreamHost = rewrite.host;
  if (rewrite.method !== null) ctx.upstreamMethod = rewrite.method;
  const { add, set, remove } = rewrite.headers;
  if (add.length + set.length + remove.length === 0) return;
  const edits = ctx.editHeaders();
  for (const header of add) edits.add(header.name, renderHeader(header, ctx, captures));
  let previous = "";
  for (const header of set) {
    const value = renderHeader(header, ctx, captures);
    // Several values of one name stand one after another.
    if (header.name === previous) edits.add(header.name, value);
    else edits.set(header.name, value);
    previous = header.name;
  }
  for (const name of remove) edits.remove(name);
}

const noCaptures: readonly (string | null)[] = [];

/** @returns what the pattern that fitted captured. */
function rewriteTarget(
  { uri, rules, isRaw }: Rewrite,
  ctx: RequestContext,
): readonly (string | null)[] {
  let target = isRaw ? ctx.rawTarget : ctx.path;
  let captures = noCaptures;
  // Whether a question mark in the new target begins a query; in the client's path it is a character.
  let mayHoldQuery = false;
  if (uri !== null) {
    mayHoldQuery = true;
    const query = target.indexOf("?");
    const rawQuery = isRaw && query >= 0 ? target.slice(query + 1) : null;
    target = uri.render(ctx, escapeMark);
    if (rawQuery !== null) target += `${target.includes("?") ? "&" : "?"}${rawQuery}`;
  } else if (rules.length > 0) {
    mayHoldQuery = !target.includes("?");
    for (const { pattern, replacement } of rules) {
      const match = pattern.find(target);
      if (match === null) continue;
      captures = match.groups;
      target = replaceMatch(target, match, replacement);
      break;
    }
  }
  ctx.upstreamTarget = isRaw ? target : encodeTarget(target, mayHoldQuery, ctx.query);
  return captures;
}

function escapeMark(value: string): string {
  return value.replaceAll("?", "%3F");
}

function encodeTarget(target: string, mayHoldQuery: boolean, clientQuery: string): string {
  const mark = mayHoldQuery ? target.indexOf("?") : -1;
  const encoded =
    mark < 0
      ? escapePath(target)
      : escapePath(target.slice(0, mark)) + escapeControls(target.slice(mark));
  if (clientQuery === "") return encoded;
  return `${encoded}${mark < 0 ? "?" : "&"}${clientQuery}`;
}

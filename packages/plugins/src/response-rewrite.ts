import type { Checked, Issue } from "@catena/errors";
import { compileExpression, type FurtherVariables, type Predicate } from "@catena/expr";
import type { GatewayReply, PluginLog, RequestContext } from "@catena/pipeline";
import { literals } from "@catena/schema";
import { type Static, Type } from "@sinclair/typebox";
import { definePlugin } from "./define-plugin.ts";
import { firstOnly } from "./first-only.ts";
import {
  compileOlderForm,
  compileOperations,
  type HeaderOperations,
  hasOperations,
  noOperations,
} from "./headers/header-operations.ts";
import { headersSchema } from "./headers/header-schema.ts";
import { type HeaderScalar, renderHeader } from "./headers/header-templates.ts";
import { forgetBodyHeaders, readHeader, removeHeader, setHeader } from "./replies/reply-headers.ts";
import { tryVariables } from "./replies/try-variables.ts";
import { changeWholeBody, discardBody } from "./replies/whole-body.ts";
import {
  type BodyFilter,
  compileBodyFilter,
  filterBody,
  isReadable,
} from "./rewriting/body-filter.ts";

const filterSchema = Type.Object({
  regex: Type.String({ minLength: 1, description: "what to look for" }),
  replace: Type.String({ description: "what to put in its place; $1 is what a group took" }),
  scope: Type.Optional(
    literals(["once", "global"], { default: "once", description: "the first match, or all" }),
  ),
  options: Type.Optional(
    Type.String({ default: "jo", description: "i: ignore case, s: dot takes line ends, m: lines" }),
  ),
});

const operationsSchema = Type.Unsafe<{
  readonly add?: readonly string[];
  readonly set?: Readonly<Record<string, HeaderScalar>>;
  readonly remove?: readonly string[];
}>(
  Type.Unknown({
    properties: {
      add: { type: "array", minItems: 1, items: { type: "string", pattern: "^[^:]+:[^:]*[^/]$" } },
      set: headersSchema("headers to put in the place of others"),
      remove: { type: "array", minItems: 1, items: { type: "string", pattern: "^[^:]+$" } },
    },
  }),
);

const schema = Type.Object(
  {
    headers: Type.Optional(
      Type.Unsafe<Static<typeof operationsSchema> | Readonly<Record<string, HeaderScalar>>>(
        Type.Unknown({
          anyOf: [headersSchema("headers to set"), operationsSchema],
          description: "headers to add, set and remove, or just those to set; may hold variables",
        }),
      ),
    ),
    body: Type.Optional(Type.String({ description: "replaces the body" })),
    body_base64: Type.Optional(
      Type.Boolean({ default: false, description: "whether body is written in base64" }),
    ),
    status_code: Type.Optional(
      Type.Integer({ minimum: 200, maximum: 598, description: "replaces the status" }),
    ),
    vars: Type.Optional(
      Type.Unsafe<readonly unknown[]>(
        Type.Unknown({ type: "array", description: "expression the reply must fulfil" }),
      ),
    ),
    filters: Type.Optional(
      Type.Array(filterSchema, { minItems: 1, description: "replacements in the body, in order" }),
    ),
    max_resp_body_size: Type.Optional(
      Type.Integer({
        minimum: 1,
        default: 67108864,
        description: "bytes of a body that filters read, at most 8 MiB; what follows is dropped",
      }),
    ),
  },
  {
    dependencies: {
      body: { not: { required: ["filters"] } },
      filters: { not: { required: ["body"] } },
    },
  },
);

type Conf = Static<typeof schema>;

/** Searching is done in one go: 8 MiB keep the gateway busy for half a second at worst. */
const maxFilteredBytes = 8 * 1024 * 1024;

/**
 * response-rewrite: changes status, headers and body of the reply, whoever gave it
 * (apisix/plugins/response-rewrite.lua).
 */
export const responseRewrite = definePlugin({
  name: "response-rewrite",
  priority: 899,
  schema,
  check: (conf) => compile(conf).issues,
  create: (conf, { log }) => {
    const { value: rewrite, issues } = compile(conf);
    if (rewrite === undefined) return { issues };
    const quiet = firstOnly(log);
    return {
      value: {
        ...(rewrite.readsTries ? { access: noteTries } : {}),
        headerFilter: (ctx, reply) => apply(rewrite, ctx, reply, quiet),
      },
      issues,
    };
  },
});

function noteTries(ctx: RequestContext): undefined {
  ctx.decideSending().tries ??= [];
}

interface Rewrite {
  /** Whether a variable is asked for that tells of the tries at upstreams. */
  readonly readsTries: boolean;
  readonly holds: Predicate;
  readonly status: number | null;
  readonly headers: HeaderOperations;
  readonly body: Uint8Array | null;
  readonly filters: readonly BodyFilter[];
  readonly limitBytes: number;
}

function compile(conf: Conf): Checked<Rewrite> {
  let readsTries = false;
  const further = tryVariables(() => {
    readsTries = true;
  });
  const holds = compileExpression(conf.vars ?? [], further);
  const headers = compileHeaderChanges(conf.headers, further);
  const body = decodeBody(conf);
  const filters = (conf.filters ?? []).map((filter, i) =>
    compileBodyFilter(filter, `/filters/${i}`),
  );
  const issues = [
    ...holds.issues.map((issue) => ({
      ...issue,
      path: `/vars${issue.path}`,
      message: `failed to validate the 'vars' expression: ${issue.message}`,
    })),
    ...headers.issues,
    ...body.issues,
    ...filters.flatMap((filter) => filter.issues),
  ];
  if (issues.length > 0 || holds.value === undefined || headers.value === undefined) {
    return { issues };
  }
  return {
    value: {
      readsTries,
      holds: holds.value,
      status: conf.status_code ?? null,
      headers: headers.value,
      body: body.value ?? null,
      filters: filters.flatMap(({ value }) => (value === undefined ? [] : [value])),
      limitBytes: Math.min(conf.max_resp_body_size ?? maxFilteredBytes, maxFilteredBytes),
    },
    issues,
  };
}

function decodeBody({ body, body_base64 }: Conf): Checked<Uint8Array> {
  if (body_base64 !== true) {
    return body === undefined ? { issues: [] } : { value: Buffer.from(body), issues: [] };
  }
  // Buffer reads what it can of anything; this is what it must have read all of.
  const isBase64 = body !== undefined && /^[A-Za-z0-9+/]+={0,2}$/.test(body);
  if (isBase64 && body.length % 4 !== 1) return { value: Buffer.from(body, "base64"), issues: [] };
  const message = "invalid base64 content";
  return { issues: [{ path: "/body", code: "REWRITE_INVALID", message }] };
}

function compileHeaderChanges(
  headers: Conf["headers"],
  further: FurtherVariables,
): Checked<HeaderOperations> {
  const options = { further };
  if (headers === undefined) return { value: noOperations, issues: [] };
  if (!hasOperations(headers)) return compileOlderForm(headers, "/headers", options);
  // Only the form with operations has lists and objects as members.
  const { add: lines, ...operations } = headers as Static<typeof operationsSchema>;
  const issues: Issue[] = [];
  const add: Record<string, HeaderScalar[]> = {};
  for (const [index, line] of (lines ?? []).entries()) {
    const parts = /^([^:\s]+)\s*:\s*([^:]+)$/.exec(line);
    const [, name, value] = parts ?? [];
    if (name === undefined || value === undefined) {
      const message = `"${line.slice(0, 60)}" is no header with a value`;
      issues.push({ path: `/headers/add/${index}`, code: "HEADER_INVALID", message });
    } else {
      add[name] = [...(add[name] ?? []), value];
    }
  }
  if (issues.length > 0) return { issues };
  return compileOperations({ ...operations, add }, "/headers", options);
}

function apply(rewrite: Rewrite, ctx: RequestContext, reply: GatewayReply, log: PluginLog): void {
  if (!rewrite.holds(ctx)) return;
  if (rewrite.status !== null) reply.status = rewrite.status;
  if (rewrite.body !== null) {
    forgetBodyHeaders(reply.headers);
    discardBody(reply.body);
    reply.body = rewrite.body;
  } else if (rewrite.filters.length > 0) {
    filterReply(rewrite, ctx, reply, log);
  }
  if (reply.status === 204 || reply.status === 304) {
    discardBody(reply.body);
    reply.body = null;
  }
  const { add, set, remove } = rewrite.headers;
  for (const header of add) reply.headers.push(header.name, renderHeader(header, ctx));
  for (const header of set) setHeader(reply.headers, header.name, renderHeader(header, ctx));
  for (const name of remove) removeHeader(reply.headers, name);
}

function filterReply(
  { filters, limitBytes }: Rewrite,
  ctx: RequestContext,
  reply: GatewayReply,
  log: PluginLog,
): void {
  const encoding = readHeader(reply.headers, "content-encoding");
  if (!isReadable(encoding)) {
    log.warn("a body is not filtered: its encoding is not known", { route: ctx.routeId, encoding });
    return;
  }
  forgetBodyHeaders(reply.headers);
  reply.body = changeWholeBody(reply.body, limitBytes, (bytes) => {
    const filtered = filterBody(bytes, encoding, filters, maxFilteredBytes);
    if (filtered === null) log.error("a body could not be filtered", { route: ctx.routeId });
    return filtered;
  });
}

import type { Checked, Issue } from "@catena/errors";
import { compileTemplate, type Predicate, type Template } from "@catena/expr";
import { type GatewayReply, type RequestContext, statusReply, textReply } from "@catena/pipeline";
import { type Static, Type } from "@sinclair/typebox";
import { compileAnyOf } from "./conditions/any-of.ts";
import { definePlugin } from "./define-plugin.ts";
import { headersSchema } from "./headers/header-schema.ts";
import { compileHeaders, type HeaderTemplate, renderHeader } from "./headers/header-templates.ts";
import { pause } from "./replies/pause.ts";
import { checkStatus } from "./replies/status.ts";

const percentageSchema = Type.Optional(
  Type.Integer({ minimum: 0, maximum: 100, description: "share of requests; all when absent" }),
);

const varsSchema = Type.Optional(
  Type.Array(Type.Unsafe<readonly unknown[]>(Type.Unknown({ type: "array" })), {
    maxItems: 20,
    description: "expressions of which one has to hold",
  }),
);

const abortSchema = Type.Object({
  http_status: Type.Integer({ minimum: 200, description: "status of the reply" }),
  body: Type.Optional(Type.String({ minLength: 0, description: "body; may hold variables" })),
  headers: Type.Optional(headersSchema("headers of the reply; values may hold variables")),
  percentage: percentageSchema,
  vars: varsSchema,
});

const delaySchema = Type.Object({
  duration: Type.Number({ minimum: 0, description: "seconds" }),
  percentage: percentageSchema,
  vars: varsSchema,
});

const schema = Type.Object(
  { abort: Type.Optional(abortSchema), delay: Type.Optional(delaySchema) },
  { minProperties: 1 },
);

/**
 * fault-injection: delays requests, and answers them with a fault instead of the upstream
 * (apisix/plugins/fault-injection.lua).
 */
export const faultInjection = definePlugin({
  name: "fault-injection",
  priority: 11000,
  schema,
  check: (conf) => [
    ...checkStatus(conf.abort?.http_status, "/abort/http_status"),
    ...compile(conf).issues,
  ],
  create: (conf) => {
    const { value: faults, issues } = compile(conf);
    if (faults === undefined) return { issues };
    return { value: { rewrite: (ctx) => inject(faults, ctx) }, issues };
  },
});

interface Odds {
  /** 0 to 100. */
  readonly percentage: number;
  readonly holds: Predicate;
}

interface Abort extends Odds {
  readonly status: number;
  readonly body: Template | null;
  readonly headers: readonly HeaderTemplate[];
}

interface Faults {
  readonly abort: Abort | null;
  readonly delay: (Odds & { readonly delayMs: number }) | null;
}

function compile(conf: Static<typeof schema>): Checked<Faults> {
  const abort = conf.abort === undefined ? null : compileAbort(conf.abort);
  const delayHolds = compileAnyOf(conf.delay?.vars, "/delay/vars");
  const issues = [...(abort?.issues ?? []), ...delayHolds.issues];
  if (abort?.value === null || delayHolds.value === undefined || issues.length > 0)
    return { issues };
  const { delay } = conf;
  return {
    value: {
      abort: abort?.value ?? null,
      delay:
        delay === undefined
          ? null
          : {
              delayMs: delay.duration * 1000,
              percentage: delay.percentage ?? 100,
              holds: delayHolds.value,
            },
    },
    issues,
  };
}

function compileAbort(conf: Static<typeof abortSchema>): {
  readonly value: Abort | null;
  readonly issues: readonly Issue[];
} {
  const body = conf.body === undefined ? null : compileTemplate(conf.body);
  const headers = compileHeaders(conf.headers ?? {}, "/abort/headers");
  const holds = compileAnyOf(conf.vars, "/abort/vars");
  const issues = [
    ...(body?.issues ?? []).map((issue) => ({ ...issue, path: "/abort/body" })),
    ...headers.issues,
    ...holds.issues,
  ];
  if (issues.length > 0 || headers.value === undefined || holds.value === undefined) {
    return { value: null, issues };
  }
  return {
    value: {
      status: conf.http_status,
      body: body?.value ?? null,
      headers: headers.value,
      percentage: conf.percentage ?? 100,
      holds: holds.value,
    },
    issues,
  };
}

function inject(
  faults: Faults,
  ctx: RequestContext,
): GatewayReply | undefined | Promise<GatewayReply | undefined> {
  const { delay } = faults;
  // Both are decided before the delay, in APISIX's order.
  const abort = faults.abort?.holds(ctx) ? faults.abort : null;
  if (delay === null || !delay.holds(ctx) || !isHit(delay)) return abortWith(abort, ctx);
  return waitThenAbort(delay.delayMs, abort, ctx);
}

async function waitThenAbort(
  delayMs: number,
  abort: Abort | null,
  ctx: RequestContext,
): Promise<GatewayReply | undefined> {
  return (await pause(ctx, delayMs)) ?? abortWith(abort, ctx);
}

function abortWith(abort: Abort | null, ctx: RequestContext): GatewayReply | undefined {
  if (abort === null || !isHit(abort)) return undefined;
  const reply =
    abort.body === null
      ? statusReply(abort.status)
      : textReply(abort.status, abort.body.render(ctx));
  for (const header of abort.headers) reply.headers.push(header.name, renderHeader(header, ctx));
  return reply;
}

function isHit({ percentage }: Odds): boolean {
  return Math.random() * 100 < percentage;
}

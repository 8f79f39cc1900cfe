import type { Checked, Issue } from "@catena/errors";
import { compileTemplate } from "@catena/expr";
import {
  type GatewayReply,
  type PluginServices,
  type RequestContext,
  statusReply,
  textReply,
} from "@catena/pipeline";
import { type Static, Type } from "@sinclair/typebox";
import { upstreamStatus } from "./calls/upstream-status.ts";
import { definePlugin } from "./define-plugin.ts";
import { type HeaderTemplate, renderHeader } from "./headers/header-templates.ts";
import { checkHeaderName } from "./headers/reserved-headers.ts";
import { setHeader } from "./replies/reply-headers.ts";

const schema = Type.Object({
  break_response_code: Type.Integer({
    minimum: 200,
    maximum: 599,
    description: "status while the upstream is given a rest",
  }),
  break_response_body: Type.Optional(Type.String({ description: "body beside that status" })),
  break_response_headers: Type.Optional(
    Type.Array(
      Type.Object({
        key: Type.String({ minLength: 1, description: "name" }),
        value: Type.String({ minLength: 1, description: "value; may hold variables" }),
      }),
      { description: "headers; sent only with a body" },
    ),
  ),
  max_breaker_sec: Type.Optional(
    Type.Integer({ minimum: 3, default: 300, description: "longest rest, in seconds" }),
  ),
  unhealthy: Type.Optional(
    Type.Object(
      {
        http_statuses: Type.Optional(
          Type.Array(Type.Integer({ minimum: 500, maximum: 599 }), {
            minItems: 1,
            uniqueItems: true,
            default: [500],
            description: "statuses of the upstream that are failures",
          }),
        ),
        failures: Type.Optional(
          Type.Integer({
            minimum: 1,
            default: 3,
            description: "failures until it is given a rest",
          }),
        ),
      },
      { default: { http_statuses: [500], failures: 3 } },
    ),
  ),
  healthy: Type.Optional(
    Type.Object(
      {
        http_statuses: Type.Optional(
          Type.Array(Type.Integer({ minimum: 200, maximum: 499 }), {
            minItems: 1,
            uniqueItems: true,
            default: [200],
            description: "statuses of the upstream that are successes",
          }),
        ),
        successes: Type.Optional(
          Type.Integer({ minimum: 1, default: 3, description: "successes until all is forgotten" }),
        ),
      },
      { default: { http_statuses: [200], successes: 3 } },
    ),
  ),
});

type Conf = Static<typeof schema>;

/**
 * api-breaker: answers in place of an upstream that failed several times, for longer and longer
 * (apisix/plugins/api-breaker.lua). Counted by host and path.
 */
export const apiBreaker = definePlugin({
  name: "api-breaker",
  priority: 1005,
  schema,
  check: (conf) => compileHeaders(conf).issues,
  create: (conf, services) => {
    const { value: headers, issues } = compileHeaders(conf);
    if (headers === undefined) return { issues };
    const breaker = new Breaker(conf, headers, services);
    return {
      value: {
        access: (ctx) => breaker.enter(ctx),
        log: (ctx, reply) => breaker.count(ctx, reply),
      },
      issues,
    };
  },
});

function compileHeaders({ break_response_headers = [] }: Conf): Checked<readonly HeaderTemplate[]> {
  const issues: Issue[] = [];
  const headers: HeaderTemplate[] = [];
  for (const [at, { key, value }] of break_response_headers.entries()) {
    const path = `/break_response_headers/${at}`;
    issues.push(...checkHeaderName(key, `${path}/key`));
    const compiled = compileTemplate(value);
    for (const issue of compiled.issues) issues.push({ ...issue, path: `${path}/value` });
    if (compiled.value !== undefined) headers.push({ name: key, value: compiled.value });
  }
  return issues.length > 0 ? { issues } : { value: headers, issues };
}

/** What is known of one host and path. */
interface Record {
  failures: number;
  successes: number;
  /** Seconds since 1970 when failures last were enough; 0 when they were not yet. */
  trippedAt: number;
}

/** Most hosts and paths that are counted for per owner; the one unused for longest goes first. */
const maxRecords = 10_000;

class Breaker {
  readonly #conf: Conf;
  readonly #headers: readonly HeaderTemplate[];
  readonly #maxRestSeconds: number;
  readonly #unhealthy: ReadonlySet<number>;
  readonly #healthy: ReadonlySet<number>;
  readonly #failures: number;
  readonly #successes: number;
  readonly #records: Map<string, Record>;

  constructor(conf: Conf, headers: readonly HeaderTemplate[], services: PluginServices) {
    this.#conf = conf;
    this.#headers = headers;
    this.#maxRestSeconds = conf.max_breaker_sec ?? 300;
    this.#unhealthy = new Set(conf.unhealthy?.http_statuses ?? [500]);
    this.#healthy = new Set(conf.healthy?.http_statuses ?? [200]);
    this.#failures = conf.unhealthy?.failures ?? 3;
    this.#successes = conf.healthy?.successes ?? 3;
    this.#records = services.survivors.get(
      "api-breaker",
      services.owner,
      () => new Map<string, Record>(),
    );
  }

  enter(ctx: RequestContext): GatewayReply | undefined {
    ctx.decideSending().tries ??= [];
    const record = this.#records.get(keyOf(ctx));
    if (record === undefined || record.trippedAt === 0) return undefined;
    const times = Math.max(1, Math.floor(record.failures / this.#failures));
    const restSeconds = Math.min(2 ** times, this.#maxRestSeconds);
    return record.trippedAt + restSeconds >= now() ? this.#break(ctx) : undefined;
  }

  count(ctx: RequestContext, reply: GatewayReply): void {
    const status = upstreamStatus(ctx, reply);
    if (status === null) return;
    const key = keyOf(ctx);
    const record = this.#records.get(key);
    if (this.#unhealthy.has(status)) this.#fail(key, record);
    else if (record !== undefined && this.#healthy.has(status)) this.#succeed(key, record);
  }

  #fail(key: string, known: Record | undefined): void {
    const record = known ?? { failures: 0, successes: 0, trippedAt: 0 };
    record.failures++;
    record.successes = 0;
    if (record.failures % this.#failures === 0) record.trippedAt = now();
    this.#records.delete(key);
    this.#records.set(key, record);
    if (this.#records.size <= maxRecords) return;
    const [oldest] = this.#records.keys();
    if (oldest !== undefined) this.#records.delete(oldest);
  }

  #succeed(key: string, record: Record): void {
    record.successes++;
    if (record.successes >= this.#successes) this.#records.delete(key);
  }

  #break(ctx: RequestContext): GatewayReply {
    const { break_response_code: status, break_response_body: body } = this.#conf;
    if (body === undefined) return statusReply(status);
    const reply = textReply(status, body);
    for (const header of this.#headers)
      setHeader(reply.headers, header.name, renderHeader(header, ctx));
    return reply;
  }
}

function keyOf({ host, path }: RequestContext): string {
  return `${host}${path}`;
}

function now(): number {
  return Math.floor(Date.now() / 1000);
}

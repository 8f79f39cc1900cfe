import { isGatewayError } from "@catena/errors";
import {
  type GatewayReply,
  type PluginServices,
  type RequestContext,
  statusReply,
  textReply,
} from "@catena/pipeline";
import { literals } from "@catena/schema";
import { type Static, Type } from "@sinclair/typebox";
import { bodyVariables, readForVariables } from "./bodies/body-variables.ts";
import { readBody } from "./bodies/read-body.ts";
import { openService, type Service, type ServiceReply } from "./calls/service-call.ts";
import { keepaliveOf, keepaliveSchema, sslVerifySchema } from "./calls/service-schema.ts";
import { definePlugin } from "./define-plugin.ts";
import { isFraming } from "./headers/framing-headers.ts";
import { compileHeaders, type HeaderTemplate, renderHeader } from "./headers/header-templates.ts";
import { toHeaderValue } from "./headers/header-value.ts";
import { namedHeader } from "./headers/named-header.ts";
import { setHeader } from "./replies/reply-headers.ts";

const namesSchema = (description: string) =>
  Type.Optional(Type.Array(Type.String(), { default: [], description }));

const schema = Type.Object({
  uri: Type.String({ description: "of the service that decides" }),
  allow_degradation: Type.Optional(
    Type.Boolean({
      default: false,
      description: "let requests pass while the service does not answer",
    }),
  ),
  status_on_error: Type.Optional(
    Type.Integer({
      minimum: 200,
      maximum: 599,
      default: 403,
      description: "status while the service does not answer",
    }),
  ),
  ssl_verify: sslVerifySchema(true),
  request_method: Type.Optional(
    literals(["GET", "POST"], {
      default: "GET",
      description: "method of the call; POST passes the client's body on",
    }),
  ),
  max_req_body_size: Type.Optional(
    Type.Integer({
      minimum: 1,
      default: 67_108_864,
      description: "longest body that is passed on, in bytes; longer ones get 413",
    }),
  ),
  request_headers: namesSchema("headers of the client that the service gets too"),
  extra_headers: Type.Optional(
    Type.Record(Type.String({ pattern: "^[^:]+$" }), Type.String(), {
      minProperties: 1,
      description: "further headers for the service; values may hold variables",
    }),
  ),
  upstream_headers: namesSchema(
    "headers of the service that the upstream gets, instead of the client's",
  ),
  client_headers: namesSchema("headers of the service that the client gets with a refusal"),
  timeout: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 60_000,
      default: 3000,
      description: "milliseconds for connecting, sending and reading each",
    }),
  ),
  ...keepaliveSchema,
});

type Conf = Static<typeof schema>;

/**
 * forward-auth: asks a service whether a request may pass (apisix/plugins/forward-auth.lua).
 */
export const forwardAuth = definePlugin({
  name: "forward-auth",
  priority: 2002,
  schema,
  check: (conf) => compileExtra(conf).headers.issues,
  create: (conf, services) => {
    const { headers, readsBody } = compileExtra(conf);
    if (headers.value === undefined) return { issues: headers.issues };
    const gate = new ServiceGate(conf, headers.value, readsBody, services);
    return { value: { access: (ctx) => gate.pass(ctx) }, issues: [] };
  },
});

function compileExtra({ extra_headers = {} }: Conf) {
  let readsBody = false;
  const further = bodyVariables(() => {
    readsBody = true;
  });
  const headers = compileHeaders(extra_headers, "/extra_headers", { further });
  return { headers, readsBody };
}

/** Longest answer of the service, in bytes. */
const maxReplyBytes = 4 * 1024 * 1024;

class ServiceGate {
  readonly #conf: Conf;
  readonly #extra: readonly HeaderTemplate[];
  readonly #readsBody: boolean;
  /** `null` for a URI that none can be called by. */
  readonly #service: Service | null;
  readonly #services: PluginServices;

  constructor(
    conf: Conf,
    extra: readonly HeaderTemplate[],
    readsBody: boolean,
    services: PluginServices,
  ) {
    this.#conf = conf;
    this.#extra = extra;
    this.#readsBody = readsBody;
    this.#services = services;
    this.#service = openService(services, conf.uri, {
      timeoutMs: conf.timeout ?? 3000,
      verify: conf.ssl_verify ?? true,
      keepalive: keepaliveOf(conf),
      maxReplyBytes,
    });
  }

  async pass(ctx: RequestContext): Promise<GatewayReply | undefined> {
    if (this.#readsBody) await readForVariables(ctx);
    const method = this.#conf.request_method ?? "GET";
    let body: Uint8Array | null = null;
    if (method === "POST" && ctx.hasBody) {
      body = await readBody(ctx, this.#conf.max_req_body_size ?? 67_108_864);
      if (body === null) return statusReply(413);
    }
    let reply: ServiceReply;
    try {
      if (this.#service === null) return this.#unanswered(ctx, "its URI is not by http or https");
      reply = await this.#service.ask(ctx, { method, headers: this.#headers(ctx), body });
    } catch (error) {
      if (!isGatewayError(error) || error.source !== "upstream") throw error;
      return this.#unanswered(ctx, error.message);
    }
    if (reply.status >= 300) return this.#refusal(reply);
    this.#tellUpstream(ctx, reply);
    return undefined;
  }

  #unanswered(ctx: RequestContext, reason: string): GatewayReply | undefined {
    this.#services.log.warn("the service that decides does not answer", {
      plugin: "forward-auth",
      route: ctx.routeId,
      request: ctx.id,
      reason,
    });
    if (this.#conf.allow_degradation === true) return undefined;
    return statusReply(this.#conf.status_on_error ?? 403);
  }

  /** What the request is; a header that is named twice is the first of: extra, ours, the client's. */
  #headers(ctx: RequestContext): readonly string[] {
    const headers = [
      "X-Forwarded-Proto",
      ctx.scheme,
      "X-Forwarded-Method",
      ctx.method,
      "X-Forwarded-Host",
      ctx.host,
      "X-Forwarded-Uri",
      // The path is decoded: what a client wrote as %0D%0A must not end the header.
      toHeaderValue(ctx.query === "" ? ctx.path : `${ctx.path}?${ctx.query}`),
      "X-Forwarded-For",
      ctx.clientAddress,
    ];
    const encoding = ctx.header("content-encoding");
    if (this.#conf.request_method === "POST" && encoding !== null)
      headers.push("Content-Encoding", encoding);
    for (const header of this.#extra) setHeader(headers, header.name, renderHeader(header, ctx));
    const known = new Set(headers.map((text, at) => (at % 2 === 0 ? text.toLowerCase() : "")));
    for (const name of this.#conf.request_headers ?? []) {
      const lower = name.toLowerCase();
      const value = isFraming.has(lower) || known.has(lower) ? null : namedHeader(ctx, lower);
      if (value !== null) headers.push(name, value);
    }
    return headers;
  }

  #refusal({ status, headers, body }: ServiceReply): GatewayReply {
    const reply = textReply(Math.min(status, 599), "");
    reply.body = body;
    for (const name of this.#conf.client_headers ?? []) {
      const values = valuesOf(headers, name.toLowerCase());
      if (values.length === 0 || isFraming.has(name.toLowerCase())) continue;
      const [first = "", ...others] = values;
      setHeader(reply.headers, name, first);
      for (const value of others) reply.headers.push(name, value);
    }
    return reply;
  }

  #tellUpstream(ctx: RequestContext, reply: ServiceReply): void {
    for (const name of this.#conf.upstream_headers ?? []) {
      const edits = ctx.editHeaders();
      if (isFraming.has(name.toLowerCase())) continue;
      edits.remove(name);
      for (const value of valuesOf(reply.headers, name.toLowerCase())) edits.add(name, value);
    }
  }
}

function valuesOf(headers: readonly string[], name: string): readonly string[] {
  return headers.filter((_, at) => at % 2 === 1 && headers[at - 1]?.toLowerCase() === name);
}

import { isGatewayError } from "@catena/errors";
import {
  type GatewayReply,
  type PluginServices,
  type RequestContext,
  statusReply,
  textReply,
} from "@catena/pipeline";
import { isJsonObject, type JsonObject } from "@catena/schema";
import { type Static, Type } from "@sinclair/typebox";
import { argumentsOf, headersOf } from "./calls/request-lists.ts";
import { openService, type Service } from "./calls/service-call.ts";
import { keepaliveOf, keepaliveSchema, sslVerifySchema } from "./calls/service-schema.ts";
import { definePlugin } from "./define-plugin.ts";
import { isFraming } from "./headers/framing-headers.ts";
import { toHeaderValue } from "./headers/header-value.ts";
import { setHeader } from "./replies/reply-headers.ts";

const flag = (description: string) => Type.Optional(Type.Boolean({ default: false, description }));

const schema = Type.Object({
  host: Type.String({ description: "URI of the Open Policy Agent" }),
  ssl_verify: sslVerifySchema(true),
  policy: Type.String({ description: "path of the policy, after /v1/data/" }),
  timeout: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 60_000,
      default: 3000,
      description: "milliseconds for connecting, sending and reading each",
    }),
  ),
  ...keepaliveSchema,
  send_headers_upstream: Type.Optional(
    Type.Array(Type.String(), {
      minItems: 1,
      description: "headers of the decision that the upstream gets, instead of the client's",
    }),
  ),
  with_route: flag("tell the policy the route, without upstream and secrets"),
  with_service: flag("tell the policy the service, without upstream and secrets"),
  with_consumer: flag("tell the policy the consumer"),
});

type Conf = Static<typeof schema>;

/** opa: asks an Open Policy Agent whether a request may pass (apisix/plugins/opa.lua). */
export const opa = definePlugin({
  name: "opa",
  priority: 2001,
  schema,
  create: (conf, services) => {
    const gate = new PolicyGate(conf, services);
    return { value: { access: (ctx) => gate.pass(ctx) }, issues: [] };
  },
});

/** Longest decision, in bytes. */
const maxReplyBytes = 1024 * 1024;

class PolicyGate {
  readonly #conf: Conf;
  readonly #services: PluginServices;
  /** `null` for a URI that none can be called by. */
  readonly #agent: Service | null;

  constructor(conf: Conf, services: PluginServices) {
    this.#conf = conf;
    this.#services = services;
    this.#agent = openService(services, `${conf.host}/v1/data/${conf.policy}`, {
      timeoutMs: conf.timeout ?? 3000,
      verify: conf.ssl_verify ?? true,
      keepalive: keepaliveOf(conf),
      maxReplyBytes,
    });
  }

  async pass(ctx: RequestContext): Promise<GatewayReply | undefined> {
    const body = JSON.stringify({ input: this.#input(ctx) });
    const headers = ["Content-Type", "application/json"];
    let text: string;
    try {
      if (this.#agent === null) return this.#undecided(ctx, 403, "its URI is not by http or https");
      const reply = await this.#agent.ask(ctx, { method: "POST", headers, body });
      text = new TextDecoder().decode(reply.body);
    } catch (error) {
      if (!isGatewayError(error) || error.source !== "upstream") throw error;
      return this.#undecided(ctx, 403, error.message);
    }
    const result = resultOf(text);
    if (result === null) return this.#undecided(ctx, 503, "its answer has no result");
    if (result["allow"] === undefined || result["allow"] === null || result["allow"] === false)
      return refusal(result);
    this.#tellUpstream(ctx, isJsonObject(result["headers"]) ? result["headers"] : {});
    return undefined;
  }

  #undecided(ctx: RequestContext, status: number, reason: string): GatewayReply {
    const about = { plugin: "opa", route: ctx.routeId, request: ctx.id, reason };
    this.#services.log.error("the policy agent gives no decision", about);
    return statusReply(status);
  }

  #input(ctx: RequestContext): JsonObject {
    const { with_route, with_service, with_consumer } = this.#conf;
    const route = with_route === true ? this.#shown("routes", ctx.routeId) : null;
    const service = with_service === true ? this.#shown("services", ctx.serviceId) : null;
    const { consumer } = ctx;
    return {
      type: "http",
      request: {
        scheme: ctx.scheme,
        method: ctx.method,
        host: ctx.host,
        port: ctx.serverPort,
        path: ctx.path,
        headers: headersOf(ctx.headerList()),
        query: argumentsOf(ctx.query),
      },
      var: {
        server_addr: ctx.serverAddress,
        server_port: String(ctx.serverPort),
        remote_addr: ctx.clientAddress,
        remote_port: String(ctx.clientPort),
        timestamp: Math.floor(Date.now() / 1000),
      },
      ...(route === null ? {} : { route }),
      ...(service === null ? {} : { service }),
      ...(with_consumer !== true || consumer === null
        ? {}
        : {
            consumer: {
              username: consumer.name,
              consumer_name: consumer.name,
              ...(consumer.groupId === "" ? {} : { group_id: consumer.groupId }),
              ...(consumer.credentialId === "" ? {} : { credential_id: consumer.credentialId }),
              labels: consumer.labels,
            },
          }),
    };
  }

  #shown(kind: "routes" | "services", id: string): JsonObject | null {
    const found = id === "" ? null : this.#services.resource(kind, id);
    if (found === null) return null;
    const { upstream: _, ...rest } = found;
    return rest;
  }

  #tellUpstream(ctx: RequestContext, headers: JsonObject): void {
    for (const name of this.#conf.send_headers_upstream ?? []) {
      const edits = ctx.editHeaders();
      if (isFraming.has(name.toLowerCase())) continue;
      edits.remove(name);
      for (const value of valuesOf(headers[name])) edits.add(name, value);
    }
  }
}

function resultOf(text: string): JsonObject | null {
  try {
    const decision: unknown = JSON.parse(text);
    const result = isJsonObject(decision) ? decision["result"] : undefined;
    return isJsonObject(result) ? result : null;
  } catch {
    return null;
  }
}

function refusal(result: JsonObject): GatewayReply {
  const { reason, headers } = result;
  const status = statusOf(result["status_code"]);
  const reply =
    reason === undefined || reason === null || reason === false
      ? statusReply(status)
      : textReply(status, typeof reason === "object" ? JSON.stringify(reason) : String(reason));
  for (const [name, value] of Object.entries(isJsonObject(headers) ? headers : {})) {
    if (isFraming.has(name.toLowerCase()) || !/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) continue;
    const [first, ...others] = valuesOf(value);
    if (first === undefined) continue;
    setHeader(reply.headers, name, first);
    for (const other of others) reply.headers.push(name, other);
  }
  return reply;
}

function statusOf(value: unknown): number {
  const status = Number(value ?? 403);
  return Number.isInteger(status) && status >= 200 && status <= 599 ? status : 403;
}

function valuesOf(value: unknown): readonly string[] {
  if (value === undefined || value === null) return [];
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.map((one) => toHeaderValue(String(one)));
}

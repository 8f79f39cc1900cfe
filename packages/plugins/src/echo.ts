import { type Issue, pointerSegment } from "@catena/errors";
import type { GatewayReply, RequestContext } from "@catena/pipeline";
import { type Static, Type } from "@sinclair/typebox";
import { definePlugin } from "./define-plugin.ts";
import { toHeaderValue } from "./headers/header-value.ts";
import { checkHeaderName } from "./headers/reserved-headers.ts";
import { forgetBodyHeaders, setHeader } from "./replies/reply-headers.ts";
import { discardBody, wrapBody } from "./replies/whole-body.ts";

const schema = Type.Object(
  {
    before_body: Type.Optional(Type.String({ description: "put before the body" })),
    body: Type.Optional(Type.String({ description: "replaces the body" })),
    after_body: Type.Optional(Type.String({ description: "put behind the body" })),
    headers: Type.Optional(
      Type.Unsafe<Readonly<Record<string, unknown>>>(
        Type.Object({}, { minProperties: 1, description: "headers of the reply to set" }),
      ),
    ),
  },
  {
    minProperties: 1,
    anyOf: [{ required: ["before_body"] }, { required: ["body"] }, { required: ["after_body"] }],
  },
);

type Conf = Static<typeof schema>;

/** echo: puts texts around the body of the reply or in its place (apisix/plugins/echo.lua). */
export const echo = definePlugin({
  name: "echo",
  priority: 412,
  schema,
  check: (conf) => checkHeaders(conf.headers ?? {}),
  create: (conf) => {
    const headers = Object.entries(conf.headers ?? {}).map(
      ([name, value]) => [name, toHeaderValue(String(value))] as const,
    );
    return {
      value: { headerFilter: (ctx, reply) => answer(conf, headers, ctx, reply) },
      issues: [],
    };
  },
});

function checkHeaders(headers: Readonly<Record<string, unknown>>): readonly Issue[] {
  return Object.entries(headers).flatMap(([name, value]) => {
    const path = `/headers/${pointerSegment(name)}`;
    const issues = checkHeaderName(name, path);
    if (issues.length > 0 || typeof value === "string" || typeof value === "number") return issues;
    return [{ path, code: "HEADER_INVALID", message: "invalid type as header value" }];
  });
}

function answer(
  { before_body = "", body, after_body = "" }: Conf,
  headers: readonly (readonly [string, string])[],
  ctx: RequestContext,
  reply: GatewayReply,
): void {
  forgetBodyHeaders(reply.headers);
  for (const [name, value] of headers) setHeader(reply.headers, name, value);
  // These have no body to put anything around.
  if (ctx.method === "HEAD" || reply.status === 204 || reply.status === 304) return;
  if (body === undefined) {
    reply.body = wrapBody(reply.body, before_body, after_body);
    return;
  }
  discardBody(reply.body);
  reply.body = before_body + body + after_body;
}

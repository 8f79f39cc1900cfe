import type { Checked } from "@catena/errors";
import { compileTemplate, type Template } from "@catena/expr";
import { type GatewayReply, type RequestContext, textReply } from "@catena/pipeline";
import type { JsonObject } from "@catena/schema";
import { type Static, Type } from "@sinclair/typebox";
import { definePlugin } from "./define-plugin.ts";
import { headersSchema } from "./headers/header-schema.ts";
import { compileHeaders, type HeaderTemplate, renderHeader } from "./headers/header-templates.ts";
import { inventObject, writeXml } from "./mocking/invent.ts";
import { pause } from "./replies/pause.ts";
import { checkStatus } from "./replies/status.ts";

const defaultType = "application/json;charset=utf8";

const contentTypes = new Set([
  "application/xml",
  "application/json",
  "text/plain",
  "text/html",
  "text/xml",
]);

const schema = Type.Object(
  {
    delay: Type.Optional(Type.Integer({ default: 0, description: "seconds before the reply" })),
    response_status: Type.Optional(
      Type.Integer({ default: 200, minimum: 100, description: "status of the reply" }),
    ),
    content_type: Type.Optional(
      Type.String({ default: defaultType, description: "content type of the reply" }),
    ),
    response_example: Type.Optional(
      Type.String({ description: "body of the reply; may hold variables" }),
    ),
    response_schema: Type.Optional(
      Type.Unsafe<JsonObject>(
        Type.Object({}, { description: "JSON Schema of a body to invent for each request" }),
      ),
    ),
    with_mock_header: Type.Optional(
      Type.Boolean({ default: true, description: "say in x-mock-by that it is no real reply" }),
    ),
    response_headers: Type.Optional(
      headersSchema("headers of the reply; values may hold variables"),
    ),
  },
  { anyOf: [{ required: ["response_example"] }, { required: ["response_schema"] }] },
);

type Conf = Static<typeof schema>;

/**
 * mocking: answers in place of the upstream with an example, or with data made up by a schema
 * (apisix/plugins/mocking.lua).
 */
export const mocking = definePlugin({
  name: "mocking",
  priority: 10900,
  schema,
  check: (conf) => [
    ...checkStatus(conf.response_status, "/response_status"),
    ...compile(conf).issues,
  ],
  create: (conf) => {
    const { value: mock, issues } = compile(conf);
    if (mock === undefined) return { issues };
    return { value: { access: (ctx) => answer(mock, ctx) }, issues };
  },
});

interface Mock {
  readonly delayMs: number;
  readonly status: number;
  readonly contentType: string;
  /** `null` invents a body by the schema. */
  readonly example: Template | null;
  readonly schema: JsonObject;
  readonly isXml: boolean;
  readonly headers: readonly HeaderTemplate[];
  readonly isMarked: boolean;
}

function compile(conf: Conf): Checked<Mock> {
  const contentType = conf.content_type ?? defaultType;
  // What stands before the first parameter decides (APISIX's own check, case and all).
  const [base = ""] = contentType.split(";");
  if (!contentTypes.has(base)) {
    const message = "unsupported content type!";
    return { issues: [{ path: "/content_type", code: "MOCK_INVALID", message }] };
  }
  const headers = compileHeaders(conf.response_headers ?? {}, "/response_headers");
  const example =
    conf.response_example === undefined ? null : compileTemplate(conf.response_example);
  const issues = [
    ...headers.issues,
    ...(example?.issues ?? []).map((issue) => ({ ...issue, path: "/response_example" })),
  ];
  if (issues.length > 0 || headers.value === undefined) return { issues };
  return {
    value: {
      delayMs: (conf.delay ?? 0) * 1000,
      status: conf.response_status ?? 200,
      contentType,
      example: example?.value ?? null,
      schema: conf.response_schema ?? {},
      isXml: base.endsWith("/xml"),
      headers: headers.value,
      isMarked: conf.with_mock_header ?? true,
    },
    issues,
  };
}

function answer(mock: Mock, ctx: RequestContext): GatewayReply | Promise<GatewayReply> {
  return mock.delayMs > 0 ? answerLater(mock, ctx) : mockReply(mock, ctx);
}

async function answerLater(mock: Mock, ctx: RequestContext): Promise<GatewayReply> {
  return (await pause(ctx, mock.delayMs)) ?? mockReply(mock, ctx);
}

function mockReply(mock: Mock, ctx: RequestContext): GatewayReply {
  const reply = textReply(mock.status, bodyOf(mock, ctx), mock.contentType);
  if (mock.isMarked) reply.headers.push("x-mock-by", "APISIX/3.18.0");
  for (const header of mock.headers) reply.headers.push(header.name, renderHeader(header, ctx));
  return reply;
}

function bodyOf({ example, schema: shape, isXml }: Mock, ctx: RequestContext): string {
  if (example !== null) return example.render(ctx);
  const invented = inventObject(shape);
  return isXml ? writeXml("data", invented) : JSON.stringify(invented);
}

import type { Checked, Issue } from "@catena/errors";
import { decodeComponent } from "@catena/expr";
import { type GatewayReply, type RequestContext, statusReply, textReply } from "@catena/pipeline";
import type { JsonObject } from "@catena/schema";
import { type Static, Type } from "@sinclair/typebox";
import { readBody } from "./bodies/read-body.ts";
import { definePlugin } from "./define-plugin.ts";
import { namedHeader } from "./headers/named-header.ts";
import { parseExactly } from "./validation/parse-exactly.ts";
import { compileUserSchema, type UserSchema, withDefaults } from "./validation/user-schema.ts";

const objectSchema = (description: string) =>
  Type.Optional(Type.Unsafe<JsonObject>(Type.Object({}, { description })));

const schema = Type.Object(
  {
    header_schema: objectSchema("JSON Schema of the headers, as an object"),
    body_schema: objectSchema("JSON Schema of the body, which is JSON or a form"),
    max_req_body_size: Type.Optional(
      Type.Integer({
        minimum: 1,
        default: 67_108_864,
        description: "longest body that is looked at, in bytes; longer ones are refused",
      }),
    ),
    rejected_code: Type.Optional(
      Type.Integer({
        minimum: 200,
        maximum: 599,
        default: 400,
        description: "status of a refusal",
      }),
    ),
    rejected_msg: Type.Optional(
      Type.String({ minLength: 1, maxLength: 256, description: "body instead of the reason" }),
    ),
  },
  { anyOf: [{ required: ["header_schema"] }, { required: ["body_schema"] }] },
);

type Conf = Static<typeof schema>;

/**
 * request-validation: holds headers and body against JSON Schemas before anything else is done with
 * the request (apisix/plugins/request-validation.lua). The upstream gets the JSON that was looked at,
 * written anew: a parser that reads doubtful JSON differently must not get to see what was not checked.
 */
export const requestValidation = definePlugin({
  name: "request-validation",
  priority: 2800,
  type: "validation",
  schema,
  check: (conf) => compile(conf).issues,
  create: (conf) => {
    const { value: rules, issues } = compile(conf);
    if (rules === undefined) return { issues };
    return { value: { rewrite: (ctx) => validate(rules, ctx) }, issues };
  },
});

interface Rules {
  readonly headers: UserSchema | null;
  readonly body: UserSchema | null;
  readonly maxBodyBytes: number;
  readonly status: number;
  readonly message: string | undefined;
}

function compile(conf: Conf): Checked<Rules> {
  const issues: Issue[] = [];
  const compiled = (source: JsonObject | undefined, path: string): UserSchema | null => {
    if (source === undefined) return null;
    const { value, issues: found } = compileUserSchema(source);
    for (const issue of found) issues.push({ ...issue, path: path + issue.path });
    return value ?? null;
  };
  const headers = compiled(conf.header_schema, "/header_schema");
  const body = compiled(conf.body_schema, "/body_schema");
  if (issues.length > 0) return { issues };
  return {
    value: {
      headers,
      body,
      maxBodyBytes: conf.max_req_body_size ?? 67_108_864,
      status: conf.rejected_code ?? 400,
      message: conf.rejected_msg,
    },
    issues,
  };
}

function validate(
  rules: Rules,
  ctx: RequestContext,
): GatewayReply | undefined | Promise<GatewayReply | undefined> {
  if (rules.headers !== null) {
    const problem = rules.headers.problemOf(headersOf(ctx, rules.headers));
    if (problem !== null) return refusal(rules, problem);
  }
  return rules.body === null ? undefined : validateBody(rules, rules.body, ctx);
}

/** Headers by name in lower case, and by the names the schema has for them. */
function headersOf(ctx: RequestContext, { schema: { properties, required } }: UserSchema): object {
  const list = ctx.headerList();
  const headers: Record<string, string> = {};
  for (let i = 0; i + 1 < list.length; i += 2) {
    const name = (list[i] ?? "").toLowerCase();
    headers[name] = Object.hasOwn(headers, name)
      ? `${headers[name]}, ${list[i + 1]}`
      : (list[i + 1] ?? "");
  }
  for (const name of [...Object.keys(properties ?? {}), ...(required ?? [])]) {
    const value = namedHeader(ctx, name.replaceAll("_", "-"));
    if (value !== null) headers[name] = value;
  }
  return headers;
}

async function validateBody(
  rules: Rules,
  wanted: UserSchema,
  ctx: RequestContext,
): Promise<GatewayReply | undefined> {
  const bytes = ctx.hasBody ? await readBody(ctx, rules.maxBodyBytes) : null;
  if (bytes === null || bytes.byteLength === 0) return refusal(rules, null);
  const contentType = ctx.header("content-type") ?? "";
  // Two of them joined: upstreams differ in which one they believe.
  if (contentType.includes(",")) return refusal(rules, null);
  const text = new TextDecoder().decode(bytes);
  if (contentType.toLowerCase().startsWith("application/x-www-form-urlencoded")) {
    const problem = wanted.problemOf(withDefaults(wanted.schema, formOf(text)));
    return problem === null ? undefined : refusal(rules, problem);
  }
  const parsed = parseExactly(text);
  if (parsed === null) return refusal(rules, "the body is not JSON");
  const problem = wanted.problemOf(withDefaults(wanted.schema, parsed.value));
  if (problem !== null) return refusal(rules, problem);
  ctx.upstreamBody = JSON.stringify(withDefaults(wanted.schema, parsed.exact));
  return undefined;
}

/** Arguments of a form; several of one name are a list, one without a value is `true`. */
function formOf(text: string): object {
  const form = new Map<string, unknown>();
  for (const pair of text.split("&")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const name = decodeComponent(equals < 0 ? pair : pair.slice(0, equals));
    const value = equals < 0 ? true : decodeComponent(pair.slice(equals + 1));
    const known = form.get(name);
    form.set(
      name,
      known === undefined ? value : Array.isArray(known) ? [...known, value] : [known, value],
    );
  }
  return Object.fromEntries(form);
}

/** Without a reason the body is the page of the status. */
function refusal({ status, message }: Rules, reason: string | null): GatewayReply {
  const text = message ?? reason;
  return text === null ? statusReply(status) : textReply(status, text);
}

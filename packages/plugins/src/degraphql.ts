import { findArgument } from "@catena/expr";
import { type GatewayReply, type RequestContext, statusReply } from "@catena/pipeline";
import { isJsonObject } from "@catena/schema";
import { type Static, Type } from "@sinclair/typebox";
import { readBody } from "./bodies/read-body.ts";
import { definePlugin } from "./define-plugin.ts";
import { countDefinitions } from "./graphql/read-definitions.ts";

const schema = Type.Object({
  query: Type.String({ minLength: 1, maxLength: 1024, description: "GraphQL that is sent" }),
  variables: Type.Optional(
    Type.Array(Type.String(), {
      minItems: 1,
      description: "variables that are taken from the arguments, or from the JSON body of POST",
    }),
  ),
  operation_name: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 1024,
      description: "which of several operations is meant",
    }),
  ),
  max_req_body_size: Type.Optional(
    Type.Integer({
      minimum: 1,
      default: 67_108_864,
      description: "longest body that is read, in bytes",
    }),
  ),
});

type Conf = Static<typeof schema>;

/** degraphql: makes a GraphQL request of a REST one (apisix/plugins/degraphql.lua). */
export const degraphql = definePlugin({
  name: "degraphql",
  priority: 509,
  schema,
  check: ({ query, operation_name }) => {
    const count = countDefinitions(query);
    const problem =
      typeof count === "string"
        ? `failed to parse query: ${count}`
        : count > 1 && operation_name === undefined
          ? "operation_name is required if multiple operations are present in the query"
          : null;
    return problem === null ? [] : [{ path: "/query", code: "GRAPHQL_INVALID", message: problem }];
  },
  create: (conf) => ({ value: { access: (ctx) => rewrite(conf, ctx) }, issues: [] }),
});

function rewrite(
  conf: Conf,
  ctx: RequestContext,
): GatewayReply | undefined | Promise<GatewayReply | undefined> {
  if (ctx.method === "POST") return rewritePost(conf, ctx);
  return ctx.method === "GET" ? rewriteGet(conf, ctx) : statusReply(405);
}

function rewriteGet({ query, variables, operation_name }: Conf, ctx: RequestContext): undefined {
  const args = new URLSearchParams();
  if (variables !== undefined) {
    const found = variables.flatMap((name) => {
      const value = findArgument(ctx.query, name);
      return value === undefined ? [] : [[name, value]];
    });
    args.set("variables", JSON.stringify(Object.fromEntries(found)));
  }
  if (operation_name !== undefined) args.set("operationName", operation_name);
  args.set("query", query);
  const [path = ""] = ctx.upstreamTarget.split("?");
  // Blanks as %20: not everybody takes a plus for one.
  ctx.query = args.toString().replaceAll("+", "%20");
  ctx.upstreamTarget = `${path}?${ctx.query}`;
  return undefined;
}

async function rewritePost(conf: Conf, ctx: RequestContext): Promise<GatewayReply | undefined> {
  const { query, variables, operation_name, max_req_body_size = 67_108_864 } = conf;
  const bytes = ctx.hasBody ? await readBody(ctx, max_req_body_size) : new Uint8Array(0);
  if (bytes === null) return statusReply(503);
  let given: unknown = null;
  if (variables !== undefined) {
    given = parse(bytes);
    if (given === null || typeof given !== "object") return statusReply(400);
  }
  const members = isJsonObject(given) ? given : {};
  const taken = (variables ?? []).filter((name) => Object.hasOwn(members, name));
  ctx.setUpstreamHeader("Content-Type", "application/json");
  ctx.upstreamBody = JSON.stringify({
    ...(variables === undefined
      ? {}
      : { variables: Object.fromEntries(taken.map((name) => [name, members[name]])) }),
    ...(operation_name === undefined ? {} : { operationName: operation_name }),
    query,
  });
  return undefined;
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return null;
  }
}

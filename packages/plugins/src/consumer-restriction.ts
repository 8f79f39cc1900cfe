import { type GatewayReply, messageReply, type RequestContext } from "@catena/pipeline";
import { literals, METHODS } from "@catena/schema";
import { type Static, Type } from "@sinclair/typebox";
import { definePlugin } from "./define-plugin.ts";
import { checkStatus } from "./replies/status.ts";

const namesSchema = (description: string) =>
  Type.Optional(Type.Array(Type.String(), { minItems: 1, description }));

const schema = Type.Object(
  {
    type: Type.Optional(
      literals(["consumer_name", "service_id", "route_id", "consumer_group_id"], {
        default: "consumer_name",
        description: "what the lists hold",
      }),
    ),
    blacklist: namesSchema("who is kept out"),
    whitelist: namesSchema("who is let in, and nobody else"),
    allowed_by_methods: Type.Optional(
      Type.Array(
        Type.Object({
          user: Type.Optional(Type.String({ description: "who" })),
          methods: Type.Optional(
            Type.Array(literals(METHODS), { minItems: 1, description: "may use which methods" }),
          ),
        }),
        { description: "methods of those it names; others may use all" },
      ),
    ),
    rejected_code: Type.Optional(
      Type.Integer({ minimum: 200, default: 403, description: "status of a refusal" }),
    ),
    rejected_msg: Type.Optional(Type.String({ description: "sent as message with a refusal" })),
  },
  {
    anyOf: [
      { required: ["blacklist"] },
      { required: ["whitelist"] },
      { required: ["allowed_by_methods"] },
    ],
  },
);

type Conf = Static<typeof schema>;

/**
 * consumer-restriction: lets identified consumers in, or keeps them out, by name, group, route or
 * service (apisix/plugins/consumer-restriction.lua).
 */
export const consumerRestriction = definePlugin({
  name: "consumer-restriction",
  priority: 2400,
  schema,
  check: (conf) => checkStatus(conf.rejected_code, "/rejected_code"),
  create: (conf) => {
    const rules = compile(conf);
    return { value: { access: (ctx) => decide(rules, ctx) }, issues: [] };
  },
});

interface Rules {
  readonly type: NonNullable<Conf["type"]>;
  readonly blacklist: ReadonlySet<string>;
  readonly whitelist: ReadonlySet<string> | null;
  readonly methods: ReadonlyMap<string, ReadonlySet<string>>;
  readonly status: number;
  readonly message: string;
}

function compile(conf: Conf): Rules {
  const { type = "consumer_name", allowed_by_methods = [] } = conf;
  const methods = new Map<string, ReadonlySet<string>>();
  for (const { user, methods: allowed = [] } of allowed_by_methods) {
    // The first entry of a user counts.
    if (user !== undefined && !methods.has(user)) methods.set(user, new Set(allowed));
  }
  return {
    type,
    blacklist: new Set(conf.blacklist),
    whitelist: conf.whitelist === undefined ? null : new Set(conf.whitelist),
    methods,
    status: conf.rejected_code ?? 403,
    message: conf.rejected_msg ?? `The ${type} is forbidden.`,
  };
}

function decide(rules: Rules, ctx: RequestContext): GatewayReply | undefined {
  const value = subjectOf(rules.type, ctx);
  if (value === "") {
    const message = `The request is rejected, please check the ${rules.type} for this request`;
    return messageReply(401, { message });
  }
  if (isAllowed(rules, value, ctx.method)) return undefined;
  return messageReply(rules.status, { message: rules.message });
}

function isAllowed(
  { blacklist, whitelist, methods }: Rules,
  value: string,
  method: string,
): boolean {
  if (blacklist.has(value)) return false;
  if (whitelist?.has(value)) return true;
  return whitelist === null && (methods.get(value)?.has(method) ?? true);
}

/** Empty when there is none. */
function subjectOf(type: Rules["type"], ctx: RequestContext): string {
  switch (type) {
    case "consumer_name":
      return ctx.consumer?.name ?? "";
    case "consumer_group_id":
      return ctx.consumer?.groupId ?? "";
    case "route_id":
      return ctx.routeId;
    case "service_id":
      return ctx.serviceId;
  }
}

import type { Checked } from "@catena/errors";
import { type AddressMatcher, compileAddresses } from "@catena/expr";
import { messageReply } from "@catena/pipeline";
import { addressSchema } from "@catena/schema";
import { type Static, Type } from "@sinclair/typebox";
import { definePlugin } from "./define-plugin.ts";

const listSchema = (description: string) =>
  Type.Optional(Type.Array(addressSchema(), { minItems: 1, description }));

const schema = Type.Object(
  {
    whitelist: listSchema("addresses and networks that are let in, and no others"),
    blacklist: listSchema("addresses and networks that are kept out"),
    message: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 1024,
        default: "Your IP address is not allowed",
        description: "what a client is told that is kept out",
      }),
    ),
    response_code: Type.Optional(
      Type.Integer({ minimum: 403, maximum: 404, default: 403, description: "status it gets" }),
    ),
  },
  { oneOf: [{ required: ["whitelist"] }, { required: ["blacklist"] }] },
);

type Conf = Static<typeof schema>;

/**
 * ip-restriction: lets clients in, or keeps them out, by their address
 * (apisix/plugins/ip-restriction).
 */
export const ipRestriction = definePlugin({
  name: "ip-restriction",
  priority: 3000,
  schema,
  check: (conf) => compile(conf).issues,
  create: (conf) => {
    const { value: matches, issues } = compile(conf);
    if (matches === undefined) return { issues };
    const isWelcome = conf.whitelist !== undefined;
    const status = conf.response_code ?? 403;
    const body = { message: conf.message ?? "Your IP address is not allowed" };
    return {
      value: {
        access: (ctx) =>
          matches(ctx.clientAddress) === isWelcome ? undefined : messageReply(status, body),
      },
      issues,
    };
  },
});

function compile({ whitelist, blacklist = [] }: Conf): Checked<AddressMatcher> {
  const { value, issues } = compileAddresses(whitelist ?? blacklist);
  if (value !== undefined) return { value, issues };
  const list = whitelist === undefined ? "/blacklist" : "/whitelist";
  return { issues: issues.map((issue) => ({ ...issue, path: list + issue.path })) };
}

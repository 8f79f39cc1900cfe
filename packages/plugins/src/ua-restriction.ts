import type { Checked } from "@catena/errors";
import type { Pattern } from "@catena/expr";
import { messageReply } from "@catena/pipeline";
import { type Static, Type } from "@sinclair/typebox";
import { compilePatterns, isAnyFound } from "./conditions/patterns.ts";
import { definePlugin } from "./define-plugin.ts";

const listSchema = (description: string) =>
  Type.Optional(Type.Array(Type.String({ minLength: 1 }), { minItems: 1, description }));

const schema = Type.Object(
  {
    bypass_missing: Type.Optional(
      Type.Boolean({ default: false, description: "let requests without User-Agent in" }),
    ),
    allowlist: listSchema("patterns of agents that are let in, and no others"),
    denylist: listSchema("patterns of agents that are kept out"),
    message: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 1024,
        default: "Not allowed",
        description: "what an agent is told that is kept out",
      }),
    ),
  },
  { oneOf: [{ required: ["allowlist"] }, { required: ["denylist"] }] },
);

type Conf = Static<typeof schema>;

/**
 * ua-restriction: lets clients in, or keeps them out, by their `User-Agent`
 * (apisix/plugins/ua-restriction.lua). Several such headers are looked at as one text.
 */
export const uaRestriction = definePlugin({
  name: "ua-restriction",
  priority: 2999,
  schema,
  check: (conf) => compile(conf).issues,
  create: (conf) => {
    const { value: patterns, issues } = compile(conf);
    if (patterns === undefined) return { issues };
    const isWelcome = conf.allowlist !== undefined;
    const passesMissing = conf.bypass_missing ?? false;
    const body = { message: conf.message ?? "Not allowed" };
    const passes = (agent: string | null): boolean =>
      agent === null ? passesMissing : isAnyFound(patterns, agent.trim()) === isWelcome;
    return {
      value: {
        access: (ctx) => (passes(ctx.header("user-agent")) ? undefined : messageReply(403, body)),
      },
      issues,
    };
  },
});

function compile({ allowlist, denylist = [] }: Conf): Checked<readonly Pattern[]> {
  return allowlist === undefined
    ? compilePatterns(denylist, "/denylist")
    : compilePatterns(allowlist, "/allowlist");
}

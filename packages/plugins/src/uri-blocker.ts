import { messageReply, statusReply } from "@catena/pipeline";
import { type Static, Type } from "@sinclair/typebox";
import { compilePatterns, isAnyFound } from "./conditions/patterns.ts";
import { definePlugin } from "./define-plugin.ts";
import { checkStatus } from "./replies/status.ts";

const schema = Type.Object({
  block_rules: Type.Array(Type.String({ minLength: 1, maxLength: 4096 }), {
    uniqueItems: true,
    description: "patterns of paths and queries that are refused",
  }),
  rejected_code: Type.Optional(
    Type.Integer({ minimum: 200, default: 403, description: "status of a refusal" }),
  ),
  rejected_msg: Type.Optional(
    Type.String({ minLength: 1, description: "sent as error_msg with a refusal" }),
  ),
  case_insensitive: Type.Optional(Type.Boolean({ default: false, description: "ignore case" })),
});

/**
 * uri-blocker: refuses requests whose decoded path or query fits a pattern
 * (apisix/plugins/uri-blocker.lua).
 */
export const uriBlocker = definePlugin({
  name: "uri-blocker",
  priority: 2900,
  schema,
  check: (conf) => [...checkStatus(conf.rejected_code, "/rejected_code"), ...compile(conf).issues],
  create: (conf) => {
    const { value: patterns, issues } = compile(conf);
    if (patterns === undefined) return { issues };
    const { rejected_code = 403, rejected_msg } = conf;
    return {
      value: {
        rewrite: (ctx) => {
          const uri = ctx.query === "" ? ctx.path : `${ctx.path}?${ctx.query}`;
          if (!isAnyFound(patterns, uri)) return undefined;
          return rejected_msg === undefined
            ? statusReply(rejected_code)
            : messageReply(rejected_code, { error_msg: rejected_msg });
        },
      },
      issues,
    };
  },
});

function compile({ block_rules, case_insensitive }: Static<typeof schema>) {
  return compilePatterns(block_rules, "/block_rules", { ignoreCase: case_insensitive ?? false });
}

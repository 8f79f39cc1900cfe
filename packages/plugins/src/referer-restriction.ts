import { messageReply } from "@catena/pipeline";
import { hostSchema } from "@catena/schema";
import { type Static, Type } from "@sinclair/typebox";
import { definePlugin } from "./define-plugin.ts";

const listSchema = (description: string) =>
  Type.Optional(Type.Array(hostSchema(), { minItems: 1, description }));

const schema = Type.Object(
  {
    bypass_missing: Type.Optional(
      Type.Boolean({ default: false, description: "let requests without a usable Referer in" }),
    ),
    whitelist: listSchema("hosts that may refer here, and no others; * stands for any beginning"),
    blacklist: listSchema("hosts that may not refer here"),
    message: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 1024,
        default: "Your referer host is not allowed",
        description: "what a client is told that is kept out",
      }),
    ),
  },
  { oneOf: [{ required: ["whitelist"] }, { required: ["blacklist"] }] },
);

type Conf = Static<typeof schema>;

/**
 * referer-restriction: lets requests in, or keeps them out, by the host that referred to us
 * (apisix/plugins/referer-restriction.lua).
 */
export const refererRestriction = definePlugin({
  name: "referer-restriction",
  priority: 2990,
  schema,
  create: (conf) => {
    const passes = compile(conf);
    const body = { message: conf.message ?? "Your referer host is not allowed" };
    return {
      value: {
        access: (ctx) => (passes(ctx.header("referer")) ? undefined : messageReply(403, body)),
      },
      issues: [],
    };
  },
});

function compile(conf: Conf): (referer: string | null) => boolean {
  const isWelcome = conf.whitelist !== undefined;
  const passesMissing = conf.bypass_missing ?? false;
  const listed = conf.whitelist ?? conf.blacklist ?? [];
  const hosts = new Set(listed.filter((host) => !host.startsWith("*")));
  const suffixes = listed.flatMap((host) => (host.startsWith("*") ? [host.slice(1)] : []));
  return (referer) => {
    const host = referer === null ? null : hostOf(referer);
    if (host === null) return passesMissing;
    const isListed = hosts.has(host) || suffixes.some((suffix) => host.endsWith(suffix));
    return isListed === isWelcome;
  };
}

/** The host of an http URL, whose scheme may be left out; `null` when it is none. */
function hostOf(referer: string): string | null {
  return /^(?:https?:)?\/\/([^[\]:/?]+|\[[^\]]+\])/.exec(referer)?.[1] ?? null;
}

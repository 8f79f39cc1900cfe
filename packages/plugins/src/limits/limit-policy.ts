import type { Issue } from "@catena/errors";
import { type GatewayReply, messageReply, statusReply } from "@catena/pipeline";
import { literals } from "@catena/schema";
import { Type } from "@sinclair/typebox";

/** Members that all limits share. */
export const rejectionSchema = {
  rejected_code: Type.Optional(
    Type.Integer({
      minimum: 200,
      maximum: 599,
      default: 503,
      description: "status of a rejection",
    }),
  ),
  rejected_msg: Type.Optional(
    Type.String({ minLength: 1, description: "sent as error_msg with a rejection" }),
  ),
  allow_degradation: Type.Optional(
    Type.Boolean({ default: false, description: "let requests through that cannot be counted" }),
  ),
};

/** Where counters are kept; all but `local` are valid in APISIX and refused here by name. */
export function policySchema<const T extends readonly string[]>(members: T) {
  return Type.Optional(
    literals(members, {
      default: "local",
      description: "where counts are kept; only local is served",
    }),
  );
}

/** Refuses counters that would have to be shared: counting alone would let more through than asked. */
export function checkPolicy(policy: string | undefined): readonly Issue[] {
  if (policy === undefined || policy === "local") return [];
  return [
    {
      path: "/policy",
      code: "POLICY_NOT_SERVED",
      message: `policy "${policy}" is not served: every gateway counts for itself`,
      expected: '"local"',
    },
  ];
}

/** The answer to a request that is one too many. */
export function rejection(conf: {
  readonly rejected_code?: number;
  readonly rejected_msg?: string;
}): GatewayReply {
  const status = conf.rejected_code ?? 503;
  return conf.rejected_msg === undefined
    ? statusReply(status)
    : messageReply(status, { error_msg: conf.rejected_msg });
}

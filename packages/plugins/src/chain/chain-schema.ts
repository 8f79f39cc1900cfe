import type { Issue } from "@catena/errors";
import { checkChain } from "@catena/ir";
import {
  type ClassicChain,
  checkClassicChain,
  classicChainSchema,
  type JsonObject,
} from "@catena/schema";
import { Type } from "@sinclair/typebox";

const { services, ...classic } = classicChainSchema.properties;

const part = (description: string) => Type.Optional(Type.Unknown({ description }));

/**
 * Both forms of a chain. The step form is only named here: its shape is recursive and has rules that
 * a schema cannot say, all of which {@link checkChainConf} holds it to.
 */
export const chainSchema = Type.Object(
  {
    services: Type.Optional(services),
    ...classic,
    v: part("step form: its version, 1"),
    id: part("step form: name by which other chains use it; the route's id when absent"),
    input: part("step form: schemas of what the client sends"),
    output: part("step form: schema of the reply, for documentation and clients"),
    limits: part("step form: bounds of this chain"),
    on_client_gone: part("step form: what happens when the client leaves"),
    server_timing: part("step form: whether the client is told how long each step took"),
    steps: Type.Optional(Type.Array(Type.Unknown(), { description: "step form: what is done" })),
    reply: part("step form: answers the client"),
    forward: part("step form: sends the request on to the upstream"),
    stream: part("step form: passes the response of the last step through"),
  },
  { anyOf: [{ required: ["services"] }, { required: ["steps"] }] },
);

/** A configuration of the step form, without `_meta`, which belongs to every plugin. */
export function stepConf(conf: JsonObject): JsonObject | null {
  if (!Object.hasOwn(conf, "steps")) return null;
  const { _meta: _, ...chain } = conf;
  return chain;
}

/** Takes a configuration that is not of the step form as the classic one. */
export function classicConf(conf: JsonObject): ClassicChain {
  // The schema asks for `services` where there are no `steps`, and holds all members to their types.
  return conf as unknown as ClassicChain;
}

/** Everything the schema cannot say; paths are pointers into the configuration. */
export function checkChainConf(conf: JsonObject): readonly Issue[] {
  const steps = stepConf(conf);
  return steps === null ? checkClassicChain(classicConf(conf)) : checkChain(steps).issues;
}

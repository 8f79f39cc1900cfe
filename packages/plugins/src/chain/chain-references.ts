import { checkChain, type StoredAction, type StoredStep } from "@catena/ir";
import { isJsonObject, type JsonObject, type Reference } from "@catena/schema";
import { stepConf } from "./chain-schema.ts";

/** The upstreams and chains that a configuration uses; nothing for one that is not in order. */
export function chainReferences(conf: JsonObject): readonly Reference[] {
  const steps = stepConf(conf);
  if (steps === null) return classicReferences(conf["services"]);
  const { value: chain } = checkChain(steps);
  if (chain === undefined) return [];
  const references = chain.steps.flatMap((step, index) => stepReferences(step, `/steps/${index}`));
  const upstream = chain.forward?.upstream_id;
  return upstream === undefined
    ? references
    : [...references, { kind: "upstreams", id: upstream, path: "/forward/upstream_id" }];
}

function classicReferences(services: unknown): readonly Reference[] {
  if (!Array.isArray(services)) return [];
  return services.flatMap((service: unknown, index) => {
    const id = isJsonObject(service) ? service["upstream_id"] : undefined;
    return typeof id === "string" || typeof id === "number"
      ? [{ kind: "upstreams", id: String(id), path: `/services/${index}/upstream_id` } as const]
      : [];
  });
}

function stepReferences(step: StoredStep, path: string): readonly Reference[] {
  const actions = actionsOf(step, path).flatMap(([action, at]) => actionReferences(action, at));
  const undo = step.undo?.call.upstream_id;
  return undo === undefined
    ? actions
    : [...actions, { kind: "upstreams", id: undo, path: `${path}/undo/call/upstream_id` }];
}

function actionReferences({ call, sub }: StoredAction, path: string): readonly Reference[] {
  if (sub !== undefined) return [{ kind: "routes", id: sub.chain, path: `${path}/sub/chain` }];
  const id = call?.upstream_id;
  return id === undefined ? [] : [{ kind: "upstreams", id, path: `${path}/call/upstream_id` }];
}

/** What a step may do, each with where it stands. */
function actionsOf(step: StoredStep, path: string): readonly (readonly [StoredAction, string])[] {
  if (step.each !== undefined) return [[step.each.do, `${path}/each/do`]];
  if (step.choose === undefined) return [[step, path]];
  const { branches, otherwise } = step.choose;
  return [
    ...branches.map((branch, i) => [branch, `${path}/choose/branches/${i}`] as const),
    ...(otherwise === undefined ? [] : [[otherwise, `${path}/choose/otherwise`] as const]),
  ];
}

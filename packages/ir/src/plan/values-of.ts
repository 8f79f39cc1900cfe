import type {
  StoredAction,
  StoredCall,
  StoredChain,
  StoredExit,
  StoredItemPolicies,
  StoredReference,
  StoredStep,
  StoredValue,
} from "../stored-chain.ts";
import { isList, isStoredLiteral, isStoredReference } from "../stored-value.ts";

type Values = Generator<StoredValue, void>;

/** Every value a step computes, its undo apart. */
export function* valuesOfStep(step: StoredStep): Values {
  yield* valuesOfAction(step);
  if (step.when !== undefined) yield step.when;
  yield* step.cache?.key ?? [];
  if (typeof step.coalesce === "object") yield* step.coalesce.key;
  if (typeof step.on_error === "object") yield step.on_error.fallback;
  const { each, choose, exit } = step;
  if (each !== undefined) {
    yield each.in;
    yield* valuesOfAction(each.do);
    if (typeof each.on_error === "object") yield each.on_error.fallback;
  }
  for (const branch of choose?.branches ?? []) {
    yield branch.when;
    yield* valuesOfAction(branch);
  }
  if (choose?.otherwise !== undefined) yield* valuesOfAction(choose.otherwise);
  if (exit !== undefined) yield* valuesOfExit(exit);
}

/** Every value a chain's end computes. */
export function* valuesOfEnd(chain: StoredChain): Values {
  if (chain.reply !== undefined) yield* valuesOfExit(chain.reply);
  if (chain.forward !== undefined) yield* valuesOfExit(chain.forward);
}

/** Every value a call computes. */
export function* valuesOfCall(call: StoredCall): Values {
  yield* Object.values(call.params ?? {});
  yield* Object.values(call.query ?? {});
  yield* Object.values(call.headers ?? {});
  if (call.body !== undefined) yield call.body;
  if (call.host !== undefined) yield call.host;
}

function* valuesOfAction(action: StoredAction & StoredItemPolicies): Values {
  if (action.call !== undefined) yield* valuesOfCall(action.call);
  if (action.value !== undefined) yield action.value;
  if (action.sub?.body !== undefined) yield action.sub.body;
  const { idempotency_key: key, on_status } = action;
  if (key !== undefined && key !== "auto") yield key;
  for (const onStatus of Object.values(on_status ?? {})) {
    if (typeof onStatus !== "object") continue;
    if ("fallback" in onStatus) yield onStatus.fallback;
    else if ("exit" in onStatus) yield* valuesOfExit(onStatus.exit);
  }
}

function* valuesOfExit(exit: StoredExit): Values {
  if (exit.status !== undefined) yield exit.status;
  yield* Object.values(exit.headers ?? {});
  if (exit.body !== undefined) yield exit.body;
}

/** The path of every reference in a value, in the order they are written. */
export function* collectReferences(value: StoredValue): Generator<StoredReference["$ref"], void> {
  if (typeof value !== "object" || value === null || isStoredLiteral(value)) return;
  if (isStoredReference(value)) yield value.$ref;
  else if (isList(value)) for (const item of value) yield* collectReferences(item);
  else for (const member of Object.values(value)) yield* collectReferences(member);
}

/** Adds the first segment of every reference in a value: step names, `input`, `item`, `index`. */
export function collectHeads(value: StoredValue, heads: Set<string>): void {
  if (typeof value !== "object" || value === null || isStoredLiteral(value)) return;
  if (isStoredReference(value)) heads.add(value.$ref[0]);
  else if (isList(value)) for (const item of value) collectHeads(item, heads);
  else for (const member of Object.values(value)) collectHeads(member, heads);
}

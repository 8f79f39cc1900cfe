import { decodeSlice } from "@catena/json";
import type { Raw } from "./json-view.ts";
import type { Scope } from "./scope.ts";

/** A stored value made ready: closures over what the chain says, called with what a request is. */
export interface CompiledValue {
  /** As JSON text; slices of requests and responses are inserted as they came. */
  json(scope: Scope): Raw;
  /**
   * Decoded, for a computation.
   * @throws JSON_NUMBER_OUT_OF_RANGE for a number that would change.
   */
  decoded(scope: Scope): unknown;
  /** The text of a value that is the same for every request; `null` for others. */
  readonly constant: string | null;
}

/** A value that is the same for every request. */
export function constantValue(value: unknown): CompiledValue {
  const text = JSON.stringify(value) ?? "null";
  return { json: () => text, decoded: () => value, constant: text };
}

/** As {@link constantValue}, from its JSON text. */
export function constantText(text: string): CompiledValue {
  return { json: () => text, decoded: () => JSON.parse(text), constant: text };
}

/** Completes a value that has only its JSON text. */
export function fromJson(json: (scope: Scope) => Raw): CompiledValue {
  return {
    json,
    decoded: (scope) => {
      const raw = json(scope);
      return raw === undefined ? undefined : decodeSlice(raw);
    },
    constant: null,
  };
}

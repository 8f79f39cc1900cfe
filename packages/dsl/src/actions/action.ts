import type { StepKind } from "@catena/ir";

/** Registered, so that a config that got another copy of this package is understood all the same. */
const ACTION: unique symbol = Symbol.for("@catena/dsl/action");
declare const RESULT: unique symbol;

/** What a step does, as its callback returns it: data. `R` is what later steps see of it. */
export interface Action<R> {
  readonly [ACTION]: AuthoredAction;
  /** Only a type. */
  readonly [RESULT]: R;
}

export interface AuthoredAction {
  readonly kind: StepKind;
  /**
   * The members of the stored step but for its name. Where an id of a resource goes, a declaration
   * may stand, so it is not a `StoredStep` yet.
   */
  readonly stored: Readonly<Record<string, unknown>>;
}

export function isAction(value: unknown): value is Action<unknown> {
  return typeof value === "object" && value !== null && ACTION in value;
}

export function authoredAction(action: Action<unknown>): AuthoredAction {
  return action[ACTION];
}

/** Makes an action; members that are `undefined` are left out. */
export function makeAction<R>(
  kind: StepKind,
  stored: Readonly<Record<string, unknown>>,
): Action<R> {
  const made = { [ACTION]: { kind, stored: defined(stored) } };
  // RESULT is a type alone.
  return made as Action<R>;
}

/** Without members that are `undefined`. */
export function defined(object: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, member]) => member !== undefined));
}

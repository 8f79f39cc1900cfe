import { describeFound } from "../describe-found.ts";
import { irErrors } from "../errors.ts";
import type { StoredValue } from "../stored-chain.ts";

/** What an operator may ask of the request it is computed in. */
export interface OperatorEnv {
  /** Milliseconds since 1970; the same for all values of one request. */
  now(): number;
  /** A fresh random UUID in lower case. */
  uuid(): string;
  /** The response of a finished call step; `null` when the step was skipped or made no call. */
  response(step: string): OperatorResponse | null;
  /** Evaluates a JSONata expression on `input`. May answer later. */
  jsonata(expression: string, input: unknown): unknown;
}

export interface OperatorResponse {
  readonly status: number;
  /** First value of a header, name in lower case; `null` when absent. */
  header(name: string): string | null;
  /** Every value of a header in the order received, name in lower case. */
  headers(name: string): readonly string[];
}

/**
 * How an argument is given: computed per request (`value`); written in the chain and checked when
 * it is built (`text`, a list of `texts`, a member name or array index as `segment`); or a bare
 * reference to a step, whose name `evaluate` gets.
 */
export type ParamKind = "value" | "text" | "texts" | "segment" | "step";

export interface OperatorParam {
  readonly name: string;
  readonly kind: ParamKind;
  /** Of a `text`: the only texts there are. */
  readonly choices?: readonly string[];
  readonly optional?: true;
  /** Any number of these, at least one; only the last. */
  readonly rest?: true;
}

/** What a result is, as far as the operator alone decides it. */
export type ResultKind = "boolean" | "number" | "string" | "array" | "object" | "any";

/**
 * One operator of stored values: everything about it in one place. Rules all of them share:
 *
 * - Arguments arrive decoded; `undefined` is "not there". Where an argument that must have a type
 *   is `undefined` or `null`, the result is `undefined`: absent in, absent out.
 * - An argument of a wrong type is VALUE_ARGUMENT.
 * - Nothing is changed in place, and own members named `__proto__` stay own members.
 */
export interface Operator {
  readonly name: string;
  /** One line for the reference and the editor. */
  readonly doc: string;
  readonly params: readonly OperatorParam[];
  readonly returns: ResultKind;
  /** The result may be a promise. */
  readonly isAsync?: true;
  /** A further rule on stored arguments, as what is wrong; `null` when nothing is. */
  check?(args: readonly StoredValue[]): string | null;
  evaluate(args: readonly unknown[], env: OperatorEnv): unknown;
}

/** Longest text and longest array an operator makes, so that nested ones cannot multiply. */
export const MAX_TEXT = 8 * 1024 * 1024;
export const MAX_ITEMS = 100_000;

export const value = (name: string): OperatorParam => ({ name, kind: "value" });
export const optional = (name: string): OperatorParam => ({ name, kind: "value", optional: true });
export const rest = (name: string): OperatorParam => ({ name, kind: "value", rest: true });
export const step = (name: string): OperatorParam => ({ name, kind: "step" });
export const text = (name: string, choices?: readonly string[]): OperatorParam => ({
  name,
  kind: "text",
  ...(choices === undefined ? {} : { choices }),
});

/** Whether a value is there: neither absent nor `null`. */
export function isPresent<T>(given: T): given is NonNullable<T> {
  return given !== undefined && given !== null;
}

/** A JSON object: opaque values that an executor passes through are none. */
export function isRecord(given: unknown): given is Record<string, unknown> {
  if (typeof given !== "object" || given === null || Array.isArray(given)) return false;
  const prototype: unknown = Object.getPrototypeOf(given);
  return prototype === Object.prototype || prototype === null;
}

/** Sets an own member, also one named `__proto__`. */
export function setOwn(target: Record<string, unknown>, key: string, given: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(target, key, {
      value: given,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  } else target[key] = given;
}

export function wrongArgument(operator: string, expected: string, found: unknown): Error {
  return irErrors.VALUE_ARGUMENT({
    operator,
    reason: `needs ${expected}, got ${describeKind(found)}`,
  });
}

/** The kind only: values may be secret. */
function describeKind(found: unknown): string {
  if (Array.isArray(found)) return "an array";
  if (typeof found === "object") return "an object";
  return found === undefined ? describeFound(found) : `a ${typeof found}`;
}

export function numberArgument(operator: string, given: unknown): number {
  if (typeof given !== "number" || !Number.isFinite(given)) {
    throw wrongArgument(operator, "a number", given);
  }
  return given;
}

export function textArgument(operator: string, given: unknown): string {
  if (typeof given !== "string") throw wrongArgument(operator, "a string", given);
  return given;
}

export function arrayArgument(operator: string, given: unknown): readonly unknown[] {
  if (!Array.isArray(given)) throw wrongArgument(operator, "an array", given);
  return given;
}

export function recordArgument(operator: string, given: unknown): Record<string, unknown> {
  if (!isRecord(given)) throw wrongArgument(operator, "an object", given);
  return given;
}

export function boundedText(operator: string, made: string): string {
  if (made.length > MAX_TEXT) throw irErrors.VALUE_TOO_LARGE({ operator, limit: MAX_TEXT });
  return made;
}

export function boundedItems<T>(operator: string, made: readonly T[]): readonly T[] {
  if (made.length > MAX_ITEMS) throw irErrors.VALUE_TOO_LARGE({ operator, limit: MAX_ITEMS });
  return made;
}

import { dslErrors } from "../errors.ts";
import type { Condition, In, Maybe, Ref } from "../scope-types.ts";
import { toStored } from "../to-stored.ts";
import { condition, refer, referStored } from "./refer.ts";

type Text = In<string>;
type Scalar = In<string | number | boolean>;

/**
 * Text with values in it; a tag for template literals.
 *
 * @example tpl`order ${$.order.id} of ${$.user.name}`
 */
export function tpl(texts: TemplateStringsArray, ...values: readonly Scalar[]): Ref<string> {
  if (!Array.isArray(texts)) {
    throw dslErrors.DSL_ARGUMENT({
      what: "tpl is not called like a function",
      hint: "put it before a template: tpl`…`",
      source: undefined,
    });
  }
  const parts = texts.flatMap((text, index) => [
    ...(text === "" ? [] : [text]),
    ...(index < values.length ? [toStored(values[index])] : []),
  ]);
  return referStored("tpl", parts.length === 0 ? [""] : parts);
}

/** A string in lower case. */
export function lower(text: Text): Ref<string> {
  return refer("lower", text);
}

/** A string in upper case. */
export function upper(text: Text): Ref<string> {
  return refer("upper", text);
}

/** A string without white space at its ends. */
export function trim(text: Text): Ref<string> {
  return refer("trim", text);
}

/** The parts of a string between separators. */
export function split(text: Text, separator: Text): Ref<string[]> {
  return refer("split", text, separator);
}

/** A list's strings, numbers and booleans as one string, with a separator between. */
export function join(
  list: In<readonly (string | number | boolean)[]>,
  separator: Text,
): Ref<string> {
  return refer("join", list, separator);
}

/** The part of a string from a character on, up to another (not included); negative from the end. */
export function substring(text: Text, start: In<number>, end?: In<number>): Ref<string> {
  return end === undefined ? refer("substring", text, start) : refer("substring", text, start, end);
}

/** A string with every occurrence of one text replaced by another. */
export function replace(text: Text, search: Text, replacement: Text): Ref<string> {
  return refer("replace", text, search, replacement);
}

/** Whether a string starts with another. */
export function startsWith(text: Maybe<string>, start: Maybe<string>): Condition {
  return condition("startsWith", text, start);
}

/** Whether a string ends with another. */
export function endsWith(text: Maybe<string>, end: Maybe<string>): Condition {
  return condition("endsWith", text, end);
}

/** A number or boolean as a string. */
export function string(value: Scalar): Ref<string> {
  return refer("string", value);
}

/** A value as JSON text. */
export function json(value: unknown): Ref<string> {
  return refer("json", value);
}

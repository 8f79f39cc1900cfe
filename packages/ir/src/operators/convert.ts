import { boundedText, isPresent, type Operator, value, wrongArgument } from "./operator.ts";

/** A scalar as text; objects and arrays are no text, so that `[object Object]` never goes out. */
export function toText(operator: string, given: unknown): string {
  if (typeof given === "string") return given;
  if (typeof given === "boolean" || typeof given === "number") return String(given);
  throw wrongArgument(operator, "a string, a number or a boolean", given);
}

/** As JSON writes numbers (RFC 8259 §6), white space around it allowed. */
const NUMBER = /^\s*-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?\s*$/;

export const number: Operator = {
  name: "number",
  doc: "The number a string is written as; absent when it is none",
  params: [value("value")],
  returns: "number",
  evaluate([given]) {
    if (typeof given === "number") return given;
    if (typeof given !== "string" || !NUMBER.test(given)) return undefined;
    const parsed = Number(given);
    return Number.isFinite(parsed) ? parsed : undefined;
  },
};

export const string: Operator = {
  name: "string",
  doc: "A number or boolean as a string",
  params: [value("value")],
  returns: "string",
  evaluate: ([given]) => (isPresent(given) ? toText("string", given) : undefined),
};

export const json: Operator = {
  name: "json",
  doc: "A value as JSON text",
  params: [value("value")],
  returns: "string",
  evaluate: ([given]) =>
    given === undefined ? undefined : boundedText("json", JSON.stringify(given)),
};

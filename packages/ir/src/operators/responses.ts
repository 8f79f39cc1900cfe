import parseJsonata from "jsonata";
import { type Operator, optional, step, text, textArgument } from "./operator.ts";

export const status: Operator = {
  name: "status",
  doc: "The status a call step was answered with; absent when it was skipped",
  params: [step("step")],
  returns: "number",
  evaluate: ([name], env) => env.response(textArgument("status", name))?.status,
};

/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

export const header: Operator = {
  name: "header",
  doc: "A header of a call step's response; absent when it has none",
  params: [step("step"), text("name")],
  returns: "string",
  check: ([, name]) =>
    typeof name !== "string" || TOKEN.test(name) ? null : "needs the name of a header",
  evaluate: ([name, field], env) =>
    env
      .response(textArgument("header", name))
      ?.header(textArgument("header", field).toLowerCase()) ?? undefined,
};

export const headers: Operator = {
  name: "headers",
  doc: "Every value of a header of a call step's response, such as Set-Cookie; absent without a response",
  params: [step("step"), text("name")],
  returns: "array",
  check: ([, name]) =>
    typeof name !== "string" || TOKEN.test(name) ? null : "needs the name of a header",
  evaluate: ([name, field], env) =>
    env
      .response(textArgument("headers", name))
      ?.headers(textArgument("headers", field).toLowerCase()),
};

export const jsonata: Operator = {
  name: "jsonata",
  doc: "A JSONata expression computed on a value",
  params: [text("expression"), optional("input")],
  returns: "any",
  isAsync: true,
  check: ([expression]) => (typeof expression === "string" ? syntaxFault(expression) : null),
  evaluate: ([expression, input], env) => env.jsonata(textArgument("jsonata", expression), input),
};

/** What is wrong with an expression as it is written; `null` when it can be parsed. */
function syntaxFault(expression: string): string | null {
  try {
    parseJsonata(expression);
    return null;
  } catch (error) {
    return `cannot read the expression: ${messageOf(error)}`;
  }
}

/** The library throws plain objects. */
function messageOf(error: unknown): string {
  return typeof error === "object" && error !== null && "message" in error
    ? String(error.message)
    : String(error);
}

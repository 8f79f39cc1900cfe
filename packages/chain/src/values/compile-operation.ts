import { type Operator, operators, type StoredValue } from "@catena/ir";
import { replyHeader, replyHeaders, type StepReply } from "../step-result.ts";
import { compileJsonata } from "./compile-jsonata.ts";
import { type CompiledValue, constantValue, fromJson } from "./compiled-value.ts";
import type { Raw } from "./json-view.ts";
import type { Scope } from "./scope.ts";
import { equalText, structural } from "./structural.ts";
import type { ValueContext } from "./value-context.ts";

/** Compiles `{"$op": name, "args": [...]}`. */
export function compileOperation(
  name: string,
  args: readonly StoredValue[],
  path: string,
  context: ValueContext,
): CompiledValue {
  const operator = operators.get(name);
  if (operator === undefined) {
    context.issue(`${path}/$op`, "CHAIN_OPERATOR", `there is no operator "${name}"`);
    return constantValue(null);
  }
  if (operator.params[0]?.kind === "step") return compileResponse(name, args, path, context);
  const compiled = args.map((arg, i) =>
    paramKind(operator, i) === "value"
      ? context.compile(arg, `${path}/args/${i}`)
      : constantValue(arg),
  );
  if (operator.name === "jsonata") return compileJsonata(compiled, path, context);
  if (name === "eq" || name === "ne") return compileEquality(operator, compiled);
  const onText = structural.get(name);
  if (onText !== undefined) return fromJson((scope) => onText(compiled, scope));
  return fromDecoded((scope) =>
    operator.evaluate(
      compiled.map((arg) => arg.decoded(scope)),
      scope,
    ),
  );
}

function paramKind(operator: Operator, index: number): string {
  const { params } = operator;
  return (params[index] ?? params.at(-1))?.kind ?? "value";
}

function fromDecoded(decoded: (scope: Scope) => unknown): CompiledValue {
  return { json: (scope) => encode(decoded(scope)), decoded, constant: null };
}

/** Operators make finite numbers, text and plain JSON; only `undefined` has no text. */
function encode(value: unknown): Raw {
  if (value === undefined) return undefined;
  return value === true ? "true" : value === false ? "false" : JSON.stringify(value);
}

function compileEquality(operator: Operator, args: readonly CompiledValue[]): CompiledValue {
  const isEq = operator.name === "eq";
  return fromDecoded((scope) => {
    const verdict = equalText(args, scope);
    if (verdict !== undefined) return (verdict === "true") === isEq;
    return operator.evaluate(
      args.map((arg) => arg.decoded(scope)),
      scope,
    );
  });
}

/** `status`, `header` and `headers`: read from a step's response without looking into its body. */
function compileResponse(
  name: string,
  args: readonly StoredValue[],
  path: string,
  context: ValueContext,
): CompiledValue {
  const index = stepIndex(args[0], context);
  if (index === null) {
    context.issue(`${path}/args/0`, "CHAIN_REFERENCE", "must refer to a step that comes before");
    return constantValue(null);
  }
  const read = responseReader(name, String(args[1] ?? "").toLowerCase());
  return fromDecoded((scope) => {
    const reply = scope.results[index]?.reply;
    return reply === undefined || reply === null ? undefined : read(reply);
  });
}

function responseReader(name: string, field: string): (reply: StepReply) => unknown {
  if (name === "status") return (reply) => reply.status;
  if (name === "headers") return (reply) => replyHeaders(reply, field);
  return (reply) => replyHeader(reply, field) ?? undefined;
}

function stepIndex(reference: StoredValue | undefined, context: ValueContext): number | null {
  if (typeof reference !== "object" || reference === null || !("$ref" in reference)) return null;
  const { $ref } = reference;
  if (!Array.isArray($ref) || $ref.length !== 1) return null;
  return context.steps.get(String($ref[0])) ?? null;
}

import type { StoredLiteral, StoredOperation, StoredReference, StoredValue } from "@catena/ir";
import { compileOperation } from "./compile-operation.ts";
import { compileReference } from "./compile-reference.ts";
import { type CompiledValue, constantText, constantValue, fromJson } from "./compiled-value.ts";
import type { ValueContext } from "./value-context.ts";

/** Compiles a value of a checked chain. @param path JSON pointer to it, for issues. */
export function compileValue(
  value: StoredValue,
  path: string,
  context: ValueContext,
): CompiledValue {
  if (value === null || typeof value !== "object") return constantValue(value);
  if (isArray(value)) return compileArray(value, path, context);
  if (isReference(value)) return compileReference(value.$ref, path, context);
  if (isOperation(value)) return compileOperation(value.$op, value.args, path, context);
  if (isLiteral(value)) return constantValue(value.$literal);
  // What is left of stored values are plain objects.
  return compileObject(value as Readonly<Record<string, StoredValue>>, path, context);
}

function compileArray(
  values: readonly StoredValue[],
  path: string,
  context: ValueContext,
): CompiledValue {
  const parts = values.map((value, i) => compileValue(value, `${path}/${i}`, context));
  if (parts.every((part) => part.constant !== null))
    return constantText(`[${parts.map((part) => part.constant).join(",")}]`);
  return fromJson((scope) => {
    let text = "";
    for (const part of parts) text += `${text === "" ? "[" : ","}${part.json(scope) ?? "null"}`;
    return `${text}]`;
  });
}

function compileObject(
  value: Readonly<Record<string, StoredValue>>,
  path: string,
  context: ValueContext,
): CompiledValue {
  const members = Object.entries(value).map(([key, member]) => ({
    key: `${JSON.stringify(key)}:`,
    laterKey: `,${JSON.stringify(key)}:`,
    value: compileValue(member, `${path}/${context.segment(key)}`, context),
  }));
  if (members.every((member) => member.value.constant !== null))
    return constantText(
      `{${members.map((member) => member.key + member.value.constant).join(",")}}`,
    );
  return fromJson((scope) => {
    let text = "{";
    for (const member of members) {
      const raw = member.value.json(scope);
      // Three at a time: each text put together is one more object.
      if (raw !== undefined) text = text + (text === "{" ? member.key : member.laterKey) + raw;
    }
    return `${text}}`;
  });
}

// The guards read a value that the schema of stored chains accepted, so a key decides its kind.

function isArray(value: StoredValue): value is readonly StoredValue[] {
  return Array.isArray(value);
}

function isReference(value: object): value is StoredReference {
  return Object.hasOwn(value, "$ref");
}

function isOperation(value: object): value is StoredOperation {
  return Object.hasOwn(value, "$op");
}

function isLiteral(value: object): value is StoredLiteral {
  return Object.hasOwn(value, "$literal");
}

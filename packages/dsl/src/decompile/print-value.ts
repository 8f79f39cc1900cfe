import {
  hasDollarKey,
  isStoredLiteral,
  isStoredObject,
  isStoredOperation,
  isStoredReference,
  type StoredReference,
  type StoredValue,
} from "@catena/ir";
import { isMergedValue } from "../chain/merged-value.ts";
import { arrayDoc, callDoc, type Doc, jsonDoc, objectDoc, use } from "./doc.ts";
import { type Accepts, SLOTS, type SourceKind } from "./operator-helpers.ts";
import { printOperation } from "./print-operation.ts";
import { isPlain, memberOf, printPath } from "./print-path.ts";
import type { Printed, StepSource, ValueScope } from "./value-scope.ts";

/** An expression for a slot; written as `stored<any>(…)` when its type would not fit there. */
export function printFor(value: StoredValue, accepts: Accepts, scope: ValueScope): Doc {
  const { doc, kind } = printValue(value, scope);
  return accepts.has(kind) ? doc : printRaw(value).doc;
}

/** An expression for a slot that takes anything. */
export function printAny(value: StoredValue, scope: ValueScope): Doc {
  return printFor(value, SLOTS.anything, scope);
}

/** The stored form itself. */
function printRaw(value: StoredValue): Printed {
  return { doc: callDoc([use("stored"), "<any>"], jsonDoc(value)), kind: "any" };
}

/** The shortest expression that is stored as this value. */
function printValue(value: StoredValue, scope: ValueScope): Printed {
  if (isStoredReference(value)) return printReference(value, scope) ?? printRaw(value);
  if (isStoredOperation(value)) {
    if (isMergedValue(value, [...scope.steps.keys()])) {
      return { doc: callDoc(use("merged"), use("$")), kind: "object" };
    }
    const printer = {
      value: (arg: StoredValue) => printValue(arg, scope),
      raw: (arg: StoredValue) => printRaw(arg).doc,
      for: (arg: StoredValue, accepts: Accepts) => printFor(arg, accepts, scope),
    };
    return printOperation(value, printer) ?? printRaw(value);
  }
  if (isStoredLiteral(value)) {
    const { $literal: json } = value;
    const isEscaped = typeof json === "object" && json !== null && !Array.isArray(json);
    return isEscaped && hasDollarKey(json)
      ? { doc: jsonDoc(json), kind: "literal-object" }
      : printRaw(value);
  }
  if (Array.isArray(value)) {
    return { doc: arrayDoc(value.map((item) => printAny(item, scope))), kind: "literal-array" };
  }
  if (isStoredObject(value)) {
    const members: [string, Doc][] = Object.entries(value).map(([key, member]) => [
      key,
      printAny(member, scope),
    ]);
    return { doc: objectDoc(fromOwnEntries(members)), kind: "literal-object" };
  }
  if (value === null) return { doc: "null", kind: "literal-null" };
  return { doc: JSON.stringify(value), kind: literalKind(typeof value) };
}

function literalKind(type: string): SourceKind {
  return type === "number"
    ? "literal-number"
    : type === "boolean"
      ? "literal-boolean"
      : "literal-string";
}

/** `Object.fromEntries` defines own members, whatever their names. */
function fromOwnEntries<V>(entries: readonly (readonly [string, V])[]): Record<string, V> {
  return Object.fromEntries(entries);
}

function printReference({ $ref }: StoredReference, scope: ValueScope): Printed | null {
  const [head, ...path] = $ref;
  if (head === "input") return printInput(path, scope);
  if (head === "item") return { doc: printPath(use("item"), path), kind: "any" };
  if (head === "index") return path.length === 0 ? { doc: use("index"), kind: "number" } : null;
  const step = scope.steps.get(head);
  if (step === undefined) return null;
  const kind = kindAt(step, path);
  return kind === null ? null : { doc: printPath(memberOf(use("$"), head), path), kind };
}

function printInput(path: readonly (string | number)[], scope: ValueScope): Printed | null {
  const [part, name, ...more] = path;
  const kind = inputKind(part, name, more.length, scope);
  return kind === null ? null : { doc: printInputPath(path), kind };
}

/** Headers and cookies have an index signature, whose members strict settings want in brackets. */
function printInputPath([part, ...path]: readonly (string | number)[]): Doc {
  const base: Doc = [use("$"), `.input.${part}`];
  const [name] = path;
  return (part === "headers" || part === "cookies") && name !== undefined
    ? [base, `[${JSON.stringify(name)}]`]
    : printPath(base, path);
}

function inputKind(
  part: string | number | undefined,
  name: string | number | undefined,
  more: number,
  { params }: ValueScope,
): SourceKind | null {
  switch (part) {
    case "body":
    case "query":
      return "any";
    case "params":
      return typeof name === "string" && params.has(name) && more === 0 ? "string" : null;
    case "headers":
    case "cookies":
      return typeof name === "string" && isPlain(name) && more === 0 ? "maybe-string" : null;
    case "method":
    case "path":
    case "ip":
    case "id":
      return name === undefined ? "string" : null;
    default:
      return null;
  }
}

/** What a member of a step's result is; `null` when TypeScript knows of no such member. */
function kindAt(step: StepSource, path: readonly (string | number)[]): SourceKind | null {
  if (step.kind === "any") return "any";
  const [name, ...rest] = path;
  if (step.kind === "array") {
    return name === undefined ? "array" : typeof name === "number" ? "any" : null;
  }
  if (step.kind !== "written") return name === undefined ? step.kind : null;
  const { value } = step;
  if (name === undefined) return kindOfWritten(value);
  if (!isStoredObject(value) || typeof name !== "string" || !Object.hasOwn(value, name))
    return null;
  const member = value[name];
  return member === undefined ? null : kindAt({ kind: "written", value: member }, rest);
}

function kindOfWritten(value: StoredValue): SourceKind {
  if (typeof value === "string") return "string";
  if (typeof value === "number") return "number";
  if (typeof value === "boolean") return "boolean";
  return Array.isArray(value) ? "array" : "opaque";
}

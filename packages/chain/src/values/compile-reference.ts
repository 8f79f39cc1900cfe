import { getPath, type JsonObjectSlices, writeSlices } from "@catena/json";
import { type CompiledValue, constantValue, fromJson } from "./compiled-value.ts";
import type { Raw } from "./json-view.ts";
import type { Scope } from "./scope.ts";
import type { ValueContext } from "./value-context.ts";

type Path = readonly (string | number)[];

/** Compiles `{"$ref": [...]}` into a look at raw text. */
export function compileReference(
  reference: readonly [string, ...(string | number)[]],
  path: string,
  context: ValueContext,
): CompiledValue {
  const [head, ...rest] = reference;
  if (head === "input") return compileInput(rest, path, context);
  if (head === "item") return fromJson((scope) => lookInto(scope.item, rest));
  if (head === "index") return fromJson((scope) => String(scope.index));
  const step = context.steps.get(head);
  if (step === undefined) {
    context.issue(path, "CHAIN_REFERENCE", `there is no step "${head}" to refer to here`);
    return constantValue(null);
  }
  context.looksInto.add(step);
  if (rest.length > 0) context.readsMembers.add(step);
  return fromJson((scope) => scope.results[step]?.view?.get(rest));
}

function compileInput(parts: Path, path: string, context: ValueContext): CompiledValue {
  const [part, ...rest] = parts;
  switch (part) {
    case "body":
      context.looksIntoBody = true;
      return fromJson((scope) => scope.input.body?.get(rest));
    case "query":
      return fromJson((scope) => memberOf(scope.input.query(), rest));
    case "params":
      return fromJson((scope) => memberOf(scope.input.params(), rest));
    case "headers":
      return compileHeader(rest);
    case "cookies":
      return fromJson((scope) => memberOf(scope.input.cookies(), rest));
    case "method":
      return requestText((scope) => scope.input.request.method);
    case "path":
      return requestText((scope) => scope.input.request.path);
    case "ip":
      return requestText((scope) => scope.input.request.clientAddress);
    case "id":
      return requestText((scope) => scope.input.request.id);
    default:
      context.issue(path, "CHAIN_REFERENCE", `input has no part "${String(part)}"`);
      return constantValue(null);
  }
}

/** Header names are case-insensitive (RFC 9110 §5.1). */
function compileHeader(rest: Path): CompiledValue {
  const [name, ...deeper] = rest;
  if (name === undefined) return fromJson((scope) => writeSlices(scope.input.headers()));
  const lower = String(name).toLowerCase();
  return fromJson((scope) => lookInto(scope.input.header(lower), deeper));
}

function requestText(read: (scope: Scope) => string): CompiledValue {
  return { json: (scope) => JSON.stringify(read(scope)), decoded: read, constant: null };
}

function memberOf(members: JsonObjectSlices, path: Path): Raw {
  const [first, ...rest] = path;
  return first === undefined ? writeSlices(members) : lookInto(members.get(String(first)), rest);
}

function lookInto(raw: Raw, path: Path): Raw {
  if (raw === undefined || path.length === 0) return raw;
  return getPath(raw, path) ?? undefined;
}

import type { StoredValue } from "@catena/ir";
import type { CompiledValue } from "../values/compiled-value.ts";
import { encodePathPart, rawToText } from "../values/landing.ts";
import type { Scope } from "../values/scope.ts";
import type { ValueContext } from "../values/value-context.ts";
import { valueFault } from "../values/value-fault.ts";

/** RFC 3986 §3.3 without `{` and `}`: what a path may be written with. */
const PATH = /^\/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*$/;
/** Dot segments in every spelling a URL parser resolves (WHATWG URL, "double-dot path segment"). */
const DOTS = /^(?:\.|%2e){1,2}$/i;
const LONGEST_DOTS = "%2e%2e".length;

/**
 * Compiles `/users/{id}/orders` into a writer of the encoded path. A value stays within its segment
 * whatever it holds; a value that would make the segment empty, `.` or `..` is refused, because
 * those change which resource is called.
 */
export function compilePath(
  template: string,
  params: Readonly<Record<string, StoredValue>>,
  path: string,
  context: ValueContext,
): (scope: Scope) => string {
  const names = [...template.matchAll(/\{([^{}]*)\}/g)].map((match) => match[1] ?? "");
  const literal = template.replaceAll(/\{[^{}]*\}/g, "x");
  if (!PATH.test(literal) || literal.split("/").some((segment) => DOTS.test(segment)))
    context.issue(`${path}/path`, "CHAIN_PATH_INVALID", `"${template}" is not a path to call`);
  for (const name of names)
    if (!Object.hasOwn(params, name))
      context.issue(`${path}/params`, "CHAIN_PATH_INVALID", `"${name}" of the path has no value`);
  if (names.length === 0) return () => template;
  const pieces: Piece[] = [];
  for (const segment of template.slice(1).split("/")) {
    const before = pieces.at(-1);
    const piece = compileSegment(segment, params, path, context);
    const [slash, ...rest] = typeof piece === "string" ? [`/${piece}`] : ["/", piece];
    if (typeof before === "string") pieces[pieces.length - 1] = before + slash;
    else pieces.push(slash);
    pieces.push(...rest);
  }
  return (scope) => {
    let written = "";
    for (const piece of pieces) written += typeof piece === "string" ? piece : piece(scope);
    return written;
  };
}

/** What a path is made of: text as it is, segments with values in them, and so on. */
type Piece = string | ((scope: Scope) => string);

function compileSegment(
  segment: string,
  params: Readonly<Record<string, StoredValue>>,
  path: string,
  context: ValueContext,
): Piece {
  // A split with a group gives text and names alternately.
  const parts = segment.split(/\{([^{}]*)\}/);
  if (parts.length === 1) return segment;
  const named = parts.map((part, i) => {
    if (i % 2 === 0) return part;
    const at = `${path}/params/${context.segment(part)}`;
    return { name: part, value: context.compile(params[part] ?? null, at) };
  });
  const written = named.filter((part) => part !== "");
  return (scope) => {
    let text = "";
    for (const part of written) text += typeof part === "string" ? part : paramText(part, scope);
    if (text === "" || (text.length <= LONGEST_DOTS && DOTS.test(text)))
      throw valueFault("would call another path");
    return text;
  };
}

function paramText(
  { name, value }: { readonly name: string; readonly value: CompiledValue },
  scope: Scope,
): string {
  const text = rawToText(value.json(scope));
  if (text === undefined) throw valueFault(`has no value for "${name}"`);
  return encodePathPart(text);
}

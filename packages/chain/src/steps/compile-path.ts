import type { StoredValue } from "@catena/ir";
import { encodePathPart, rawToText } from "../values/landing.ts";
import type { Scope } from "../values/scope.ts";
import type { ValueContext } from "../values/value-context.ts";
import { valueFault } from "../values/value-fault.ts";

/** RFC 3986 §3.3 without `{` and `}`: what a path may be written with. */
const PATH = /^\/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*$/;
/** Dot segments in every spelling a URL parser resolves (WHATWG URL, "double-dot path segment"). */
const DOTS = /^(?:\.|%2e){1,2}$/i;

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
  const segments = template
    .slice(1)
    .split("/")
    .map((segment) => compileSegment(segment, params, path, context));
  return (scope) => {
    let written = "";
    for (const segment of segments) written += `/${segment(scope)}`;
    return written;
  };
}

function compileSegment(
  segment: string,
  params: Readonly<Record<string, StoredValue>>,
  path: string,
  context: ValueContext,
): (scope: Scope) => string {
  // A split with a group gives text and names alternately.
  const parts = segment.split(/\{([^{}]*)\}/);
  if (parts.length === 1) return () => segment;
  const values = parts.map((part, i) =>
    i % 2 === 1
      ? {
          name: part,
          value: context.compile(params[part] ?? null, `${path}/params/${context.segment(part)}`),
        }
      : null,
  );
  return (scope) => {
    let written = "";
    for (let i = 0; i < parts.length; i++) {
      const value = values[i] ?? null;
      if (value === null) {
        // The bound makes the element present.
        written += parts[i] as string;
        continue;
      }
      const text = rawToText(value.value.json(scope));
      if (text === undefined) throw valueFault(`has no value for "${value.name}"`);
      written += encodePathPart(text);
    }
    if (written === "" || DOTS.test(written)) throw valueFault("would call another path");
    return written;
  };
}

import type { StoredValue } from "@catena/ir";
import { encodeQueryPart, landingTexts } from "../values/landing.ts";
import type { Scope } from "../values/scope.ts";
import type { ValueContext } from "../values/value-context.ts";

/**
 * Compiles query members into a writer of `?a=1&b=2`. An array repeats its name; what is absent or
 * `null` is left out.
 */
export function compileQuery(
  query: Readonly<Record<string, StoredValue>>,
  path: string,
  context: ValueContext,
): (scope: Scope) => string {
  const members = Object.entries(query).map(([name, value]) => ({
    name: `${encodeQueryPart(name)}=`,
    value: context.compile(value, `${path}/query/${context.segment(name)}`),
  }));
  if (members.length === 0) return () => "";
  return (scope) => {
    let written = "";
    for (const { name, value } of members)
      for (const text of landingTexts(value.json(scope)))
        written += `${written === "" ? "?" : "&"}${name}${encodeQueryPart(text)}`;
    return written;
  };
}

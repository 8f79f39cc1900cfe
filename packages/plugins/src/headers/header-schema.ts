import { Type } from "@sinclair/typebox";
import type { HeaderScalar, HeaderValues } from "./header-templates.ts";

const scalars = [{ type: "string" }, { type: "number" }];

/** Header names to values: texts with variables, or numbers. */
export function headersSchema(description: string) {
  return Type.Unsafe<Readonly<Record<string, HeaderScalar>>>(objectOf(scalars, description));
}

/** As {@link headersSchema}; a value may also be a list, for several headers of one name. */
export function repeatableHeadersSchema(description: string) {
  const list = { type: "array", minItems: 1, items: { oneOf: scalars } };
  return Type.Unsafe<HeaderValues>(objectOf([...scalars, list], description));
}

function objectOf(oneOf: readonly object[], description: string) {
  return Type.Object(
    {},
    { minProperties: 1, patternProperties: { "^[^:]+$": { oneOf } }, description },
  );
}

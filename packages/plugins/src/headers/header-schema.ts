import { Type } from "@sinclair/typebox";
import type { HeaderValues } from "./header-templates.ts";

/** Header names to values: texts with variables, or numbers. */
export function headersSchema(description: string) {
  return Type.Unsafe<HeaderValues>(
    Type.Object(
      {},
      {
        minProperties: 1,
        patternProperties: { "^[^:]+$": { oneOf: [{ type: "string" }, { type: "number" }] } },
        description,
      },
    ),
  );
}

import { expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { schemaFields } from "./schema-fields.ts";

test("members are listed with type, default and meaning, objects and lists opened", () => {
  const schema = Type.Object({
    size: Type.Integer({ minimum: 1, maximum: 9, default: 3, description: "how large" }),
    mode: Type.Optional(Type.Union([Type.Literal("a"), Type.Literal("b")])),
    nodes: Type.Optional(Type.Array(Type.Object({ host: Type.String() }))),
    ratio: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
    names: Type.Optional(Type.Array(Type.String())),
  });
  expect(
    schemaFields(schema).map(({ path, type, isRequired, defaultText, description }) =>
      [path, type, isRequired, defaultText, description].join(" ; "),
    ),
  ).toEqual([
    "size ; integer 1..9 ; true ; 3 ; how large",
    'mode ; "a" | "b" ; false ;  ; ',
    "nodes ; object[] ; false ;  ; ",
    "nodes[].host ; string ; true ;  ; ",
    "ratio ; number > 0 ; false ;  ; ",
    "names ; string[] ; false ;  ; ",
  ]);
});

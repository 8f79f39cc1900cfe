import { expect, test } from "bun:test";
import type { TSchema } from "@sinclair/typebox";
import { environmentVariables, readEnvironment } from "./environment.ts";
import { defaults } from "./settings.ts";

/** The names of a value's members, those of groups of settings dotted. */
function leaves(value: object, prefix = ""): string[] {
  return Object.entries(value).flatMap(([name, member]) => {
    const path = prefix + name;
    const isGroup = typeof member === "object" && member !== null && !Array.isArray(member);
    return isGroup && path !== "resolver.hosts" ? leaves(member, `${path}.`) : [path];
  });
}

/** A text for a setting, and what it is read as. */
function sample(schema: TSchema): readonly [string, unknown] {
  const [branch = schema] = (schema["anyOf"] ?? [schema]).filter(
    ({ type }: TSchema) => type !== "null",
  );
  if (branch["const"] !== undefined) return [branch["const"], branch["const"]];
  if (branch["type"] === "boolean") return ["false", false];
  if (branch["type"] === "integer" || branch["type"] === "number") return ["7", 7];
  if (branch["type"] === "object") return ["A=1, b=2", { a: "1", b: "2" }];
  if (branch["type"] !== "array") return ["text", "text"];
  return branch["items"]["type"] === "object" ? ['[{"a":1}]', [{ a: 1 }]] : ["x, y", ["x", "y"]];
}

test("every setting has a variable", () => {
  const paths = environmentVariables.map(({ path }) => path.join("."));
  expect(paths.sort()).toEqual(leaves(defaults).sort());
});

test.each(environmentVariables.map((variable) => [variable.name, variable] as const))(
  "%s sets one setting and nothing else",
  (name, { path, schema }) => {
    const [text, expected] = sample(schema);
    const issues: never[] = [];
    const wanted = path.reduceRight<unknown>((value, member) => ({ [member]: value }), expected);
    expect(readEnvironment({ [name]: text }, issues)).toEqual(Object(wanted));
    expect(issues).toEqual([]);
    expect(readEnvironment({ [name]: "" }, issues)).toEqual({});
  },
);

test("variables of one group are put together", () => {
  const environment = { CATENA_LIMITS_STEPS: "3", CATENA_LIMITS_JSON_DEPTH: "9" };
  expect(readEnvironment(environment, [])).toEqual({ limits: { steps: 3, jsonDepth: 9 } });
});

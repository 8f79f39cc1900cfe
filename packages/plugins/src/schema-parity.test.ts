import { describe, expect, test } from "bun:test";
import type { JsonObject } from "@catena/schema";
import fixture from "../fixtures/apisix-plugin-schemas.json" with { type: "json" };
import { plugins } from "./registry.ts";

interface Published {
  readonly priority: number;
  readonly type?: string;
  readonly schema: JsonObject;
  readonly consumer_schema?: JsonObject;
  readonly metadata_schema?: JsonObject;
}

/** Ours alone: APISIX has it in no release. */
const unpublished = new Set(["proxy-chain"]);

const published = new Map<string, Published>(Object.entries(fixture));
const registered = plugins.registry.plugins.filter(({ name }) => !unpublished.has(name));

/** Without what decides nothing: texts, order of `required`, the type of what is a string anyway. */
function normalize(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(normalize);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).filter(
    ([name, member]) =>
      !(["description", "title"].includes(name) && typeof member === "string") &&
      !(["items", "properties"].includes(name) && isEmpty(member)) &&
      !(name === "type" && member === "string" && ("enum" in value || "anyOf" in value)) &&
      name !== "encrypt_fields",
  );
  return Object.fromEntries(
    members.map(([name, member]) => [
      name,
      name === "required" && Array.isArray(member)
        ? member.toSorted()
        : // Lua writes an empty list as an object.
          name === "default" && "type" in value && value.type === "array" && isEmpty(member)
          ? []
          : normalize(member),
    ]),
  );
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

/** The members that shared counters need; the policies that have them are refused. */
function withoutPolicies(schema: JsonObject): JsonObject {
  const { if: _if, then: _then, else: _else, ...rest } = schema;
  return rest;
}

describe.each(registered.map((plugin) => [plugin.name, plugin] as const))("%s", (name, ours) => {
  const theirs = published.get(name);

  test("has APISIX's priority and type", () => {
    expect<unknown>({ priority: ours.priority, type: ours.type }).toEqual({
      priority: theirs?.priority,
      type: theirs?.type,
    });
  });

  test("has APISIX's schema", () => {
    const schema: unknown = JSON.parse(JSON.stringify(ours.schema));
    expect(normalize(schema)).toEqual(normalize(withoutPolicies(theirs?.schema ?? {})));
  });

  test("has APISIX's schemas of consumers and metadata", () => {
    const { consumerSchema, metadataSchema } = ours;
    const schemas: unknown = JSON.parse(JSON.stringify({ consumerSchema, metadataSchema }));
    expect(normalize(schemas)).toEqual(
      normalize(
        JSON.parse(
          JSON.stringify({
            consumerSchema: theirs?.consumer_schema,
            metadataSchema: theirs?.metadata_schema,
          }),
        ),
      ),
    );
  });

  test("encrypts what APISIX encrypts on consumers", () => {
    const encrypted = ours.encryptFields?.consumer ?? [];
    expect<unknown>([...encrypted]).toEqual(theirs?.consumer_schema?.["encrypt_fields"] ?? []);
  });
});

import { describe, expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { createPluginRegistry, withMeta } from "./index.ts";

const schema = Type.Object({ a: Type.Optional(Type.String({ minLength: 3 })) });
const low = { name: "low", priority: 1, schema };
const high = {
  name: "high",
  priority: 2,
  schema,
  consumerSchema: Type.Object({ key: Type.String() }),
};

describe("createPluginRegistry", () => {
  const registry = createPluginRegistry([low, high]);

  test("lists plugins by priority and finds them by name", () => {
    expect(registry.plugins.map((plugin) => plugin.name)).toEqual(["high", "low"]);
    expect(registry.get("low")).toBe(low);
    expect(registry.get("__proto__")).toBeUndefined();
  });

  test("refuses a name twice", () => {
    expect(() => createPluginRegistry([low, low])).toThrow('plugin "low" is registered twice');
  });

  test("holds a consumer's configuration against the consumer schema where there is one", () => {
    expect(registry.checker("high", "consumer")?.accepts({ key: "k" })).toBe(true);
    expect(registry.checker("high", "consumer")?.accepts({})).toBe(false);
    expect(registry.checker("low", "consumer")?.accepts({ a: "xxx" })).toBe(true);
  });

  test("has no checker for unknown plugins and for metadata nobody describes", () => {
    expect(registry.checker("none", "plugin")).toBeNull();
    expect(registry.checker("low", "metadata")).toBeNull();
  });

  test("accepts _meta in every plugin and nothing unknown in it", () => {
    const checker = registry.checker("low", "plugin");
    expect(checker?.accepts({ _meta: { priority: 5, error_response: { message: "no" } } })).toBe(
      true,
    );
    expect(checker?.accepts({ _meta: { prio: 5 } })).toBe(false);
    expect(withMeta(Type.Object({}, { additionalProperties: false }))["properties"]).toHaveProperty(
      "_meta",
    );
  });

  test("lets a reference to a secret stand for a string", () => {
    const checker = registry.checker("low", "plugin");
    expect(checker?.accepts({ a: "x" })).toBe(false);
    expect(checker?.accepts({ a: "$ENV://A" })).toBe(true);
  });
});

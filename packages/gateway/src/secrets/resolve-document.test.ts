import { describe, expect, test } from "bun:test";
import type { JsonObject, Kind } from "@catena/schema";
import { findReferences, isResolved, resolveDocument } from "./resolve-document.ts";

const secrets: Readonly<Record<string, string>> = { "$env://A": "a", "$secret://vault/1/x/b": "b" };
const read = (text: string) => secrets[text] ?? null;

describe("references are followed", () => {
  test.each<readonly [string, Kind, JsonObject, JsonObject]>([
    [
      "anywhere in a plugin's configuration",
      "routes",
      { plugins: { p: { deep: [{ x: "$env://A" }], other: 1, y: "$secret://vault/1/x/b" } } },
      { plugins: { p: { deep: [{ x: "a" }], other: 1, y: "b" } } },
    ],
    [
      "in certificates and keys",
      "ssls",
      { snis: ["$env://A"], cert: "$env://A", keys: ["k", "$env://A"], client: { ca: "$env://A" } },
      { snis: ["$env://A"], cert: "a", keys: ["k", "a"], client: { ca: "a" } },
    ],
    [
      "in what an upstream is shown",
      "services",
      { name: "$env://A", upstream: { key: "$env://A", tls: { client_key: "$env://A" } } },
      { name: "$env://A", upstream: { key: "$env://A", tls: { client_key: "a" } } },
    ],
    [
      "in members of any name",
      "routes",
      { plugins: { p: JSON.parse('{"__proto__":"$env://A"}') } },
      { plugins: { p: JSON.parse('{"__proto__":"a"}') } },
    ],
    ["but not in metadata", "plugin_metadata", { key: "$env://A" }, { key: "$env://A" }],
    [
      "but not as a part of a text",
      "routes",
      { plugins: { p: { x: "Bearer $env://A" } } },
      { plugins: { p: { x: "Bearer $env://A" } } },
    ],
    [
      "unless there is no such secret",
      "routes",
      { plugins: { p: { x: "$env://NONE", y: "$env://A" } } },
      { plugins: { p: { x: "$env://NONE", y: "a" } } },
    ],
  ])("%s", (_, kind, document, expected) => {
    const before = JSON.stringify(document);
    const after = resolveDocument(kind, document, read);
    expect(JSON.stringify(after)).toBe(JSON.stringify(expected));
    expect(JSON.stringify(document)).toBe(before);
  });
});

test("what holds no reference is the same object, and so are parts without one", () => {
  const plain = { plugins: { p: { x: 1 } } };
  expect(resolveDocument("routes", plain, read)).toBe(plain);
  const mixed = { plugins: { p: { x: 1 }, q: { y: "$env://A" } } };
  const after = resolveDocument("routes", mixed, read);
  expect(Object(after["plugins"]).p).toBe(mixed.plugins.p);
  expect([isResolved(mixed.plugins.q), isResolved(Object(after["plugins"]).p)]).toEqual([
    false,
    false,
  ]);
  expect(isResolved(Object(after["plugins"]).q)).toBe(true);
});

test("references are found once each, where they are followed", () => {
  const document = {
    desc: "$env://NOT_HERE",
    plugins: { p: ["$env://A", { x: "$ENV://B" }], q: "$env://A" },
    upstream: { tls: { client_cert: "$secret://aws/1/x" } },
  };
  expect([...findReferences("routes", document)]).toEqual([
    "$env://A",
    "$ENV://B",
    "$secret://aws/1/x",
  ]);
  expect(findReferences("plugin_metadata", document).size).toBe(0);
});

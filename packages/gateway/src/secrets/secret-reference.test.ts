import { describe, expect, test } from "bun:test";
import { readEnvironmentSecret } from "./environment-secret.ts";
import { parseReference } from "./secret-reference.ts";

describe("parseReference", () => {
  test.each([
    ["$env://NAME", { source: "environment", name: "NAME", member: null }],
    ["$ENV://NAME/", { source: "environment", name: "NAME", member: null }],
    ["$Env://NAME/a/b", { source: "environment", name: "NAME", member: "a/b" }],
    [
      "$secret://vault/1/jack/key",
      { source: "manager", manager: "vault", id: "vault/1", path: "jack/key" },
    ],
    [
      "$secret://aws/main/john/secret/key",
      { source: "manager", manager: "aws", id: "aws/main", path: "john/secret/key" },
    ],
    ["$secret://consul/1/a/b", { source: "none", reason: 'there is no secret manager "consul"' }],
    ["$secret://vault/1", { source: "none", reason: "expected $secret://vault/ID/PATH" }],
    ["$secret://vault/1/", { source: "none", reason: "expected $secret://vault/ID/PATH" }],
    ["$secret://vault//key", { source: "none", reason: "expected $secret://vault/ID/PATH" }],
    ["$SECRET://vault/1/a/b", { source: "none", reason: "it is no reference" }],
    ["plain", { source: "none", reason: "it is no reference" }],
  ])("%s", (text, expected) => {
    expect<object>(parseReference(text)).toEqual(expected);
  });
});

describe("readEnvironmentSecret", () => {
  const environment = {
    PLAIN: "text",
    EMPTY: "",
    JSON: '{"text":"a","number":7,"flag":true,"object":{},"nothing":null}',
    LIST: '["a"]',
    CATENA_ADMIN_KEY: "own",
    catena_store: "own",
  };
  test.each([
    ["PLAIN", null, { kind: "found", value: "text" }],
    ["EMPTY", null, { kind: "found", value: "" }],
    ["JSON", "text", { kind: "found", value: "a" }],
    ["JSON", "number", { kind: "found", value: "7" }],
    ["JSON", "flag", { kind: "found", value: "true" }],
    ["JSON", "object", { kind: "missing", reason: '"object" of the variable is no text' }],
    ["JSON", "nothing", { kind: "missing", reason: '"nothing" of the variable is no text' }],
    ["JSON", "other", { kind: "missing", reason: 'the variable has no "other"' }],
    ["JSON", "toString", { kind: "missing", reason: 'the variable has no "toString"' }],
    ["PLAIN", "a", { kind: "missing", reason: "the variable does not hold JSON" }],
    ["LIST", "length", { kind: "missing", reason: '"length" of the variable is no text' }],
    ["NOBODY", null, { kind: "missing", reason: "the variable is not set" }],
  ])("%s %p", (name, member, expected) => {
    expect<object>(readEnvironmentSecret(environment, name, member)).toEqual(expected);
  });

  test.each(["CATENA_ADMIN_KEY", "catena_store"])("%s is the gateway's own", (name) => {
    expect(readEnvironmentSecret(environment, name, null)).toMatchObject({ kind: "missing" });
  });
});

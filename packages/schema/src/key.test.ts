import { describe, expect, test } from "bun:test";
import { formatKey, kindPrefix, type ParsedKey, parseKey, splitCredentialId } from "./index.ts";

const resources: [key: string, kind: string, id: string][] = [
  ["/apisix/routes/1", "routes", "1"],
  ["/apisix/plugin_metadata/http-logger", "plugin_metadata", "http-logger"],
  ["/apisix/consumers/jack", "consumers", "jack"],
  ["/apisix/consumers/jack/credentials/c1", "credentials", "jack/credentials/c1"],
  ["/apisix/secrets/vault/1", "secrets", "vault/1"],
];

describe("parseKey", () => {
  test.each(resources)("%s", (key, kind, id) => {
    const parsed = parseKey(key);
    expect<unknown>(parsed).toEqual({ type: "resource", kind, id });
    if (parsed.type === "resource") expect(formatKey(parsed)).toBe(key);
  });

  const others: [key: string, parsed: ParsedKey][] = [
    ["/apisix/routes/", { type: "placeholder", kind: "routes" }],
    ["/apisix/secrets/", { type: "placeholder", kind: "secrets" }],
    ["/apisix/routes", { type: "other" }],
    ["/apisix/plugins", { type: "other" }],
    ["/apisix/gen_id", { type: "other" }],
    ["/apisix/routes/1/2", { type: "other" }],
    ["/apisix/consumers/jack/credentials/", { type: "other" }],
    ["/apisix/consumers/jack/other/1", { type: "other" }],
    ["/apisix/credentials/1", { type: "other" }],
    ["/apisix/secrets/vault", { type: "other" }],
    ["/apisix/services/s/graphql_cost_decorations/1", { type: "other" }],
    ["/apisix/__proto__/1", { type: "other" }],
    ["/apisixx/routes/1", { type: "other" }],
    ["", { type: "other" }],
  ];
  test.each(others)("%s", (key, parsed) => expect(parseKey(key)).toEqual(parsed));

  test("takes another prefix", () => {
    expect(parseKey("/a/b/routes/1", "/a/b")).toEqual({
      type: "resource",
      kind: "routes",
      id: "1",
    });
    expect(parseKey("/apisix/routes/1", "/a/b")).toEqual({ type: "other" });
    expect(formatKey({ kind: "routes", id: "1" }, "/a/b")).toBe("/a/b/routes/1");
    expect(kindPrefix("credentials", "/a")).toBe("/a/consumers/");
  });
});

test.each([
  ["jack/credentials/c1", { username: "jack", credential: "c1" }],
  ["jack", null],
  ["jack/credentials/c1/x", null],
  ["jack/other/c1", null],
])("splitCredentialId %s", (id, names) => expect(splitCredentialId(id)).toEqual(names));

import { beforeEach, expect, test } from "bun:test";
import { createPluginRegistry } from "@catena/schema";
import { Type } from "@sinclair/typebox";
import { ConsumerIndex } from "./consumer-index.ts";

const registry = createPluginRegistry([
  { name: "key-auth", priority: 1, type: "auth", schema: Type.Object({}), uniqueField: "key" },
  { name: "cors", priority: 2, schema: Type.Object({}) },
]);

let index: ConsumerIndex;

beforeEach(() => {
  index = new ConsumerIndex(registry);
});

const jack = {
  username: "jack",
  group_id: 7,
  labels: { custom_id: "c-1" },
  plugins: { "key-auth": { key: "one" }, cors: { key: "two" } },
};

test("finds a consumer by the unique field of an auth plugin", () => {
  index.setConsumer("jack", jack);
  expect(index.find("key-auth", "one")).toEqual({
    consumer: {
      name: "jack",
      groupId: "7",
      credentialId: "",
      customId: "c-1",
      labels: { custom_id: "c-1" },
    },
    conf: { key: "one" },
  });
  expect(index.find("key-auth", "two")).toBeNull();
  expect(index.find("cors", "two")).toBeNull();
  expect(index.find("jwt-auth", "one")).toBeNull();
});

test("finds a consumer by its credential, whichever of the two came first", () => {
  index.setCredential("jack/credentials/c1", { plugins: { "key-auth": { key: "three" } } });
  expect(index.find("key-auth", "three")).toBeNull();
  index.setConsumer("jack", jack);
  expect(index.find("key-auth", "three")?.consumer.credentialId).toBe("c1");
  expect(index.find("key-auth", "three")?.consumer.name).toBe("jack");
  index.setConsumer("jack", { username: "jack" });
  expect(index.find("key-auth", "three")?.consumer.groupId).toBe("");
  index.setConsumer("jack", undefined);
  expect(index.find("key-auth", "three")).toBeNull();
});

test("a changed or removed key is no longer found", () => {
  index.setConsumer("jack", jack);
  index.setConsumer("jack", { ...jack, plugins: { "key-auth": { key: "new" } } });
  expect(index.find("key-auth", "one")).toBeNull();
  expect(index.find("key-auth", "new")?.consumer.name).toBe("jack");
  index.setCredential("jack/credentials/c1", { plugins: { "key-auth": { key: "three" } } });
  index.setCredential("jack/credentials/c1", undefined);
  expect(index.find("key-auth", "three")).toBeNull();
});

test("of two holders of one key the last counts, until it is gone", () => {
  index.setConsumer("jack", jack);
  index.setConsumer("jill", { username: "jill", plugins: { "key-auth": { key: "one" } } });
  expect(index.find("key-auth", "one")?.consumer.name).toBe("jill");
  index.setConsumer("jill", undefined);
  expect(index.find("key-auth", "one")?.consumer.name).toBe("jack");
});

test("the name of a secret identifies nobody", () => {
  for (const key of ["$env://KEY", "$ENV://KEY", "$secret://vault/1/jack/key"]) {
    index.setConsumer("jack", { username: "jack", plugins: { "key-auth": { key } } });
    expect(index.find("key-auth", key)).toBeNull();
  }
});

test("names that objects inherit are no keys", () => {
  index.setConsumer("jack", jack);
  expect(index.find("key-auth", "constructor")).toBeNull();
  expect(index.find("__proto__", "one")).toBeNull();
});

test("gets a consumer by name, without a credential", () => {
  index.setConsumer("jack", jack);
  expect(index.get("jack")?.credentialId).toBe("");
  expect(index.get("jack")).toBe(index.get("jack"));
  expect(index.get("nobody")).toBeNull();
});

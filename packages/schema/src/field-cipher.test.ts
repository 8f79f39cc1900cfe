import { describe, expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { createFieldCipher, createPluginRegistry, type JsonObject, type Kind } from "./index.ts";

const registry = createPluginRegistry([
  {
    name: "key-auth",
    priority: 2500,
    schema: Type.Object({}),
    encryptFields: { consumer: ["key"] },
  },
  {
    name: "csrf",
    priority: 2980,
    schema: Type.Object({}),
    encryptFields: { plugin: ["key"], metadata: ["deep.secret"] },
  },
  {
    name: "kafka-logger",
    priority: 403,
    schema: Type.Object({}),
    encryptFields: { plugin: ["brokers.sasl_config.password", "headers"] },
  },
]);
const apisixKeys = ["qeddd145sfvddff3", "edd1c9f0985e76a2"];
const cipher = createFieldCipher(apisixKeys, registry);
const pem = "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----";

/** Stored forms under APISIX's default keyring, from its own tests (t/plugin/*-auth*.t). */
const vectors: readonly (readonly [string, string])[] = [
  ["the-password", "WvF5kpaLvIzjuk4GNIMTJg=="],
  ["the-key", "JCX7x1qN5e9kHt0GuJfWpw=="],
  ["new-key", "523EisB/dvqlIT9RzfF3ZQ=="],
];

test.each(vectors)("%s is stored as APISIX stores it", (plain, stored) => {
  const document = { username: "jack", plugins: { "key-auth": { key: plain } } };
  const encrypted = cipher.encrypt("consumers", document);
  expect(encrypted).toEqual({ username: "jack", plugins: { "key-auth": { key: stored } } });
  expect(cipher.decryptPlugins("consumers", encrypted)).toEqual(document);
});

const secret = "523EisB/dvqlIT9RzfF3ZQ==";

describe("fields", () => {
  const cases: readonly (readonly [string, Kind, JsonObject, JsonObject])[] = [
    [
      "a route has no consumer fields",
      "routes",
      plugins("key-auth", { key: "new-key" }),
      plugins("key-auth", { key: "new-key" }),
    ],
    [
      "a route has plugin fields",
      "routes",
      plugins("csrf", { key: "new-key" }),
      plugins("csrf", { key: secret }),
    ],
    [
      "metadata is the document itself",
      "plugin_metadata",
      { id: "csrf", deep: { secret: "new-key" } },
      { id: "csrf", deep: { secret } },
    ],
    [
      "lists and maps on the way are gone through",
      "routes",
      plugins("kafka-logger", {
        brokers: [{ sasl_config: { password: "new-key" } }, { host: "a" }],
        headers: { Authorization: "new-key", n: 1 },
      }),
      plugins("kafka-logger", {
        brokers: [{ sasl_config: { password: secret } }, { host: "a" }],
        headers: { Authorization: secret, n: 1 },
      }),
    ],
    ["what is not there stays away", "routes", plugins("csrf", {}), plugins("csrf", {})],
    [
      "a plugin that is not known stays",
      "routes",
      plugins("nope", { key: "a" }),
      plugins("nope", { key: "a" }),
    ],
    [
      "a private key that is a reference stays",
      "ssls",
      { key: "$secret://vault/1/k" },
      { key: "$secret://vault/1/k" },
    ],
    ["a document without plugins stays", "routes", { uri: "/" }, { uri: "/" }],
  ];
  test.each(cases)("%s", (_, kind, document, stored) => {
    expect(cipher.encrypt(kind, document)).toEqual(stored);
    expect(cipher.decryptAll(kind, stored)).toEqual(document);
  });
});

describe("private keys", () => {
  test("of certificates and upstreams are encrypted, and decrypted for the gateway alone", () => {
    const documents: readonly (readonly [Kind, JsonObject])[] = [
      ["ssls", { key: pem, keys: [pem] }],
      ["upstreams", { tls: { client_key: pem } }],
      ["routes", { upstream: { tls: { client_key: pem } } }],
    ];
    for (const [kind, document] of documents) {
      const stored = cipher.encrypt(kind, document);
      expect(JSON.stringify(stored)).not.toContain("BEGIN");
      expect(cipher.decryptPlugins(kind, stored)).toEqual(stored);
      expect(cipher.decryptAll(kind, stored)).toEqual(document);
      expect(cipher.encrypt(kind, stored)).toEqual(stored);
    }
  });
});

test("every key of the ring decrypts, the first one encrypts", () => {
  const old = createFieldCipher(["edd1c9f0985e76a2"], registry);
  const long = createFieldCipher(["0123456789abcdef0123456789abcdef", ...apisixKeys], registry);
  const document = plugins("csrf", { key: "a secret" });
  const stored = old.encrypt("routes", document);
  expect(cipher.decryptPlugins("routes", stored)).toEqual(document);
  expect(long.decryptPlugins("routes", stored)).toEqual(document);
  expect(long.encrypt("routes", document)).not.toEqual(stored);
  expect(long.decryptPlugins("routes", long.encrypt("routes", document))).toEqual(document);
});

test("what cannot be decrypted stays as it is", () => {
  for (const key of ["plain", "", "AAAA", "AAAAAAAAAAAAAAAAAAAAAA==", "not base64 !!!!!!!!!!!!!"]) {
    const document = plugins("csrf", { key });
    expect(cipher.decryptPlugins("routes", document)).toEqual(document);
  }
});

test("without keys every document is left alone", () => {
  const none = createFieldCipher([], registry);
  const document = plugins("csrf", { key: "a" });
  expect(none.encrypt("routes", document)).toBe(document);
  expect(none.decryptAll("routes", document)).toBe(document);
});

test("a key of another length is refused without being shown", () => {
  expect(() => createFieldCipher(["tooshort"], registry)).toThrow(
    "a key of the keyring has 8 bytes",
  );
});

function plugins(name: string, conf: JsonObject): JsonObject {
  return { plugins: { [name]: conf } };
}

describe("what no key of the keyring decrypts", () => {
  const other = createFieldCipher(["0123456789abcdef"], registry);
  const none = createFieldCipher([], registry);
  const hex = "0123456789abcdef".repeat(4);
  const sealed = cipher.encrypt("ssls", { key: pem })["key"];

  test.each<readonly [string, Kind, JsonObject, number, number]>([
    ["a field of a plugin", "routes", plugins("csrf", { key: secret }), 1, 0],
    ["a list of them", "routes", plugins("kafka-logger", { headers: { a: secret, b: "x" } }), 1, 0],
    ["a text", "routes", plugins("csrf", { key: "the-key" }), 0, 0],
    ["a key in hexadecimal digits", "routes", plugins("csrf", { key: hex }), 0, 0],
    ["a private key", "ssls", { key: sealed, keys: [pem, sealed] }, 2, 2],
    ["a private key kept elsewhere", "ssls", { key: "$secret://vault/1/ssl/key" }, 0, 0],
    ["an upstream's key", "upstreams", { tls: { client_key: sealed } }, 1, 1],
  ])("%s is counted", (_, kind, document, withOther, withNone) => {
    expect(other.countSealed(kind, other.decryptAll(kind, document))).toBe(withOther);
    expect(none.countSealed(kind, none.decryptAll(kind, document))).toBe(withNone);
    expect(cipher.countSealed(kind, cipher.decryptAll(kind, document))).toBe(0);
  });

  test("a padding that is right by chance gives no garbage", () => {
    const keys = Array.from({ length: 2000 }, (_, n) => String(n).padStart(16, "0"));
    const many = createFieldCipher(keys, registry);
    expect(many.decryptAll("routes", plugins("csrf", { key: secret }))).toEqual(
      plugins("csrf", { key: secret }),
    );
  });
});

import { expect, test } from "bun:test";
import type { JsonObject, Kind } from "@catena/schema";
import { secretPaths } from "./secret-paths.ts";

const pem = "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----";

test.each<readonly [what: string, kind: Kind, value: JsonObject, paths: readonly string[]]>([
  ["nothing", "routes", { uri: "/", plugins: { cors: {}, echo: { body: "token" } } }, []],
  [
    "what plugins keep encrypted",
    "consumers",
    { plugins: { "key-auth": { key: "k" }, "basic-auth": { username: "u", password: "p" } } },
    ["/plugins/basic-auth/password", "/plugins/key-auth/key"],
  ],
  [
    "a private key",
    "upstreams",
    { tls: { client_cert: "c", client_key: pem } },
    ["/tls/client_key"],
  ],
  [
    "one that another keyring encrypted",
    "upstreams",
    { tls: { client_key: "AAAA" } },
    ["/tls/client_key"],
  ],
  [
    "one of a route's own upstream",
    "routes",
    { upstream: { tls: { client_key: "A" } } },
    ["/upstream/tls/client_key"],
  ],
  [
    "those of a certificate",
    "ssls",
    { cert: "c", key: pem, keys: [pem, "A"] },
    ["/key", "/keys/0", "/keys/1"],
  ],
  ["a token for Vault", "secrets", { uri: "u", prefix: "p", token: "t" }, ["/token"]],
  [
    "keys for AWS",
    "secrets",
    { access_key_id: "a", secret_access_key: "s", session_token: "t" },
    ["/secret_access_key", "/session_token"],
  ],
  [
    "a key for Google",
    "secrets",
    { auth_config: { client_email: "e", private_key: pem, project_id: "p" } },
    ["/auth_config/private_key"],
  ],
  [
    "what is called so in plugins of others",
    "routes",
    {
      plugins: {
        "openid-connect": { client_id: "i", client_secret: "s", session: { secret: "x" } },
        "kafka-proxy": { sasl: { username: "u", password: "p" }, keys: ["a"], api_keys: ["b"] },
      },
    },
    [
      "/plugins/kafka-proxy/api_keys/0",
      "/plugins/kafka-proxy/sasl/password",
      "/plugins/openid-connect/client_secret",
      "/plugins/openid-connect/session/secret",
    ],
  ],
])("finds %s", (_what, kind, value, paths) => {
  expect([...secretPaths(kind, value)].toSorted()).toEqual([...paths]);
});

import { expect, test } from "bun:test";
import type { Kind } from "@catena/schema";
import { hideSecrets } from "./hide-secrets.ts";

const pem = "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----";
const secret = "(secret)";

const cases: readonly [says: string, kind: Kind, document: unknown, shown: unknown][] = [
  ["a document without secrets", "routes", { uri: "/", plugins: { cors: {} } }, "itself"],
  [
    "the key that an upstream is shown",
    "upstreams",
    { nodes: {}, tls: { client_cert: "c", client_key: pem } },
    { nodes: {}, tls: { client_cert: "c", client_key: secret } },
  ],
  [
    "that of a route's own upstream",
    "routes",
    { uri: "/", upstream: { tls: { client_key: pem } } },
    { uri: "/", upstream: { tls: { client_key: secret } } },
  ],
  [
    "what a plugin keeps encrypted",
    "consumers",
    { username: "jack", plugins: { "key-auth": { key: "k" }, echo: { body: "b" } } },
    { username: "jack", plugins: { "key-auth": { key: secret }, echo: { body: "b" } } },
  ],
  [
    "a reference, which is shown",
    "consumers",
    { username: "jack", plugins: { "key-auth": { key: "$env://KEY" } } },
    "itself",
  ],
  [
    "private keys of a certificate",
    "ssls",
    { key: pem, keys: [pem] },
    { key: secret, keys: [secret] },
  ],
];

test.each(cases)("%s", (_says, kind, document, shown) => {
  expect(hideSecrets(kind, "1", document)).toEqual(shown === "itself" ? document : shown);
});

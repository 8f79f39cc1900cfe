import { type Static, Type } from "@sinclair/typebox";
import { timestampSchema } from "./shared-fields.ts";

/** The stored id holds the manager too: `vault/1`. */
const book = {
  id: Type.Optional(Type.Union([Type.String({ minLength: 1 }), Type.Integer({ minimum: 1 })])),
  create_time: Type.Optional(timestampSchema),
  update_time: Type.Optional(timestampSchema),
};

/** HashiCorp Vault, KV version 1 (apisix/secret/vault.lua). */
const vaultSecretSchema = Type.Object({
  ...book,
  uri: Type.String({ minLength: 1 }),
  token: Type.String(),
  prefix: Type.String(),
  namespace: Type.Optional(Type.String()),
});

/** AWS Secrets Manager (apisix/secret/aws.lua). */
const awsSecretSchema = Type.Object({
  ...book,
  access_key_id: Type.String(),
  secret_access_key: Type.String(),
  session_token: Type.Optional(Type.String()),
  region: Type.Optional(Type.String({ default: "us-east-1" })),
  endpoint_url: Type.Optional(Type.String({ minLength: 1 })),
});

/** Google Secret Manager (apisix/secret/gcp.lua). */
const gcpSecretSchema = Type.Object(
  {
    ...book,
    auth_config: Type.Optional(
      Type.Object({
        client_email: Type.String({ minLength: 1 }),
        private_key: Type.String({ minLength: 1 }),
        project_id: Type.String({ minLength: 1 }),
        token_uri: Type.Optional(Type.String()),
        scope: Type.Optional(Type.Array(Type.String())),
        entries_uri: Type.Optional(Type.String()),
      }),
    ),
    auth_file: Type.Optional(Type.String()),
    ssl_verify: Type.Optional(Type.Boolean({ default: true })),
  },
  { oneOf: [{ required: ["auth_config"] }, { required: ["auth_file"] }] },
);

/** Schema by manager, the first segment of a secret's id. */
export const secretSchemas = {
  aws: awsSecretSchema,
  gcp: gcpSecretSchema,
  vault: vaultSecretSchema,
};

export type SecretManager = keyof typeof secretSchemas;

export function isSecretManager(name: string): name is SecretManager {
  return Object.hasOwn(secretSchemas, name);
}

/** Which of the three a document is follows from its id; see `secretSchemas`. */
export const secretSchema = Type.Union([vaultSecretSchema, awsSecretSchema, gcpSecretSchema]);

export type Secret = Static<typeof secretSchema>;

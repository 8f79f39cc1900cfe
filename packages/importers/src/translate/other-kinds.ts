import type { JsonObject } from "@catena/schema";
import type { Static } from "@sinclair/typebox";
import type { CheckedManifest } from "../cluster.ts";
import type {
  apisixConsumerSchema,
  apisixGlobalRuleSchema,
  apisixTlsSchema,
} from "../crd/other-kinds.ts";
import { objectId } from "../object-id.ts";
import type { Manifest } from "../read-manifests.ts";
import { missingSecret, translatePlugins } from "./plugins.ts";
import { type ImportedResource, labelsOf, type Translation } from "./translation.ts";
import { certificateOf, incompleteSecret } from "./upstream.ts";

/** In the order in which the controller looks; only the first that is there counts. */
const credentialPlugins = {
  keyAuth: "key-auth",
  basicAuth: "basic-auth",
  jwtAuth: "jwt-auth",
  wolfRBAC: "wolf-rbac",
  hmacAuth: "hmac-auth",
  ldapAuth: "ldap-auth",
} as const;

type ConsumerSpec = Static<typeof apisixConsumerSchema>["spec"];
type CredentialKind = keyof typeof credentialPlugins;

/** Members of a Secret that a plugin takes as a number or a truth value. */
const numbers = new Set(["exp", "lifetime_grace_period"]);
const truths = new Set(["base64_secret"]);

/** Turns an ApisixConsumer into a consumer; an enabled plugin of the same name wins. */
export function translateConsumer(
  { manifest, value }: CheckedManifest<{ readonly spec: ConsumerSpec }>,
  translation: Translation,
): ImportedResource[] {
  const { authParameter = {}, plugins = [] } = value.spec;
  const username = `${manifest.namespace}_${manifest.name}`;
  // The table above has exactly the schema's ways.
  const kinds = Object.keys(credentialPlugins) as CredentialKind[];
  const kind = kinds.find((name) => authParameter[name] !== undefined);
  const consumer = {
    username,
    labels: labelsOf(manifest),
    plugins: {
      ...(kind === undefined ? {} : credential(kind, authParameter, manifest, translation)),
      ...translatePlugins(plugins, manifest, "/spec/plugins", translation),
    },
  };
  return [{ kind: "consumers", id: username, value: consumer }];
}

function credential(
  kind: CredentialKind,
  authParameter: NonNullable<ConsumerSpec["authParameter"]>,
  manifest: Manifest,
  { cluster, report }: Translation,
): JsonObject {
  const { value, secretRef } = authParameter[kind] ?? {};
  const plugin = credentialPlugins[kind];
  if (value !== undefined) return { [plugin]: value };
  if (secretRef === undefined) {
    report(
      manifest.issue({
        path: `/spec/authParameter/${kind}`,
        code: "MANIFEST_VALUE",
        message: `${kind} says nothing`,
        expected: "value or secretRef",
      }),
    );
    return {};
  }
  const secret = cluster.secret(manifest.namespace, secretRef.name);
  if (secret === null) {
    const path = `/spec/authParameter/${kind}/secretRef`;
    report(manifest.issue(missingSecret(path, manifest.namespace, secretRef.name)));
    return {};
  }
  return { [plugin]: Object.fromEntries([...secret].map(secretMember)) };
}

function secretMember([key, text]: readonly [string, string]): [string, unknown] {
  if (numbers.has(key) && Number.isFinite(Number(text))) return [key, Number(text)];
  if (truths.has(key)) return [key, text === "true"];
  // The older name of the same member.
  return [key === "access_key" ? "key_id" : key, text];
}

/** Turns an ApisixGlobalRule into a global rule per plugin, with the plugin's name as its id. */
export function translateGlobalRule(
  { manifest, value }: CheckedManifest<Static<typeof apisixGlobalRuleSchema>>,
  translation: Translation,
): ImportedResource[] {
  const plugins = translatePlugins(
    value.spec.plugins ?? [],
    manifest,
    "/spec/plugins",
    translation,
  );
  return Object.entries(plugins).map(([name, conf]) => ({
    kind: "global_rules",
    id: name,
    value: { plugins: { [name]: conf } },
  }));
}

type TlsManifest = CheckedManifest<Static<typeof apisixTlsSchema>>;

/** Turns an ApisixTls into a certificate; without its Secret there is none. */
export function translateTls({ manifest, value }: TlsManifest, translation: Translation) {
  const { hosts, secret, client } = value.spec;
  const pair = certificateAt(secret, manifest, "/spec/secret", translation);
  if (pair === null) return [];
  const resource: ImportedResource = {
    kind: "ssls",
    id: objectId(`ApisixTls_${manifest.namespace}_${manifest.name}`),
    value: {
      labels: labelsOf(manifest),
      snis: hosts,
      ...pair,
      ...(client?.caSecret === undefined
        ? {}
        : { client: clientVerification(client, client.caSecret, manifest, translation) }),
      status: 1,
    },
  };
  return [resource];
}

interface SecretRef {
  readonly name: string;
  readonly namespace?: string;
}

function certificateAt(
  { name, namespace }: SecretRef,
  manifest: Manifest,
  path: string,
  { cluster, report }: Translation,
) {
  const home = namespace ?? manifest.namespace;
  const secret = cluster.secret(home, name);
  const pair = secret === null ? null : certificateOf(secret);
  if (secret === null) report(manifest.issue(missingSecret(path, home, name)));
  else if (pair === null) report(manifest.issue(incompleteSecret(path, home, name)));
  return pair;
}

function clientVerification(
  client: NonNullable<TlsManifest["value"]["spec"]["client"]>,
  { name, namespace }: SecretRef,
  manifest: Manifest,
  { cluster, report }: Translation,
): JsonObject {
  const home = namespace ?? manifest.namespace;
  const ca = cluster.secret(home, name)?.get("ca.crt");
  if (ca === undefined) {
    report(
      manifest.issue({
        path: "/spec/client/caSecret",
        code: "MANIFEST_REFERENCE",
        message: `no Secret "${home}/${name}" with ca.crt is among the manifests`,
        hint: "add it to the file",
      }),
    );
  }
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(client.depth === undefined ? {} : { depth: client.depth }),
    ...(client.skip_mtls_uri_regex === undefined
      ? {}
      : { skip_mtls_uri_regex: client.skip_mtls_uri_regex }),
  };
}

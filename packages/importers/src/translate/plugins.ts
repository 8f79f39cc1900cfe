import type { JsonObject, PluginConfs } from "@catena/schema";
import { isJsonObject } from "@catena/schema";
import type { RouteAuthentication } from "../crd/apisix-route.ts";
import type { CrdPlugin } from "../crd/shared-fields.ts";
import type { Manifest } from "../read-manifests.ts";
import type { Translation } from "./translation.ts";

/**
 * Turns a list of plugins into the map resources have; a plugin with `enable: false` is left out, and
 * of two with the same name the later one counts. A Secret's members are put into the configuration,
 * where a dot in their name leads into an object.
 *
 * @param path where the list stands in the manifest
 */
export function translatePlugins(
  plugins: readonly CrdPlugin[],
  manifest: Manifest,
  path: string,
  { cluster, report }: Translation,
): PluginConfs {
  const confs: PluginConfs = {};
  for (const [index, { name, enable = true, config = {}, secretRef }] of plugins.entries()) {
    if (!enable) continue;
    let conf: JsonObject = config;
    if (secretRef !== undefined) {
      const secret = cluster.secret(manifest.namespace, secretRef);
      if (secret === null) {
        report(
          manifest.issue(
            missingSecret(`${path}/${index}/secretRef`, manifest.namespace, secretRef),
          ),
        );
        continue;
      }
      for (const [key, value] of secret) conf = withMember(conf, key.split("."), value);
    }
    confs[name] = { ...conf };
  }
  return confs;
}

export function missingSecret(path: string, namespace: string, name: string) {
  return {
    path,
    code: "MANIFEST_REFERENCE",
    message: `the Secret "${namespace}/${name}" is not among the manifests`,
    hint: "add it to the file",
  };
}

function withMember(object: JsonObject, path: readonly string[], value: string): JsonObject {
  const [key = "", ...rest] = path;
  if (rest.length === 0) return { ...object, [key]: value };
  const inner = Object.hasOwn(object, key) ? object[key] : {};
  return { ...object, [key]: withMember(isJsonObject(inner) ? inner : {}, rest, value) };
}

/** The plugin that a rule's `authentication` stands for; none when it is not enabled. */
export function translateAuthentication(
  authentication: RouteAuthentication | undefined,
): PluginConfs {
  if (authentication?.enable !== true) return {};
  const { type = "basicAuth" } = authentication;
  switch (type) {
    case "keyAuth":
      return { "key-auth": { ...authentication.keyAuth } };
    case "jwtAuth":
      return { "jwt-auth": { ...authentication.jwtAuth } };
    case "ldapAuth":
      return { "ldap-auth": { ...authentication.ldapAuth } };
    case "hmacAuth":
      return { "hmac-auth": {} };
    case "wolfRBAC":
      return { "wolf-rbac": {} };
    case "basicAuth":
      return { "basic-auth": {} };
  }
}

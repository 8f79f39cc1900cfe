import { pointerSegment } from "@catena/errors";
import { plugins } from "@catena/plugins";
import { createFieldCipher, isJsonObject, type JsonObject, type Kind } from "@catena/schema";
import { diffValues } from "./diff-values.ts";

/** Finds the secret fields: they are the ones it changes. Nothing it makes is kept. */
const finder = createFieldCipher(["not-a-secret-key"], plugins.registry);

/** What a gateway shows to secret managers (apisix/secret/). */
const managerFields: readonly string[] = [
  "/token",
  "/secret_access_key",
  "/session_token",
  "/auth_config/private_key",
];

/** Where private keys are, also those that are encrypted with another keyring and so look like none. */
const privateKeys: Partial<Readonly<Record<Kind, readonly string[]>>> = {
  routes: ["/upstream/tls/client_key"],
  services: ["/upstream/tls/client_key"],
  ssls: ["/key", "/keys"],
  stream_routes: ["/upstream/tls/client_key"],
  upstreams: ["/tls/client_key"],
};

/** Names that plugins give to secrets; for plugins that this build does not know. */
const tellingName =
  /secret|passw|token|credential|authorization|auth_header|(private|access|api)_?key|^key$/i;

/**
 * JSON pointers of the texts in a document that are secret: what plugins keep encrypted, private keys,
 * what secret managers are shown, and in plugins that this build lacks what is called like a secret.
 */
export function secretPaths(kind: Kind, value: JsonObject): ReadonlySet<string> {
  const changed = diffValues(value, finder.encrypt(kind, value));
  const paths = new Set(changed.map(({ path }) => path));
  const known = kind === "secrets" ? managerFields : (privateKeys[kind] ?? []);
  visitTexts(value, "", (path) => {
    if (known.some((start) => path === start || path.startsWith(`${start}/`))) paths.add(path);
  });
  const held = value["plugins"];
  for (const [name, conf] of Object.entries(isJsonObject(held) ? held : {})) {
    if (plugins.get(name) !== undefined) continue;
    visitTexts(conf, `/plugins/${pointerSegment(name)}`, (path, member) => {
      if (tellingName.test(member)) paths.add(path);
    });
  }
  return paths;
}

/** Goes over every text; of those in a list the member's name is the list's. */
function visitTexts(
  value: unknown,
  path: string,
  visit: (path: string, member: string) => void,
  member = "",
): void {
  if (typeof value === "string") visit(path, member);
  else if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) visitTexts(item, `${path}/${i}`, visit, member);
  } else if (isJsonObject(value)) {
    for (const [name, one] of Object.entries(value)) {
      visitTexts(one, `${path}/${pointerSegment(name)}`, visit, name);
    }
  }
}

import { plugins } from "@catena/plugins";
import { createFieldCipher, isJsonObject, isSecretReference, type Kind } from "@catena/schema";

/** Stands for a value that is not shown. */
const mask = "(secret)";

/** Finds the secret fields: they are the ones it changes. Nothing it makes is kept. */
const finder = createFieldCipher(["not-a-secret-key"], plugins.registry);

/** A document without what plugins keep encrypted and without private keys: nobody is asked for a key here. */
export function hideSecrets(kind: Kind, id: string, document: unknown): unknown {
  if (!isJsonObject(document)) return document;
  return hideChanged(document, finder.encrypt(kind, { id, ...document }));
}

function hideChanged(value: unknown, changed: unknown): unknown {
  if (value === changed) return value;
  if (Array.isArray(value) && Array.isArray(changed)) {
    return value.map((item, index) => hideChanged(item, changed[index]));
  }
  if (isJsonObject(value) && isJsonObject(changed)) {
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [name, hideChanged(member, changed[name])]),
    );
  }
  // References say where a secret is, not what it is.
  return typeof value === "string" && isSecretReference(value) ? value : mask;
}

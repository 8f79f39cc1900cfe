import { createCipheriv, createDecipheriv } from "node:crypto";
import { isJsonObject, type JsonObject } from "./json-schema/json-schema.ts";
import { isSecretReference } from "./json-schema/value-tests.ts";
import type { Kind } from "./kinds.ts";
import type { PluginRegistry, PluginTarget } from "./plugin-registry.ts";

/**
 * Encrypts secret fields for the store and decrypts them, field by field and as APISIX does
 * (`apisix.data_encryption`; apisix/ssl.lua, apisix/plugin.lua), so that both can share one store:
 * AES-CBC with the key as its own initialisation vector, in base64. It hides secrets from who sees a
 * dump of the store; equal values stay recognisable as equal.
 */
export interface FieldCipher {
  /** The document as it is to be stored. */
  encrypt(kind: Kind, document: JsonObject): JsonObject;
  /** Decrypts what plugins declare as secret. What cannot be decrypted stays as it is. */
  decryptPlugins(kind: Kind, document: JsonObject): JsonObject;
  /** As above, and private keys of certificates and upstreams too. */
  decryptAll(kind: Kind, document: JsonObject): JsonObject;
  /**
   * How many secret fields of a decrypted document look as if they were still encrypted: with a key
   * that is not in the keyring. A private key that is none is certain; of other fields only the look
   * can be told, and nothing when the keyring is empty.
   */
  countSealed(kind: Kind, document: JsonObject): number;
}

/** Makes one text out of another; the same text where it cannot or need not. */
type Change = (text: string) => string;

const unchanged: FieldCipher = {
  encrypt: (_, document) => document,
  decryptPlugins: (_, document) => document,
  decryptAll: (_, document) => document,
  countSealed: countSealedKeys,
};

/**
 * @param keyring keys of 16 or 32 bytes: the first encrypts, all are tried to decrypt. Empty: every
 *   document stays as it is.
 * @param registry says which fields of a plugin are secret.
 * @throws Error for a key of another length; it is not shown
 */
export function createFieldCipher(
  keyring: readonly string[],
  registry: PluginRegistry,
): FieldCipher {
  const keys = keyring.map(toKey);
  const [first] = keys;
  if (first === undefined) return unchanged;
  const encrypt: Change = (text) => encryptText(text, first);
  const decrypt: Change = (text) => decryptText(text, keys);
  const changePlugins = (kind: Kind, document: JsonObject, change: Change) =>
    changePluginFields(kind, document, registry, change);
  return {
    encrypt: (kind, document) =>
      changePrivateKeys(kind, changePlugins(kind, document, encrypt), (text) =>
        isPem(text) ? encrypt(text) : text,
      ),
    decryptPlugins: (kind, document) => changePlugins(kind, document, decrypt),
    decryptAll: (kind, document) =>
      changePrivateKeys(kind, changePlugins(kind, document, decrypt), (text) =>
        isPem(text) ? text : decrypt(text),
      ),
    countSealed: (kind, document) => {
      let count = countSealedKeys(kind, document);
      changePlugins(kind, document, (text) => {
        if (looksEncrypted(text)) count++;
        return text;
      });
      return count;
    },
  };
}

function countSealedKeys(kind: Kind, document: JsonObject): number {
  let count = 0;
  changePrivateKeys(kind, document, (text) => {
    if (!isPem(text) && !isSecretReference(text)) count++;
    return text;
  });
  return count;
}

function isPem(text: string): boolean {
  return text.startsWith("---");
}

function changePluginFields(
  kind: Kind,
  document: JsonObject,
  registry: PluginRegistry,
  change: Change,
): JsonObject {
  if (kind === "plugin_metadata") {
    return changePlugin(registry, String(document["id"]), "metadata", document, change);
  }
  const plugins = document["plugins"];
  if (!isJsonObject(plugins)) return document;
  const target = kind === "consumers" || kind === "credentials" ? "consumer" : "plugin";
  const changed = Object.entries(plugins).map(([name, conf]) => [
    name,
    isJsonObject(conf) ? changePlugin(registry, name, target, conf, change) : conf,
  ]);
  return { ...document, plugins: Object.fromEntries(changed) };
}

function changePlugin(
  registry: PluginRegistry,
  name: string,
  target: PluginTarget,
  conf: JsonObject,
  change: Change,
): JsonObject {
  const fields = registry.get(name)?.encryptFields?.[target] ?? [];
  return fields.reduce((value, field) => changeAt(value, field.split("."), change), conf);
}

/** Private keys by kind: of certificates, and those shown to upstreams. */
function changePrivateKeys(kind: Kind, document: JsonObject, change: Change): JsonObject {
  if (kind === "ssls") {
    return changeAt(changeAt(document, ["key"], change), ["keys"], change);
  }
  const path = ["tls", "client_key"];
  return changeAt(document, kind === "upstreams" ? path : ["upstream", ...path], change);
}

function changeAt(holder: JsonObject, path: readonly string[], change: Change): JsonObject {
  const [name = "", ...rest] = path;
  if (!Object.hasOwn(holder, name)) return holder;
  return { ...holder, [name]: changeValue(holder[name], rest, change) };
}

/** Lists on the way are gone through, and so are the members of a list or map at the end of it. */
function changeValue(value: unknown, path: readonly string[], change: Change): unknown {
  if (Array.isArray(value)) return value.map((item) => changeValue(item, path, change));
  if (isJsonObject(value)) {
    if (path.length > 0) return changeAt(value, path, change);
    const members = Object.entries(value).map(([name, member]) => [
      name,
      typeof member === "string" ? change(member) : member,
    ]);
    return Object.fromEntries(members);
  }
  return typeof value === "string" && path.length === 0 ? change(value) : value;
}

interface CipherKey {
  readonly algorithm: "aes-128-cbc" | "aes-256-cbc";
  readonly bytes: Buffer;
}

function toKey(text: string): CipherKey {
  const bytes = Buffer.from(text);
  if (bytes.length === 16) return { algorithm: "aes-128-cbc", bytes };
  if (bytes.length === 32) return { algorithm: "aes-256-cbc", bytes };
  throw new Error(`a key of the keyring has ${bytes.length} bytes; it must have 16 or 32`);
}

function encryptText(text: string, { algorithm, bytes }: CipherKey): string {
  const cipher = createCipheriv(algorithm, bytes, bytes.subarray(0, 16));
  return Buffer.concat([cipher.update(text, "utf8"), cipher.final()]).toString("base64");
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decryptText(text: string, keys: readonly CipherKey[]): string {
  const bytes = cipherBytes(text);
  if (bytes === null) return text;
  for (const key of keys) {
    const decipher = createDecipheriv(key.algorithm, key.bytes, key.bytes.subarray(0, 16));
    try {
      return utf8.decode(Buffer.concat([decipher.update(bytes), decipher.final()]));
    } catch {
      // Another key's: its padding is wrong, or right by chance (1 in 256) and then it is no text.
    }
  }
  return text;
}

/** `null` for what nothing can have been encrypted to. */
function cipherBytes(text: string): Buffer | null {
  const bytes = Buffer.from(text, "base64");
  const isCipherText =
    bytes.length > 0 && bytes.length % 16 === 0 && bytes.toString("base64") === text;
  return isCipherText ? bytes : null;
}

/** Keys are often written as hexadecimal digits, which are base64 of the right length, too. */
function looksEncrypted(text: string): boolean {
  return cipherBytes(text) !== null && !/^[0-9a-f]+$/i.test(text);
}

import { pointerSegment } from "@catena/errors";
import { plugins } from "@catena/plugins";
import {
  createFieldCipher,
  isJsonObject,
  isSecretReference,
  type JsonObject,
  type Kind,
} from "@catena/schema";
import { diffValues, type FieldChange } from "./diff-values.ts";

/** Stands for a value that is not shown. */
const mask = "(secret)";

/** Finds the secret fields: they are the ones it changes. Nothing it makes is kept. */
const finder = createFieldCipher(["not-a-secret-key"], plugins.registry);

/**
 * The same changes with the values of secret fields masked, so that a plan can be shown and logged:
 * what plugins keep encrypted, and private keys.
 */
export function withoutSecrets(
  kind: Kind,
  changes: readonly FieldChange[],
  before: JsonObject,
  after: JsonObject,
): readonly FieldChange[] {
  // A private key that no key of the keyring decrypts is not seen to be one.
  const secrets = new Set([...secretPaths(kind, before), ...secretPaths(kind, after)]);
  if (secrets.size === 0) return changes;
  return changes.map((change) => ({
    path: change.path,
    before: maskAt(change.before, change.path, secrets),
    after: maskAt(change.after, change.path, secrets),
  }));
}

function secretPaths(kind: Kind, value: JsonObject): ReadonlySet<string> {
  const changed = diffValues(value, finder.encrypt(kind, value));
  return new Set(changed.map(({ path }) => path));
}

/** `$secret://…` and `$env://…` say where a secret is, not what it is. */
function isReference(value: unknown): boolean {
  return typeof value === "string" && isSecretReference(value);
}

function maskAt(value: unknown, path: string, secrets: ReadonlySet<string>): unknown {
  if (secrets.has(path)) return value === undefined || isReference(value) ? value : mask;
  if (Array.isArray(value)) return value.map((item, i) => maskAt(item, `${path}/${i}`, secrets));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      maskAt(member, `${path}/${pointerSegment(name)}`, secrets),
    ]),
  );
}

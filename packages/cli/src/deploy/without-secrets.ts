import { pointerSegment } from "@catena/errors";
import { isJsonObject, isSecretReference, type JsonObject, type Kind } from "@catena/schema";
import type { FieldChange } from "./diff-values.ts";
import { secretPaths } from "./secret-paths.ts";

/** Stands for a value that is not shown. */
const mask = "(secret)";

/** The same changes with the values of secret fields masked, so that a plan can be shown and logged. */
export function withoutSecrets(
  kind: Kind,
  changes: readonly FieldChange[],
  before: JsonObject,
  after: JsonObject,
): readonly FieldChange[] {
  const secrets = new Set([...secretPaths(kind, before), ...secretPaths(kind, after)]);
  if (secrets.size === 0) return changes;
  return changes.map((change) => ({
    path: change.path,
    before: maskAt(change.before, change.path, secrets),
    after: maskAt(change.after, change.path, secrets),
  }));
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

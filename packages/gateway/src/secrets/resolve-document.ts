import { isJsonObject, isSecretReference, type JsonObject, type Kind } from "@catena/schema";

/**
 * Where references to secrets are followed, by kind: configurations of plugins, certificates and their
 * keys, and what is shown to upstreams. Metadata of plugins is taken as it is, as in APISIX.
 */
const places: Readonly<Partial<Record<Kind, readonly (readonly string[])[]>>> = {
  routes: [["plugins"], ["upstream", "tls"]],
  services: [["plugins"], ["upstream", "tls"]],
  upstreams: [["tls"]],
  plugin_configs: [["plugins"]],
  global_rules: [["plugins"]],
  consumer_groups: [["plugins"]],
  consumers: [["plugins"]],
  credentials: [["plugins"]],
  ssls: [["cert"], ["key"], ["certs"], ["keys"], ["client"]],
};

const none: ReadonlySet<string> = new Set();

/** The references in a document, each once. */
export function findReferences(kind: Kind, document: JsonObject): ReadonlySet<string> {
  const found = new Set<string>();
  for (const path of places[kind] ?? []) {
    let value: unknown = document;
    for (const name of path) value = isJsonObject(value) ? value[name] : undefined;
    collect(value, found);
  }
  return found.size === 0 ? none : found;
}

function collect(value: unknown, found: Set<string>): void {
  if (typeof value === "string") {
    if (isSecretReference(value)) found.add(value);
  } else if (typeof value === "object" && value !== null) {
    for (const member of Object.values(value)) collect(member, found);
  }
}

/** Plugins' configurations in which a reference was replaced, with what stands there now. */
const resolved = new WeakMap<object, ReadonlySet<string>>();

/** Whether a plugin's configuration holds secrets that were references when it was checked. */
export function isResolved(conf: unknown): boolean {
  return typeof conf === "object" && conf !== null && resolved.has(conf);
}

/** The secrets in a plugin's configuration that were references before. */
export function secretTextsOf(conf: object): ReadonlySet<string> {
  return resolved.get(conf) ?? none;
}

/**
 * The document with secrets in the place of references; one that is `null` stays a reference
 * (apisix/secret.lua, retrieve_refs). What holds none is the same object as before.
 */
export function resolveDocument(
  kind: Kind,
  document: JsonObject,
  secretOf: (reference: string) => string | null,
): JsonObject {
  let result = document;
  for (const path of places[kind] ?? []) result = replaceAt(result, path, secretOf);
  const before = document["plugins"];
  const after = result["plugins"];
  if (before === after || !isJsonObject(before) || !isJsonObject(after)) return result;
  for (const [name, conf] of Object.entries(after)) {
    if (conf === before[name] || !isJsonObject(conf)) continue;
    const references = new Set<string>();
    collect(before[name], references);
    const texts = [...references].flatMap((reference) => secretOf(reference) ?? []);
    resolved.set(conf, new Set(texts));
  }
  return result;
}

function replaceAt(
  holder: JsonObject,
  [name = "", ...rest]: readonly string[],
  secretOf: (reference: string) => string | null,
): JsonObject {
  if (!Object.hasOwn(holder, name)) return holder;
  const before = holder[name];
  const after =
    rest.length === 0
      ? replaceIn(before, secretOf)
      : isJsonObject(before)
        ? replaceAt(before, rest, secretOf)
        : before;
  return after === before ? holder : { ...holder, [name]: after };
}

function replaceIn(value: unknown, secretOf: (reference: string) => string | null): unknown {
  if (typeof value === "string") {
    return isSecretReference(value) ? (secretOf(value) ?? value) : value;
  }
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const items = value.map((item) => replaceIn(item, secretOf));
    return items.some((item, index) => item !== value[index]) ? items : value;
  }
  let changed: Record<string, unknown> | null = null;
  for (const [name, member] of Object.entries(value)) {
    const after = replaceIn(member, secretOf);
    if (after === member) continue;
    changed ??= Object.fromEntries(Object.entries(value));
    // Not an assignment: a member may be named __proto__.
    Object.defineProperty(changed, name, {
      value: after,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return changed ?? value;
}

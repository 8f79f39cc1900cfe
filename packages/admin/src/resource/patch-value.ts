import { isJsonObject, type JsonObject } from "@catena/schema";
import { invalid } from "./prepare-document.ts";

/**
 * Merges a patch into a document (apisix/core/table.lua, merge). Unlike RFC 7396, an object takes
 * the place of an empty object as it is, with the nulls in it, and an empty one the place of any,
 * since APISIX holds an empty object for an array.
 */
export function mergePatch(document: JsonObject, patch: unknown): JsonObject {
  if (!isJsonObject(patch)) return document;
  const merged = new Map(Object.entries(document));
  for (const [name, value] of Object.entries(patch)) {
    const old = merged.get(name);
    if (value === null) merged.delete(name);
    else if (hasMembers(value) && hasMembers(old)) merged.set(name, mergePatch(old, value));
    else merged.set(name, value);
  }
  // fromEntries defines members, so that one named __proto__ stays data.
  return Object.fromEntries(merged);
}

function hasMembers(value: unknown): value is JsonObject {
  return isJsonObject(value) && Object.keys(value).length > 0;
}

/** As deep as JSON may be nested. */
const maxPathLength = 64;

/**
 * Sets one place in a document; objects missing on the way are made. A null is set like any other
 * value (apisix/core/table.lua, patch).
 *
 * @throws ADMIN_RESOURCE_INVALID when something on the way is no object
 */
export function patchAt(
  document: JsonObject,
  path: readonly string[],
  value: unknown,
  passed: readonly string[] = [],
): JsonObject {
  if (path.length > maxPathLength) throw invalid(`invalid sub-path: /${path.join("/")}`);
  const [name = "", ...rest] = path;
  if (rest.length === 0) return { ...document, [name]: value };
  const inner: unknown = Object.hasOwn(document, name) ? document[name] : {};
  const here = [...passed, name];
  const holder = Array.isArray(inner) && inner.length === 0 ? {} : inner;
  if (!isJsonObject(holder)) throw invalid(`invalid sub-path: /${here.join("/")}`);
  return { ...document, [name]: patchAt(holder, rest, value, here) };
}

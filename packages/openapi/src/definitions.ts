import type { JsonSchema } from "@catena/ir";
import { isJsonObject } from "@catena/schema";

/** On a `$ref` of ours: what it stands for. JSON does not show it. */
const TARGET: unique symbol = Symbol("target");

/** Where a document has what several schemas, or one within itself, refer to. */
const PLACE = "#/components/schemas/";

/** Keywords that hold data, in which a `$ref` is none. */
const DATA: ReadonlySet<string> = new Set(["const", "enum", "default", "examples", "required"]);
/** Keywords by whose end nothing refers to what is in them any more. */
const HOISTED: ReadonlySet<string> = new Set(["$id", "$schema", "$defs", "definitions"]);

/**
 * Gives what schemas refer to a name of its own in the document: `#/$defs/node` and `$id`s mean something
 * in the schema they stand in, and a part of it may end up elsewhere.
 */
export class Definitions {
  readonly #schemas = new Map<string, JsonSchema>();
  /** Names by the text of a schema and the reference in it: equal ones are one. */
  readonly #names = new Map<string, string>();
  readonly #taken = new Set([simplified("Problem")]);

  /** The schemas that are referred to, by name. */
  get schemas(): ReadonlyMap<string, JsonSchema> {
    return this.#schemas;
  }

  /** The same schema with references into the document; itself when it has none. */
  read(schema: JsonSchema): JsonSchema {
    const text = JSON.stringify(schema);
    if (!text.includes('"$ref"') && !text.includes('"$id"')) return schema;
    const ids = new Map<string, JsonSchema>();
    visit(schema, (one) => {
      if (typeof one["$id"] === "string") ids.set(one["$id"], one);
    });
    return this.#rewrite(schema, { root: schema, text, ids });
  }

  #rewrite(schema: JsonSchema, within: Root): JsonSchema {
    const ref = schema["$ref"];
    if (typeof ref === "string") return this.#refer(ref, within);
    const inner = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(inner);
      return isJsonObject(value) ? this.#rewrite(value, within) : value;
    };
    return Object.fromEntries(
      Object.entries(schema).flatMap(([key, value]) =>
        HOISTED.has(key) ? [] : [[key, DATA.has(key) ? value : inner(value)]],
      ),
    );
  }

  #refer(ref: string, within: Root): JsonSchema {
    const target = findTarget(ref, within);
    // What leads nowhere says nothing.
    if (target === null) return {};
    const key = `${within.text} ${ref}`;
    let name = this.#names.get(key);
    if (name === undefined) {
      name = this.#newName(ref);
      this.#names.set(key, name);
      // Before its parts are read, for they may refer to it.
      this.#schemas.set(name, {});
      this.#schemas.set(name, this.#rewrite(target, within));
    }
    const schemas = this.#schemas;
    const known = name;
    const reference: JsonSchema = { $ref: PLACE + name };
    Object.defineProperty(reference, TARGET, { value: () => schemas.get(known) ?? {} });
    return reference;
  }

  /** `node` of `#/$defs/node` and of `https://example/node`. */
  #newName(ref: string): string {
    const last = ref.slice(ref.lastIndexOf("/") + 1).replaceAll(/[^A-Za-z0-9._-]/g, "_");
    const base = /[A-Za-z0-9]/.test(last) ? last : "Schema";
    let name = base;
    for (let n = 2; this.#taken.has(simplified(name)); n++) name = `${base}${n}`;
    this.#taken.add(simplified(name));
    return name;
  }
}

/** A client's types are named after these, without what no identifier has. */
function simplified(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9]/g, "").toLowerCase();
}

/** The schema that references in it are read against. */
interface Root {
  readonly root: JsonSchema;
  readonly text: string;
  readonly ids: ReadonlyMap<string, JsonSchema>;
}

/** What a reference made by {@link Definitions} stands for; any other schema is itself. */
export function resolved(schema: JsonSchema): JsonSchema {
  let found = schema;
  // Of references to each other nothing comes in the end.
  for (let n = 0; n < 32 && TARGET in found; n++) {
    // Only #refer sets it, to a function without parameters.
    found = (found[TARGET] as () => JsonSchema)();
  }
  return found;
}

/** The name of what a reference stands for; `null` for any other schema. */
export function referredName(schema: JsonSchema): string | null {
  const ref = schema["$ref"];
  return typeof ref === "string" && ref.startsWith(PLACE) ? ref.slice(PLACE.length) : null;
}

function visit(schema: JsonSchema, see: (schema: JsonSchema) => void): void {
  see(schema);
  for (const [key, value] of Object.entries(schema)) {
    if (DATA.has(key)) continue;
    for (const one of Array.isArray(value) ? value : [value])
      if (isJsonObject(one)) visit(one, see);
  }
}

function findTarget(ref: string, { root, ids }: Root): JsonSchema | null {
  const byId = ids.get(ref);
  if (byId !== undefined) return byId;
  if (ref === "#") return root;
  if (!ref.startsWith("#/")) return null;
  let found: unknown = root;
  for (const segment of ref.slice(2).split("/")) {
    const name = decodeSegment(segment);
    const holds = typeof found === "object" && found !== null && Object.hasOwn(found, name);
    found = holds ? Reflect.get(Object(found), name) : undefined;
  }
  return isJsonObject(found) ? found : null;
}

/** RFC 6901 §4, as a URI fragment. */
function decodeSegment(segment: string): string {
  let text = segment;
  try {
    text = decodeURIComponent(segment);
  } catch {
    // Not encoded, then.
  }
  return text.replaceAll("~1", "/").replaceAll("~0", "~");
}

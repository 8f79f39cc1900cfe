type Json = Readonly<Record<string, unknown>>;

/** Definitions whose inside is a matter of its own. */
const OPAQUE = new Set(["value", "reference", "operation", "json_schema"]);

/**
 * Lists everything that a document of a JSON Schema can say, as paths: `steps.*.each.max`, and
 * `steps.*.validate=warn` where a text is one of a few. Members of a map and items of a list are `*`.
 */
export function schemaPaths(schema: Json): ReadonlySet<string> {
  const definitions = Object(schema["$defs"]) as Json;
  const paths = new Set<string>();
  const visit = (part: Json, path: string): void => {
    const name = typeof part["$ref"] === "string" ? part["$ref"].slice("#/$defs/".length) : null;
    if (name !== null) {
      if (!OPAQUE.has(name)) visit(Object(definitions[name]), path);
      return;
    }
    if ("const" in part) {
      paths.add(`${path}=${String(part["const"])}`);
      return;
    }
    for (const choice of (part["anyOf"] as readonly Json[] | undefined) ?? []) visit(choice, path);
    for (const [member, inner] of Object.entries(Object(part["properties"]) as Json)) {
      const at = path === "" ? member : `${path}.${member}`;
      paths.add(at);
      visit(Object(inner), at);
    }
    for (const inner of Object.values(Object(part["patternProperties"]) as Json))
      visit(Object(inner), `${path}.*`);
    if ("items" in part) visit(Object(part["items"]), `${path}.*`);
  };
  visit(schema, "");
  return paths;
}

/** The paths of {@link schemaPaths} that a document says. */
export function documentPaths(document: unknown, known: ReadonlySet<string>): ReadonlySet<string> {
  const paths = new Set<string>();
  const visit = (part: unknown, path: string): void => {
    if (typeof part === "string" || typeof part === "boolean") paths.add(`${path}=${part}`);
    if (typeof part !== "object" || part === null) return;
    for (const [member, inner] of Object.entries(part)) {
      const named = path === "" ? member : `${path}.${member}`;
      const at = !Array.isArray(part) && known.has(named) ? named : `${path}.*`;
      paths.add(at);
      visit(inner, at);
    }
  };
  visit(document, "");
  return paths;
}

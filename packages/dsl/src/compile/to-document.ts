import { type Issue, pointerSegment } from "@catena/errors";
import { kinds } from "@catena/schema";
import { type Declaration, isDeclaration } from "../declaration.ts";
import { describeUnstorable } from "../describe-unstorable.ts";
import { dslIssue } from "../errors.ts";
import { isPlainObject, setOwn } from "../plain-object.ts";

/** Turns authored fields into JSON: ids for declarations, nothing for what is `undefined`. */
export function toDocument(
  fields: Readonly<Record<string, unknown>>,
  ids: ReadonlyMap<Declaration, string>,
  issues: Issue[],
): Record<string, unknown> {
  return new Converter(ids, issues).object(fields, "", 0);
}

/** Every declaration that stands somewhere in authored fields, so that it is deployed with them. */
export function* declarationsIn(value: unknown): Generator<Declaration, void> {
  if (isDeclaration(value)) yield value;
  else if (Array.isArray(value) || isPlainObject(value)) {
    for (const member of Object.values(value)) yield* declarationsIn(member);
  }
}

/** As deep as a stored chain may nest, and its resource around it. */
const MAX_DEPTH = 128;

class Converter {
  readonly #ids: ReadonlyMap<Declaration, string>;
  readonly #issues: Issue[];

  constructor(ids: ReadonlyMap<Declaration, string>, issues: Issue[]) {
    this.#ids = ids;
    this.#issues = issues;
  }

  object(
    value: Readonly<Record<string, unknown>>,
    path: string,
    depth: number,
  ): Record<string, unknown> {
    const converted: Record<string, unknown> = {};
    for (const [key, member] of Object.entries(value)) {
      if (member === undefined) continue;
      setOwn(converted, key, this.#value(member, `${path}/${pointerSegment(key)}`, depth + 1));
    }
    return converted;
  }

  #value(value: unknown, path: string, depth: number): unknown {
    if (depth > MAX_DEPTH) {
      this.#issues.push(dslIssue("DSL_VALUE", "the value nests too deep", { path }));
      return null;
    }
    if (isDeclaration(value)) return this.#id(value, path);
    if (value === null || typeof value === "string" || typeof value === "boolean") return value;
    if (typeof value === "number" && Number.isFinite(value)) return value;
    if (Array.isArray(value)) {
      return value.map((item, index) => this.#value(item ?? null, `${path}/${index}`, depth + 1));
    }
    if (isPlainObject(value)) return this.object(value, path, depth);
    const { found, hint } = describeUnstorable(value);
    this.#issues.push(dslIssue("DSL_VALUE", `${found} cannot be stored as JSON`, { path, hint }));
    return null;
  }

  #id(declaration: Declaration, path: string): string {
    const { label } = kinds[declaration.kind];
    if (path === "/upstream") {
      this.#issues.push(
        dslIssue("DSL_LINK", `a declared ${label} is named by its id`, {
          path,
          hint: "write upstream_id in place of upstream",
        }),
      );
    }
    // One without an id is an issue already; the text only keeps the document's shape.
    return declaration.alias ?? this.#ids.get(declaration) ?? "unnamed";
  }
}

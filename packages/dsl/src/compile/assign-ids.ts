import type { Issue } from "@catena/errors";
import { formatName, kinds } from "@catena/schema";
import type { Declaration } from "../declaration.ts";
import { dslIssue } from "../errors.ts";
import { formatPosition } from "../source-position.ts";
import type { Collected } from "./collect.ts";

/**
 * Gives every declaration its id: the explicit one, or the name it is exported by. One without
 * either, and a second one of the same kind and id, is an issue and gets none.
 */
export function assignIds(found: Collected, issues: Issue[]): ReadonlyMap<Declaration, string> {
  const ids = new Map<Declaration, string>();
  const taken = new Map<string, Declaration>();
  for (const [declaration, names] of found) {
    const id = declaration.id ?? idFromNames(declaration, names, issues);
    if (id === null) continue;
    const resource = formatName({ kind: declaration.kind, id });
    const other = taken.get(resource);
    if (other === undefined) {
      taken.set(resource, declaration);
      ids.set(declaration, id);
    } else {
      issues.push(
        dslIssue(
          "DSL_DUPLICATE_ID",
          `there is another ${kinds[declaration.kind].label} "${id}" at ${formatPosition(other.source)}`,
          { hint: "give one of them another id", resource, source: declaration.source },
        ),
      );
    }
  }
  return ids;
}

function idFromNames(
  declaration: Declaration,
  names: ReadonlySet<string>,
  issues: Issue[],
): string | null {
  const [name, second] = names;
  const { label } = kinds[declaration.kind];
  const { source } = declaration;
  if (name === undefined) {
    issues.push(
      dslIssue("DSL_NO_ID", `this ${label} has no id`, {
        hint: 'export it by name, or give the id first: upstream("orders", { … })',
        source,
      }),
    );
    return null;
  }
  if (second !== undefined) {
    issues.push(
      dslIssue("DSL_NO_ID", `this ${label} is exported as ${[...names].join(" and ")}`, {
        hint: "give it an id of its own",
        source,
      }),
    );
    return null;
  }
  // Export names may hold letters that ids may not.
  return name.replace(/[^A-Za-z0-9_.-]/g, "-");
}

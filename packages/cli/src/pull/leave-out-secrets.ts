import { LeftOut, type StoredResource } from "@catena/dsl";
import { pointerSegment } from "@catena/errors";
import { formatName, isJsonObject, isSecretReference } from "@catena/schema";
import { secretPaths } from "../deploy/secret-paths.ts";

/** A text that is not written, and the environment variable that is asked for it. */
export interface LeftOutSecret {
  /** `consumers/jack` */
  readonly resource: string;
  /** JSON pointer. */
  readonly path: string;
  readonly variable: string;
}

/** Resources without their secrets, and which those were. */
export interface WithoutSecrets {
  readonly resources: readonly StoredResource[];
  readonly leftOut: readonly LeftOutSecret[];
}

/**
 * Puts something else in the place of every secret: in a TypeScript file a call that reads an
 * environment variable when it is compiled, in JSON a reference that the gateway follows.
 */
export function leaveOutSecrets(
  resources: readonly StoredResource[],
  format: "typescript" | "json",
): WithoutSecrets {
  const leftOut: LeftOutSecret[] = [];
  const taken = new Set<string>();
  const replaced = resources.map((resource) => {
    const secrets = secretPaths(resource.kind, resource.value);
    const value = replaceAt(resource.value, "", secrets, (path) => {
      const variable = uniqueVariable(resource.id, path, taken);
      leftOut.push({ resource: formatName(resource), path, variable });
      return format === "json" ? `$env://${variable}` : new LeftOut(variable);
    });
    return isJsonObject(value) ? { ...resource, value } : resource;
  });
  return { resources: replaced, leftOut };
}

/** `SECRET_JACK_KEY_AUTH_KEY` */
function uniqueVariable(id: string, path: string, taken: Set<string>): string {
  const words = `${id}${path.replace(/^\/plugins(?=\/)/, "")}`.split(/[^A-Za-z0-9]+/);
  const name = ["secret", ...words.filter((word) => word !== "")].join("_").toUpperCase();
  let unique = name;
  for (let n = 2; taken.has(unique); n++) unique = `${name}_${n}`;
  taken.add(unique);
  return unique;
}

function replaceAt(
  value: unknown,
  path: string,
  secrets: ReadonlySet<string>,
  replace: (path: string) => unknown,
): unknown {
  if (typeof value === "string") {
    // References say where a secret is, not what it is.
    const isShown = value === "" || !secrets.has(path) || isSecretReference(value);
    return isShown ? value : replace(path);
  }
  if (Array.isArray(value)) {
    return value.map((item, index) => replaceAt(item, `${path}/${index}`, secrets, replace));
  }
  if (!isJsonObject(value)) return value;
  const members = Object.entries(value).map(([name, member]) => [
    name,
    replaceAt(member, `${path}/${pointerSegment(name)}`, secrets, replace),
  ]);
  return Object.fromEntries(members);
}

import type { CompiledResource } from "@catena/dsl";
import type { Issue, SourcePosition } from "@catena/errors";
import { checkExpression } from "@catena/expr";
import { formatFault, parseJson } from "@catena/json";
import { plugins } from "@catena/plugins";
import {
  didYouMean,
  isJsonObject,
  isKind,
  type JsonObject,
  type Kind,
  kindNames,
  kinds,
  parseResource,
} from "@catena/schema";
import { locateJson } from "./locate-json.ts";

/** Resources and findings of one file. */
export interface FileResources {
  readonly resources: readonly CompiledResource[];
  readonly issues: readonly Issue[];
}

/**
 * Reads a JSON file as `catena compile` writes it: lists of resources by kind, each with its id
 * (`{"routes": [{"id": "a", "uri": "/a", …}], "upstreams": […]}`). The id of a credential is
 * `USERNAME/credentials/ID`, that of a secret `MANAGER/ID`; a consumer has its username.
 */
export function readResourceList(text: string, file: string): FileResources {
  const json = parseJson(text, { reportDuplicates: true });
  if (json.kind !== "value") {
    const { code, line, column } = json;
    const message = `not JSON: ${formatFault(json)}`;
    return { resources: [], issues: [{ path: "", code, message, source: { file, line, column } }] };
  }
  const at = (path: string): SourcePosition => ({ file, ...locateJson(text, path) });
  const resources: CompiledResource[] = [];
  const issues: Issue[] = json.duplicates.map(({ path, line, column }) => ({
    path,
    code: "JSON_DUPLICATE_KEY",
    message: "the same member twice in one object",
    source: { file, line, column },
  }));
  if (!isJsonObject(json.value)) return { resources: [], issues: [wrongShape(at(""), "")] };
  for (const [kind, items] of Object.entries(json.value)) {
    const path = `/${kind}`;
    if (!isKind(kind) || !Array.isArray(items)) {
      issues.push(wrongShape(at(path), path, kind));
      continue;
    }
    for (const [index, item] of items.entries()) {
      const source = at(`${path}/${index}`);
      const id = isJsonObject(item) ? (item["id"] ?? item["username"]) : undefined;
      if (!isJsonObject(item) || (typeof id !== "string" && typeof id !== "number")) {
        issues.push({
          path: `${path}/${index}`,
          code: "RESOURCE_NO_ID",
          message: "a resource without an id",
          expected: '"id" (of a consumer "username")',
          source,
        });
        continue;
      }
      const resource = toResource(kind, String(id), item, source);
      resources.push(resource);
      issues.push(
        ...checkResource(resource).map((issue) => ({
          ...issue,
          source: at(`${path}/${index}${issue.path}`),
        })),
      );
    }
  }
  return { resources, issues };
}

/** In the document a credential and a secret have only the last part of their id. */
function toResource(
  kind: Kind,
  id: string,
  item: JsonObject,
  source: SourcePosition,
): CompiledResource {
  const isNested = kind === "credentials" || kind === "secrets";
  const value = isNested ? { ...item, id: id.slice(id.lastIndexOf("/") + 1) } : item;
  return { kind, id, value, source };
}

/** Holds a resource that no DSL has checked against its kind. */
export function checkResource({ kind, id, value, source }: CompiledResource): readonly Issue[] {
  const { issues } = parseResource(kind, value, {
    id,
    registry: plugins.registry,
    checkExpression,
  });
  return source === undefined ? issues : issues.map((issue) => ({ ...issue, source }));
}

/** A resource as an item of a list, with the id it has among all. */
export function toListItem({ kind, id, value }: Omit<CompiledResource, "source">): JsonObject {
  return kinds[kind].hasId ? { ...value, id } : value;
}

function wrongShape(source: SourcePosition, path: string, kind?: string): Issue {
  const meant = kind === undefined ? null : didYouMean(kind, kindNames);
  return {
    path,
    code: "CONFIG_SHAPE",
    message: "not a list of resources by kind",
    expected: `an object whose members are lists: ${kindNames.join(", ")}`,
    ...(meant === null ? {} : { hint: `did you mean ${meant}?` }),
    source,
  };
}

import type { Issue } from "@catena/errors";
import { checkExpression } from "@catena/expr";
import { formatFault, parseJson } from "@catena/json";
import { plugins } from "@catena/plugins";
import { isJsonObject, isKind, kindNames, parseResource } from "@catena/schema";
import type { EvaluatedResource } from "./evaluation.ts";

/** Resources and findings of one file. */
export interface FileResources {
  readonly resources: readonly EvaluatedResource[];
  readonly issues: readonly Issue[];
}

/**
 * Reads a JSON file as `catena compile` writes it: lists of resources by kind, each with its id
 * (`{"routes": [{"id": "a", "uri": "/a", …}], "upstreams": […]}`).
 */
export function readResourceList(text: string, file: string): FileResources {
  const json = parseJson(text);
  if (json.kind !== "value") {
    const issue: Issue = {
      path: "",
      code: json.code,
      message: `not JSON: ${formatFault(json)}`,
      source: { file, line: json.line, column: json.column },
    };
    return { resources: [], issues: [issue] };
  }
  if (!isJsonObject(json.value)) return { resources: [], issues: [wrongShape(file, "")] };
  const resources: EvaluatedResource[] = [];
  const issues: Issue[] = [];
  for (const [kind, items] of Object.entries(json.value)) {
    if (!isKind(kind) || !Array.isArray(items)) {
      issues.push(wrongShape(file, `/${kind}`));
      continue;
    }
    for (const [index, item] of items.entries()) {
      const path = `/${kind}/${index}`;
      const id = isJsonObject(item) ? (item["id"] ?? item["username"]) : undefined;
      if (!isJsonObject(item) || (typeof id !== "string" && typeof id !== "number")) {
        issues.push({
          path,
          code: "RESOURCE_NO_ID",
          message: "a resource without an id",
          expected: '"id" (of a consumer "username")',
          source: { file, line: 1, column: 1 },
        });
        continue;
      }
      const checked = checkResource({ kind, id: String(id), value: item, place: file });
      issues.push(...checked);
      resources.push({ kind, id: String(id), value: item, place: file });
    }
  }
  return { resources, issues };
}

/** Holds a resource that no DSL has checked against its kind. */
export function checkResource(resource: EvaluatedResource): readonly Issue[] {
  const { kind, id, value, place } = resource;
  if (!isKind(kind)) return [];
  return parseResource(kind, value, { id, registry: plugins.registry, checkExpression }).issues.map(
    (issue) =>
      issue.source === undefined && place !== null
        ? { ...issue, message: `${place}: ${issue.message}` }
        : issue,
  );
}

function wrongShape(file: string, path: string): Issue {
  return {
    path,
    code: "CONFIG_SHAPE",
    message: "not a list of resources by kind",
    expected: `an object whose members are lists: ${kindNames.join(", ")}`,
    source: { file, line: 1, column: 1 },
  };
}

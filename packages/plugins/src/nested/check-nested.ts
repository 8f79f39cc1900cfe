import type { Issue } from "@catena/errors";
import { createPluginRegistry, type JsonObject } from "@catena/schema";
import type { PluginEntry } from "../define-plugin.ts";

/** What is wrong with a configuration that another plugin's holds, with what to write before it. */
export function checkNested(
  { schema }: PluginEntry,
  conf: JsonObject,
  path: string,
  before: string,
): readonly Issue[] {
  const checker = createPluginRegistry([schema]).checker(schema.name, "plugin");
  const findings = checker?.explain(conf) ?? [];
  const issues =
    findings.length > 0
      ? findings.map(({ apisix, ...issue }) => ({ ...issue, message: apisix }))
      : (schema.check?.(conf, "plugin") ?? []);
  return issues.map((issue) => ({
    ...issue,
    path: path + issue.path,
    message: before + issue.message,
  }));
}

import { type Checked, type Issue, pointerSegment } from "@catena/errors";
import { compileTemplate, type Template, type TemplateOptions } from "@catena/expr";
import type { RequestContext } from "@catena/pipeline";
import { toHeaderValue } from "./header-value.ts";
import { checkHeaderName } from "./reserved-headers.ts";

/** A header whose value each request fills in. */
export interface HeaderTemplate {
  readonly name: string;
  readonly value: Template;
}

/** One value of a header as configured: a text with variables, or a number. */
export type HeaderScalar = string | number;

/** Headers as configured; several values are several headers of the name. */
export type HeaderValues = Readonly<Record<string, HeaderScalar | readonly HeaderScalar[]>>;

/** @param path of the object in the plugin's configuration. */
export function compileHeaders(
  values: HeaderValues,
  path: string,
  options: TemplateOptions = {},
): Checked<readonly HeaderTemplate[]> {
  const issues: Issue[] = [];
  const compiled: HeaderTemplate[] = [];
  for (const [name, value] of Object.entries(values)) {
    const at = `${path}/${pointerSegment(name)}`;
    issues.push(...checkHeaderName(name, at));
    for (const scalar of typeof value === "object" ? value : [value]) {
      const { value: template, issues: found } = compileTemplate(String(scalar), options);
      for (const issue of found) issues.push({ ...issue, path: at });
      if (template !== undefined) compiled.push({ name, value: template });
    }
  }
  return issues.length > 0 ? { issues } : { value: compiled, issues };
}

/** Fills a header in; what came from the client can't end it. */
export function renderHeader(
  { value }: HeaderTemplate,
  ctx: RequestContext,
  captures?: readonly (string | null)[],
): string {
  return toHeaderValue(value.render(ctx, undefined, captures));
}

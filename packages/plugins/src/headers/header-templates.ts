import { type Checked, type Issue, pointerSegment } from "@catena/errors";
import { compileTemplate, type Template } from "@catena/expr";
import type { RequestContext } from "@catena/pipeline";
import { toHeaderValue } from "./header-value.ts";

/** A header whose value each request fills in. */
export interface HeaderTemplate {
  readonly name: string;
  readonly value: Template;
}

/** Configured values of headers: a text with variables, or a number. */
export type HeaderValues = Readonly<Record<string, string | number>>;

/** RFC 9110 §5.1: a name is a token; anything else can't be sent. */
const notToken = /[^!#$%&'*+\-.^_`|~0-9A-Za-z]/;

/** @param path of the object in the plugin's configuration. */
export function compileHeaders(
  values: HeaderValues,
  path: string,
): Checked<readonly HeaderTemplate[]> {
  const issues: Issue[] = [];
  const compiled: HeaderTemplate[] = [];
  for (const [name, value] of Object.entries(values)) {
    const at = `${path}/${pointerSegment(name)}`;
    issues.push(...checkHeaderName(name, at));
    const { value: template, issues: found } = compileTemplate(String(value));
    for (const issue of found) issues.push({ ...issue, path: at });
    if (template !== undefined) compiled.push({ name, value: template });
  }
  return issues.length > 0 ? { issues } : { value: compiled, issues };
}

export function checkHeaderName(name: string, path: string): readonly Issue[] {
  if (name !== "" && !notToken.test(name)) return [];
  const message = `"${name.slice(0, 60)}" is no header name`;
  return [{ path, code: "HEADER_INVALID", message }];
}

/** Fills a header in; what came from the client can't end it. */
export function renderHeader({ value }: HeaderTemplate, ctx: RequestContext): string {
  return value.isConstant ? value.render(ctx) : toHeaderValue(value.render(ctx));
}

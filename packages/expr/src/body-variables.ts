import { isGraphqlMember, readGraphql } from "./graphql.ts";
import { compileJsonPath } from "./json-path.ts";
import { isForm, parsedBody } from "./parsed-body.ts";
import { findArgument } from "./query-arguments.ts";
import type { RequestView } from "./request-view.ts";
import type { Variable, VariableValue } from "./variables.ts";

/** Deepest member that is looked for. */
const maxDepth = 64;

/**
 * Variables of the request's body (apisix/core/ctx.lua): `request_body`; `post_arg_NAME`, an argument
 * of a form; `post_arg.a.b`, a member of a form, of multipart parts or of JSON; `post_arg.a[*].b`, a
 * JSONPath whose results are a list; `graphql_operation`, `graphql_name` and `graphql_root_fields`. A
 * body that was not read yet is asked for, and the variable is missing until it was.
 *
 * @returns `undefined` for a name that is none of them, or a JSONPath with filters, which are not served.
 */
export function bodyVariables(name: string): Variable | undefined {
  if (name === "request_body") return (view) => bodyOf(view) || undefined;
  if (name.startsWith("graphql_")) return graphqlVariable(name.slice("graphql_".length));
  if (name.startsWith("post_arg_")) {
    const argument = name.slice("post_arg_".length);
    return (view) => (isForm(view) ? findArgument(bodyOf(view) ?? "", argument) : undefined);
  }
  if (!name.startsWith("post_arg.")) return undefined;
  const path = name.slice("post_arg.".length);
  if (/[[*]|\.\./.test(path)) return pathVariable(path);
  const names = path.split(".");
  return names.length > maxDepth ? undefined : (view) => memberOf(view, names);
}

function bodyOf(view: RequestView): string | null {
  const { knownBody = null } = view;
  if (knownBody === null) view.wantBody?.();
  return knownBody;
}

function memberOf(view: RequestView, names: readonly string[]): VariableValue {
  let value = parsedOf(view);
  for (const name of names) value = ownMember(value, name);
  return toVariable(value);
}

function pathVariable(path: string): Variable | undefined {
  const find = compileJsonPath(path);
  if (find === null) return undefined;
  return (view) => {
    const parsed = parsedOf(view);
    const results = parsed === undefined ? [] : find(parsed);
    return results.length === 0 ? undefined : results;
  };
}

function graphqlVariable(member: string): Variable | undefined {
  if (!isGraphqlMember(member)) return undefined;
  return (view) => {
    const text = view.method === "GET" ? findArgument(view.query, "query") : postedQuery(view);
    return typeof text === "string" ? readGraphql(text)?.[member] : undefined;
  };
}

/** The query of a POST: the body, or the member `query` of one that is JSON. */
function postedQuery(view: RequestView): unknown {
  if (view.method !== "POST") return undefined;
  const body = bodyOf(view);
  const type = view.header("content-type") ?? "";
  return type.startsWith("application/json") ? ownMember(parsedOf(view), "query") : body;
}

function parsedOf(view: RequestView): unknown {
  const body = bodyOf(view);
  return body ? parsedBody(view, body) : undefined;
}

function ownMember(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  // A view of the same object as a table: only the member that it has of its own is read.
  return Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}

function toVariable(value: unknown): VariableValue {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean")
    return value;
  return Array.isArray(value) ? value : undefined;
}

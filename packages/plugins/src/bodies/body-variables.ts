import {
  type FurtherVariables,
  findArgument,
  type Variable,
  type VariableValue,
} from "@catena/expr";
import type { RequestContext } from "@catena/pipeline";
import { isJsonObject } from "@catena/schema";

/** Longest body that is read for variables, in bytes (APISIX's `max_post_args_readable_size`). */
const maxBodyBytes = 64 * 1024 * 1024;

/** Deepest member that is looked for. */
const maxDepth = 64;

/**
 * Variables of the request's body (apisix/core/ctx.lua): `request_body`; `post_arg_NAME`, an argument
 * of a form; `post_arg.a.b`, a member of a form or of JSON. `onUse` hears that the body has to be read.
 */
export function bodyVariables(onUse: () => void): FurtherVariables {
  const used = (variable: Variable): Variable => {
    onUse();
    return variable;
  };
  return (name) => {
    if (name === "request_body") return used((view) => view.knownBody || undefined);
    if (name.startsWith("post_arg_")) {
      const argument = name.slice("post_arg_".length);
      return used((view) =>
        isForm(view) ? findArgument(view.knownBody ?? "", argument) : undefined,
      );
    }
    // JSONPath queries are left to whoever refuses what is not served.
    if (!name.startsWith("post_arg.") || /[[*]|\.\./.test(name)) return undefined;
    const path = name.slice("post_arg.".length).split(".");
    return path.length > maxDepth ? undefined : used((view) => memberOf(view, path));
  };
}

/**
 * Reads the body for variables; what can't be read leaves them without a value.
 *
 * @throws REQUEST_TOO_LARGE, REQUEST_BODY_LOST
 */
export async function readForVariables(ctx: RequestContext): Promise<void> {
  if (ctx.knownBody !== null || !ctx.hasBody) return;
  ctx.knownBody = new TextDecoder().decode(await ctx.bodyBytes(maxBodyBytes));
}

type View = Parameters<Variable>[0];

function isForm(view: View): boolean {
  return (view.header("content-type") ?? "").startsWith("application/x-www-form-urlencoded");
}

function memberOf(view: View, path: readonly string[]): VariableValue {
  const { knownBody } = view;
  if (!knownBody) return undefined;
  const [first = "", ...rest] = path;
  if (isForm(view)) return rest.length === 0 ? findArgument(knownBody, first) : undefined;
  let value = parse(knownBody);
  for (const name of path) {
    if (Array.isArray(value)) value = value[Number(name) - 1];
    else value = isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  }
  if (value === undefined || value === null || typeof value === "object") return undefined;
  return String(value);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

import type { Checked, Issue } from "@catena/errors";
import { compilePattern } from "@catena/expr";
import type { RequestContext } from "@catena/pipeline";
import { isJsonObject, literals } from "@catena/schema";
import { type Static, Type } from "@sinclair/typebox";
import { definePlugin } from "./define-plugin.ts";
import { toHeaderValue } from "./headers/header-value.ts";
import { namedHeader } from "./headers/named-header.ts";
import { maskBody } from "./logs/masks.ts";
import { compilePath, editMembers } from "./masking/json-path.ts";
import { compileReplacement, replaceFirst } from "./rewriting/replacement.ts";

const schema = Type.Object({
  request: Type.Optional(
    Type.Array(
      Type.Object(
        {
          type: literals(["query", "header", "body"], { description: "where it is" }),
          body_format: Type.Optional(
            literals(["json", "urlencoded"], { description: "how the body is written" }),
          ),
          name: Type.String({ description: "its name; of JSON a JSONPath" }),
          action: literals(["regex", "replace", "remove"], { description: "what is done" }),
          regex: Type.Optional(Type.String({ description: "what of the value is replaced" })),
          value: Type.Optional(
            Type.String({ description: "what takes its place; after regex with $1" }),
          ),
        },
        {
          allOf: [
            {
              if: { properties: { type: { const: "body" } } },
              // biome-ignore lint/suspicious/noThenProperty: the name is JSON Schema's (draft 7, 6.6.2).
              then: { required: ["body_format"] },
            },
            {
              if: { properties: { action: { const: "regex" } } },
              // biome-ignore lint/suspicious/noThenProperty: as above.
              then: { required: ["regex", "value"] },
            },
            {
              if: { properties: { action: { const: "replace" } } },
              // biome-ignore lint/suspicious/noThenProperty: as above.
              then: { required: ["value"] },
            },
          ],
        },
      ),
      { description: "what of requests logs do not show" },
    ),
  ),
  max_body_size: Type.Optional(
    Type.Integer({
      exclusiveMinimum: 0,
      default: 1_048_576,
      description: "longest body that logs show masked; longer ones are not shown",
    }),
  ),
  max_req_post_args: Type.Optional(
    Type.Integer({
      default: 100,
      minimum: 0,
      description: "arguments of a form that logs show; 0 for all",
    }),
  ),
});

type Conf = Static<typeof schema>;
type StoredMask = NonNullable<Conf["request"]>[number];

/**
 * data-mask: hides parts of requests from logs, after everything else is done with them
 * (apisix/plugins/data-mask.lua). A body that can't be masked is not shown.
 */
export const dataMask = definePlugin({
  name: "data-mask",
  priority: 1500,
  schema,
  check: (conf) => compile(conf).issues,
  create: (conf) => {
    const { value: masks, issues } = compile(conf);
    if (masks === undefined) return { issues };
    return { value: { log: (ctx) => apply(masks, ctx) }, issues };
  },
});

/** From a value to what logs show of it; `null` for nothing. */
type Change = (value: string) => string | null;

interface Masks {
  readonly query: readonly Named[];
  readonly headers: readonly Named[];
  readonly form: readonly Named[];
  readonly json: readonly JsonMask[];
  readonly maxBodyBytes: number;
  readonly maxArguments: number;
}

interface Named {
  readonly name: string;
  readonly change: Change;
}

interface JsonMask {
  readonly path: ReturnType<typeof compilePath>["value"];
  readonly change: Change;
  /** Whether only a part of texts and numbers is changed. */
  readonly isPartial: boolean;
}

function compile(conf: Conf): Checked<Masks> {
  const issues: Issue[] = [];
  const lists = { query: [] as Named[], headers: [] as Named[], form: [] as Named[] };
  const json: JsonMask[] = [];
  for (const [at, mask] of (conf.request ?? []).entries()) {
    const change = compileChange(mask, `/request/${at}`, issues);
    if (mask.type === "query") lists.query.push({ name: mask.name, change });
    else if (mask.type === "header") lists.headers.push({ name: mask.name, change });
    else if (mask.body_format === "urlencoded") lists.form.push({ name: mask.name, change });
    else {
      const path = compilePath(mask.name);
      for (const issue of path.issues) issues.push({ ...issue, path: `/request/${at}/name` });
      json.push({ path: path.value, change, isPartial: mask.action === "regex" });
    }
  }
  if (issues.length > 0) return { issues };
  const maxArguments = conf.max_req_post_args ?? 100;
  return {
    value: {
      ...lists,
      json,
      maxBodyBytes: conf.max_body_size ?? 1_048_576,
      maxArguments: maxArguments === 0 ? Number.POSITIVE_INFINITY : maxArguments,
    },
    issues,
  };
}

function compileChange(mask: StoredMask, path: string, issues: Issue[]): Change {
  const { action, regex = "", value = "" } = mask;
  if (action === "remove") return () => null;
  if (action === "replace") return () => value;
  const pattern = compilePattern(regex);
  const replacement = compileReplacement(value);
  for (const issue of pattern.issues) issues.push({ ...issue, path: `${path}/regex` });
  for (const issue of replacement.issues) issues.push({ ...issue, path: `${path}/value` });
  const { value: compiled } = pattern;
  const { value: filled } = replacement;
  if (compiled === undefined || filled === undefined) return () => null;
  return (text) => replaceFirst(text, compiled, filled);
}

function apply(masks: Masks, ctx: RequestContext): void {
  if (masks.query.length > 0) ctx.query = maskArguments(ctx.query, masks.query);
  for (const { name, change } of masks.headers) {
    const value = namedHeader(ctx, name);
    if (value === null) continue;
    const shown = change(value);
    if (shown === null) ctx.editHeaders().remove(name.toLowerCase());
    else ctx.editHeaders().set(name.toLowerCase(), toHeaderValue(shown));
  }
  if (masks.form.length + masks.json.length > 0) maskBody(ctx, (text) => maskText(masks, text));
}

function maskText({ form, json, maxBodyBytes, maxArguments }: Masks, text: string): string | null {
  if (Buffer.byteLength(text) > maxBodyBytes) return null;
  if (form.length > 0) {
    const shown = text.split("&").slice(0, maxArguments).join("&");
    return maskArguments(shown, form);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isJsonObject(value) && !Array.isArray(value)) return null;
  for (const { path, change, isPartial } of json) {
    if (path === undefined) continue;
    editMembers(value, path, (member) => {
      if (isPartial && typeof member === "object") return member;
      const given = String(member);
      const shown = change(given);
      return shown === given ? member : shown;
    });
  }
  return JSON.stringify(value);
}

/** Arguments as they were written, but for the values of those that are named. */
function maskArguments(query: string, masks: readonly Named[]): string {
  const pairs = query === "" ? [] : query.split("&");
  for (const { name, change } of masks) {
    for (let i = pairs.length - 1; i >= 0; i--) {
      const [encoded = "", ...rest] = (pairs[i] ?? "").split("=");
      if (decoded(encoded) !== name) continue;
      const shown = change(decoded(rest.join("=")));
      if (shown === null) pairs.splice(i, 1);
      else pairs[i] = `${encoded}=${encodeURIComponent(shown)}`;
    }
  }
  return pairs.join("&");
}

function decoded(text: string): string {
  return new URLSearchParams(`a=${text}`).get("a") ?? text;
}

import { decodeComponent } from "./query-arguments.ts";
import type { RequestView } from "./request-view.ts";

/** Most fields of a form and parts of a multipart body; the rest is not looked at. */
const maxFields = 10_000;

/** What a body says, by the request it is of: several conditions ask for it. */
const known = new WeakMap<RequestView, { readonly body: string; readonly value: unknown }>();

export function isForm(view: RequestView): boolean {
  return (view.header("content-type") ?? "").startsWith("application/x-www-form-urlencoded");
}

/**
 * What a body says by its content type (apisix/core/request.lua, get_request_body_table): JSON, a form
 * or the texts of multipart parts; `undefined` for every other type, and for what is none of it.
 */
export function parsedBody(view: RequestView, body: string): unknown {
  const before = known.get(view);
  if (before?.body === body) return before.value;
  const value = parse(body, view.header("content-type") ?? "");
  known.set(view, { body, value });
  return value;
}

function parse(body: string, type: string): unknown {
  if (type.includes("application/json")) return parseJson(body);
  if (type.includes("application/x-www-form-urlencoded")) return parseForm(body);
  return type.includes("multipart/form-data") ? parseParts(body, type) : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function parseForm(text: string): Readonly<Record<string, unknown>> {
  const fields = new Map<string, unknown>();
  for (const pair of text.split("&", maxFields)) {
    const equals = pair.indexOf("=");
    const name = decodeComponent(equals < 0 ? pair : pair.slice(0, equals));
    if (name !== "") add(fields, name, equals < 0 ? true : decodeComponent(pair.slice(equals + 1)));
  }
  return Object.fromEntries(fields);
}

/** A name that comes several times is a list. */
function add(fields: Map<string, unknown>, name: string, value: unknown): void {
  const before = fields.get(name);
  if (before === undefined) fields.set(name, value);
  else if (Array.isArray(before)) before.push(value);
  else fields.set(name, [before, value]);
}

/** RFC 7578; the value of a name is its last part. */
function parseParts(body: string, type: string): Readonly<Record<string, unknown>> | undefined {
  const found = /boundary=(?:"([^"]+)"|([^;\s]+))/.exec(type);
  const boundary = found?.[1] ?? found?.[2];
  if (boundary === undefined) return undefined;
  const fields = new Map<string, unknown>();
  for (const part of body.split(`--${boundary}`, maxFields).slice(1)) {
    const end = part.indexOf("\r\n\r\n");
    if (end < 0) continue;
    const name = /content-disposition:[^\r\n]*[;\s]name="([^"\r\n]*)"/i.exec(
      part.slice(0, end),
    )?.[1];
    if (name !== undefined) fields.set(name, part.slice(end + 4).replace(/\r\n$/, ""));
  }
  return Object.fromEntries(fields);
}

import { compilePattern, type Pattern } from "@catena/expr";
import { isJsonObject, type JsonObject, type Kind } from "@catena/schema";
import { adminErrors } from "../errors.ts";
import type { StoredItem } from "./stored-item.ts";

interface Page {
  /** From 1. */
  readonly number: number;
  readonly size: number;
}

/** Which resources of a list are asked for. */
export interface ListQuery {
  readonly page: Page | null;
  readonly matches: readonly ((kind: Kind, value: JsonObject) => boolean)[];
}

/**
 * Reads the query of a list (apisix/admin/v3_adapter.lua). Patterns run on an engine whose time is
 * linear in the text, since a viewer's pattern must not stall the process.
 *
 * @throws ADMIN_REQUEST_INVALID for a pattern that cannot be compiled, ADMIN_PAGE_SIZE_INVALID
 */
export function parseListQuery(query: URLSearchParams): ListQuery {
  const page = parsePage(query.get("page"), query.get("page_size"));
  const matches: ListQuery["matches"][number][] = [];
  const name = query.get("name");
  if (name !== null) {
    const pattern = compile("name", name);
    matches.push((_, value) => typeof value["name"] === "string" && pattern(value["name"]));
  }
  const label = query.get("label");
  if (label !== null) {
    matches.push((_, { labels }) => isJsonObject(labels) && Object.hasOwn(labels, label));
  }
  const uri = query.get("uri");
  if (uri !== null) {
    const pattern = compile("uri", uri);
    matches.push((_, value) =>
      [value["uri"], value["uris"]]
        .flat()
        .some((text) => typeof text === "string" && pattern(text)),
    );
  }
  const filter = query.get("filter");
  if (filter !== null) matches.push(parseFilter(filter));
  return { page, matches };
}

/** Applies a query; paged lists are in the order of creation, others in that of keys. */
export function selectItems(
  kind: Kind,
  items: readonly StoredItem[],
  { page, matches }: ListQuery,
): { readonly total: number; readonly items: readonly StoredItem[] } {
  const found = items.filter(({ value }) => matches.every((isMatch) => isMatch(kind, value)));
  if (page === null) return { total: found.length, items: found };
  const sorted = [...found].sort((a, b) => a.entry.createRevision - b.entry.createRevision);
  const start = (page.number - 1) * page.size;
  return { total: found.length, items: sorted.slice(start, start + page.size) };
}

function parsePage(page: string | null, size: string | null): Page | null {
  const [number, count] = [toNumber(page), toNumber(size)];
  if (number === null || count === null) return null;
  if (count < 10 || count > 500) {
    throw adminErrors.ADMIN_PAGE_SIZE_INVALID({ size: count });
  }
  return { number: Math.max(1, Math.floor(number)), size: Math.floor(count) };
}

function toNumber(text: string | null): number | null {
  if (text === null || text.trim() === "") return null;
  const number = Number(text);
  return Number.isFinite(number) ? number : null;
}

/** `filter=service_id%3D1`: equal as strings; an id stored as a number is not found. */
function parseFilter(filter: string): (kind: Kind, value: JsonObject) => boolean {
  const wanted = new URLSearchParams(filter);
  const pairs = ["service_id", "upstream_id"].flatMap((field) => {
    const last = wanted.getAll(field).at(-1);
    return last === undefined ? [] : [[field, last] as const];
  });
  return (kind, value) =>
    (kind !== "routes" && kind !== "stream_routes") ||
    pairs.every(([field, id]) => value[field] === id);
}

function compile(argument: string, pattern: string): Pattern["test"] {
  const { value, issues } = compilePattern(pattern);
  if (value !== undefined) return (text) => value.test(text);
  const reason = `invalid argument ${argument}: ${issues[0]?.message ?? "not a regular expression"}`;
  throw adminErrors.ADMIN_REQUEST_INVALID({ reason });
}

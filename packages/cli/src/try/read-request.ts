import { readFileSync } from "node:fs";
import { formatFault, parseJson } from "@catena/json";
import type { TestRequest } from "@catena/testing";
import { type OptionSpecs, type ParsedArguments, usageErrors } from "../arguments.ts";
import type { RouteShape } from "./choose-chain.ts";

/** Options that say what to send. */
export const requestOptions: OptionSpecs = {
  method: {
    type: "string",
    short: "X",
    placeholder: "METHOD",
    help: "default: the first the route takes",
  },
  param: {
    type: "string",
    multiple: true,
    placeholder: "NAME=VALUE",
    help: "a parameter of the route's path; repeatable",
  },
  path: {
    type: "string",
    placeholder: "PATH",
    help: "the whole path, in place of parameters",
  },
  query: {
    type: "string",
    multiple: true,
    placeholder: "NAME=VALUE",
    help: "an argument of the query; repeatable",
  },
  header: {
    type: "string",
    short: "H",
    multiple: true,
    placeholder: "NAME:VALUE",
    help: "a header; repeatable",
  },
  body: {
    type: "string",
    short: "d",
    placeholder: "JSON|@FILE|-",
    help: "what to send: JSON, a file's content, or standard input",
  },
};

/**
 * Makes the request that the options describe; it is one that the route takes.
 *
 * @throws USAGE
 */
export async function readRequest(args: ParsedArguments, route: RouteShape): Promise<TestRequest> {
  const headers = collect(args.texts("header"), ":", "header");
  const text = await readBody(args.text("body"), headers);
  const method = chooseMethod(args.text("method"), route, text !== undefined);
  return {
    method,
    ...choosePath(args, route),
    query: collect(args.texts("query"), "=", "query"),
    headers,
    id: Bun.randomUUIDv7(),
    ip: "127.0.0.1",
    ...(text === undefined ? {} : { text }),
  };
}

function chooseMethod(
  asked: string | undefined,
  { methods }: RouteShape,
  hasBody: boolean,
): string {
  const bodied = methods.find(
    (method) => method === "POST" || method === "PUT" || method === "PATCH",
  );
  if (asked === undefined) return (hasBody ? bodied : undefined) ?? methods[0] ?? "POST";
  const method = asked.toUpperCase();
  if (methods.length === 0 || methods.includes(method)) return method;
  throw usage(`--method ${method}: the route takes ${methods.join(", ")}`);
}

function choosePath(
  args: ParsedArguments,
  { uri }: RouteShape,
): Pick<TestRequest, "path" | "params"> {
  const names = [...uri.matchAll(/\/:([^/*]+)/g)].map(([, name = ""]) => name);
  const path = args.text("path");
  if (path !== undefined) {
    const values = patternOf(uri).exec(path)?.slice(1);
    if (values === undefined) throw usage(`--path ${path} is none of ${uri}`);
    return { path, params: Object.fromEntries(names.map((name, i) => [name, decode(values[i])])) };
  }
  const params: Record<string, string> = {};
  for (const [name, value] of pairs(args.texts("param"), "=", "param")) params[name] = value;
  const unknown = Object.keys(params).find((name) => !names.includes(name));
  if (unknown !== undefined) throw usage(`--param ${unknown}: the path is ${uri}`);
  const missing = names.find((name) => params[name] === undefined);
  if (missing !== undefined) throw usage(`--param ${missing}=… is missing: the path is ${uri}`);
  return { params };
}

/** Paths of a route: a parameter is a segment, a star at the end is anything. */
function patternOf(uri: string): RegExp {
  const source = uri.replace(/\/:[^/*]+|\*$|[.+?^$()[\]|\\{}]/g, (found) => {
    if (found === "*") return ".*";
    return found.startsWith("/:") ? "/([^/]+)" : `\\${found}`;
  });
  return new RegExp(`^${source}$`);
}

function decode(segment = ""): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** @param headers those of the request: JSON is looked at only where it is declared. */
async function readBody(
  given: string | undefined,
  headers: Readonly<Record<string, string | readonly string[]>>,
): Promise<string | undefined> {
  if (given === undefined) return undefined;
  const isFile = given.startsWith("@");
  const name = given === "-" ? "standard input" : isFile ? given.slice(1) : "--body";
  const text =
    given === "-" ? await Bun.stdin.text() : isFile ? readFileSync(given.slice(1), "utf8") : given;
  const type = Object.entries(headers).find(([key]) => key.toLowerCase() === "content-type")?.[1];
  if (type !== undefined && !/json/i.test(String(type))) return text;
  const json = parseJson(text);
  if (json.kind === "value") return text;
  const hint = type === undefined ? "; for another type give --header content-type:…" : "";
  throw usage(`${name} is not JSON: ${formatFault(json)}${hint}`);
}

function collect(
  given: readonly string[],
  separator: string,
  option: string,
): Readonly<Record<string, string | readonly string[]>> {
  const values = new Map<string, string[]>();
  for (const [name, value] of pairs(given, separator, option)) {
    values.set(name, [...(values.get(name) ?? []), value]);
  }
  return Object.fromEntries(
    [...values].map(([name, all]) => [name, all.length === 1 ? (all[0] ?? "") : all]),
  );
}

function pairs(
  given: readonly string[],
  separator: string,
  option: string,
): readonly (readonly [string, string])[] {
  return given.map((text) => {
    const at = text.indexOf(separator);
    // What is wrong may be a value, and a value may be a secret.
    if (at <= 0) throw usage(`--${option} has no name: write --${option} NAME${separator}VALUE`);
    return [text.slice(0, at).trim(), text.slice(at + 1).trim()];
  });
}

function usage(reason: string): Error {
  return usageErrors.USAGE({ reason, command: "try" });
}

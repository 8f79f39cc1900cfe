import type { Upstream } from "@catena/schema";

/** What consistent hashing reads of a request. */
export interface HashView {
  /**
   * A request variable by nginx's name (`uri`, `arg_NAME`, `http_NAME`, `cookie_NAME`,
   * `consumer_name`, …); `null` or `undefined` when the request has no such thing.
   */
  variable(name: string): string | null | undefined;
  /** `remote_addr`: what is hashed when the configured part is missing. */
  readonly clientAddress: string;
}

/** Reads from a request what its upstream hashes on. */
export type ReadHashKey = (view: HashView) => string;

/**
 * Compiles `hash_on` and `key` of an upstream of type `chash` (apisix/balancer/chash.lua). A part that
 * the request lacks, or that is empty, is replaced by the client's address.
 */
export function compileHashKey(upstream: Pick<Upstream, "hash_on" | "key">): ReadHashKey {
  const key = upstream.key ?? "";
  switch (upstream.hash_on ?? "vars") {
    case "consumer":
      return readVariable("consumer_name");
    case "header":
      return readVariable(`http_${key.toLowerCase().replaceAll("-", "_")}`);
    case "cookie":
      return readVariable(`cookie_${key}`);
    case "vars_combinations":
      return readCombination(key);
    case "vars":
      return readVariable(key);
  }
}

const readVariable =
  (name: string): ReadHashKey =>
  (view) =>
    orAddress(view.variable(name), view);

const orAddress = (value: string | null | undefined, view: HashView): string =>
  value === null || value === undefined || value === "" ? view.clientAddress : value;

interface TemplatePart {
  /** Literal text in front of the variable. */
  readonly text: string;
  /** `null` in the last part. */
  readonly name: string | null;
  readonly fallback: string;
}

/**
 * `$name` and `${name ?? default}` in text (apisix/core/utils.lua, `resolve_var`); a backslash keeps a
 * dollar, and stays itself.
 */
const VARIABLE = /(?<!\\)\$(?:\{([^}]+)\}|([\w.]+))/g;

function readCombination(template: string): ReadHashKey {
  const parts = parseTemplate(template);
  return (view) => {
    let text = "";
    let found = false;
    for (const part of parts) {
      text += part.text;
      if (part.name === null) continue;
      const value = view.variable(part.name) ?? "";
      if (value !== "") found = true;
      text += value === "" ? part.fallback : value;
    }
    return found ? text : view.clientAddress;
  };
}

function parseTemplate(template: string): readonly TemplatePart[] {
  const parts: TemplatePart[] = [];
  let at = 0;
  for (const match of template.matchAll(VARIABLE)) {
    const [name = "", fallback = ""] = (match[1] ?? match[2] ?? "").split("??");
    parts.push({
      text: template.slice(at, match.index),
      name: name.trim(),
      fallback: fallback.trim(),
    });
    at = match.index + match[0].length;
  }
  parts.push({ text: template.slice(at), name: null, fallback: "" });
  return parts;
}

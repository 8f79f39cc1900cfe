import type { Issue } from "@catena/errors";
import { compileTemplate, compileVariable, type RequestView } from "@catena/expr";
import type { Upstream } from "@catena/schema";

/** Reads from a request what its upstream hashes on. */
export type ReadHashKey = (view: RequestView) => string;

/**
 * Compiles `hash_on` and `key` of an upstream of type `chash` (apisix/balancer/chash.lua). A part that
 * the request lacks, or that is empty, is replaced by the client's address.
 *
 * @param issues gets a variable that can't be had here; then all requests count by address.
 */
export function compileHashKey(
  upstream: Pick<Upstream, "hash_on" | "key">,
  issues: Issue[],
): ReadHashKey {
  const key = upstream.key ?? "";
  switch (upstream.hash_on ?? "vars") {
    case "consumer":
      return readVariable("consumer_name", issues);
    case "header":
      return readVariable(`http_${key}`, issues);
    case "cookie":
      return readVariable(`cookie_${key}`, issues);
    case "vars_combinations":
      return readCombination(key, issues);
    case "vars":
      return readVariable(key, issues);
  }
}

const byAddress: ReadHashKey = (view) => view.clientAddress;

function readVariable(name: string, issues: Issue[]): ReadHashKey {
  const { value: variable, issues: found } = compileVariable(name);
  if (variable === undefined) return refuse(found, issues);
  return (view) => {
    const value = variable(view);
    return value === undefined || value === "" ? view.clientAddress : String(value);
  };
}

function readCombination(text: string, issues: Issue[]): ReadHashKey {
  const { value: template, issues: found } = compileTemplate(text);
  if (template === undefined) return refuse(found, issues);
  return (view) => template.renderIfAny(view) ?? view.clientAddress;
}

function refuse(found: readonly Issue[], issues: Issue[]): ReadHashKey {
  issues.push(...found.map((issue) => ({ ...issue, path: "/key" })));
  return byAddress;
}

import type { CompiledResource } from "@catena/dsl";
import { checkChain } from "@catena/ir";
import { type ClassicChain, isJsonObject, type JsonObject } from "@catena/schema";
import { testingErrors } from "./errors.ts";
import { Operations, operationsOfClassic, operationsOfSteps } from "./operations.ts";

/** The chain that is tested, with all it can use. */
export interface Subject {
  readonly id: string;
  readonly conf: JsonObject;
  readonly isClassic: boolean;
  /** The route's first path and method. */
  readonly route: { readonly path: string; readonly method: string };
  readonly operations: Operations;
  /** Names of its own steps, in their order. */
  readonly steps: readonly string[];
  /** The stored conf of another chain, for `sub`. */
  chain(id: string): unknown;
}

/**
 * Finds the chain of a route among resources.
 *
 * @param route its id; may be left out when only one route has a chain that no other one uses.
 * @throws TESTING_CHAIN
 */
export function findSubject(resources: readonly CompiledResource[], route?: string): Subject {
  const chains = new Map<string, { readonly id: string; readonly conf: JsonObject }>();
  for (const { kind, id, value } of resources) {
    const conf = kind === "routes" ? confOf(value) : null;
    if (conf !== null) chains.set(id, { id, conf });
  }
  const byAlias = new Map([...chains.values()].map((found) => [aliasOf(found), found.conf]));
  const id = route ?? onlyOf([...chains.values()]);
  const conf = chains.get(id)?.conf;
  const value = resources.find((one) => one.kind === "routes" && one.id === id)?.value;
  if (conf === undefined || value === undefined) {
    throw testingErrors.TESTING_CHAIN({
      reason: `no route "${id}" with a chain; there are ${[...chains.keys()].join(", ") || "none"}`,
    });
  }
  const operations = [...chains.values()].flatMap((found) => operationsOf(found.conf));
  return {
    id,
    conf,
    isClassic: isClassic(conf),
    route: { path: firstText(value["uri"] ?? value["uris"]), method: methodOf(value) },
    operations: new Operations(operations),
    steps: stepsOf(conf),
    chain: (name) => byAlias.get(name) ?? null,
  };
}

function confOf(value: JsonObject): JsonObject | null {
  const plugins = value["plugins"];
  const conf = isJsonObject(plugins) ? plugins["proxy-chain"] : null;
  return isJsonObject(conf) ? conf : null;
}

/** Chains that others use come along with them; the one that is left is meant. */
function onlyOf(chains: readonly { readonly id: string; readonly conf: JsonObject }[]): string {
  const used = new Set(chains.flatMap(({ conf }) => subsOf(conf)));
  const tops = chains.filter((found) => !used.has(aliasOf(found)));
  const [only, ...others] = tops;
  if (only !== undefined && others.length === 0) return only.id;
  const ids = tops.map(({ id }) => id).join(", ");
  throw testingErrors.TESTING_CHAIN({
    reason: only === undefined ? "there is no chain" : `say which route: { route: … } of ${ids}`,
  });
}

function aliasOf({ id, conf }: { readonly id: string; readonly conf: JsonObject }): string {
  const alias = conf["id"];
  return typeof alias === "string" ? alias : id;
}

function subsOf(conf: JsonObject): readonly string[] {
  const names = JSON.stringify(conf["steps"] ?? []).matchAll(/"sub":\{"chain":"([^"]+)"/g);
  return [...names].map(([, name = ""]) => name);
}

function operationsOf(conf: JsonObject) {
  // Compiled resources have passed the rules of the form they are in.
  if (isClassic(conf)) return operationsOfClassic(conf as unknown as ClassicChain);
  const { value } = checkChain(conf);
  return value === undefined ? [] : operationsOfSteps(value);
}

function stepsOf(conf: JsonObject): readonly string[] {
  if (isClassic(conf)) return operationsOf(conf).map(({ name }) => name);
  return checkChain(conf).value?.steps.map(({ name }) => name) ?? [];
}

function isClassic(conf: JsonObject): boolean {
  return "services" in conf;
}

function methodOf(value: JsonObject): string {
  return firstText(value["methods"]) || "POST";
}

function firstText(value: unknown): string {
  const first: unknown = Array.isArray(value) ? value[0] : value;
  return typeof first === "string" ? first : "";
}

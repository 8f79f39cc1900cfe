import type { CompiledResource } from "@catena/dsl";
import type { Issue, SourcePosition } from "@catena/errors";
import { chainIdOf } from "@catena/gateway";
import { type ExplainedChain, explainChain } from "@catena/ir";
import { didYouMean, formatName, isJsonObject, type JsonObject } from "@catena/schema";

/** A chain with the resource that holds it. */
export interface FoundChain {
  /** `routes/checkout` */
  readonly resource: string;
  /** Names it is asked for by: the resource's id, and the chain's own. */
  readonly names: readonly string[];
  /** Which requests it takes: `POST /v1/checkout`; empty where the resource does not say. */
  readonly takes: readonly string[];
  readonly isOff: boolean;
  readonly source: SourcePosition | undefined;
  readonly plan: ExplainedChain;
}

/** What explaining the chains of some resources found. */
export interface FoundChains {
  readonly chains: readonly FoundChain[];
  readonly issues: readonly Issue[];
}

/** Finds and explains every chain: a plugin of routes, and of what routes share. */
export function findChains(resources: readonly CompiledResource[]): FoundChains {
  const chains: FoundChain[] = [];
  const issues: Issue[] = [];
  for (const { kind, id, value, source } of resources) {
    const conf = isJsonObject(value["plugins"]) ? value["plugins"]["proxy-chain"] : undefined;
    if (!isJsonObject(conf)) continue;
    const { _meta: meta, ...chain } = conf;
    const explained = explainChain(chain);
    const resource = formatName({ kind, id });
    if (explained.value === undefined) {
      issues.push(
        ...explained.issues.map((issue) => ({
          ...issue,
          path: `/plugins/proxy-chain${issue.path}`,
          resource,
          ...(source === undefined ? {} : { source }),
        })),
      );
      continue;
    }
    const own = chainIdOf(value);
    chains.push({
      resource,
      names: own === undefined || own === id ? [id] : [id, own],
      takes: requestsOf(value),
      isOff: value["status"] === 0 || (isJsonObject(meta) && meta["disable"] === true),
      source,
      plan: explained.value,
    });
  }
  return { chains, issues };
}

/** The chains of a name; an issue when there are none. */
export function chooseChains(
  chains: readonly FoundChain[],
  name: string | undefined,
  places: readonly string[],
): FoundChains {
  if (name === undefined) {
    if (chains.length > 0) return { chains, issues: [] };
    const message = `there is no chain in ${places.join(", ")}`;
    const expected = "a route that is made with chain(…), or has the plugin proxy-chain";
    return { chains, issues: [{ path: "", code: "EXPLAIN_NO_CHAIN", message, expected }] };
  }
  const chosen = chains.filter(({ names, resource }) => names.includes(name) || resource === name);
  if (chosen.length > 0) return { chains: chosen, issues: [] };
  const known = [...new Set(chains.flatMap(({ names }) => names))];
  const meant = didYouMean(name, known);
  return {
    chains: [],
    issues: [
      {
        path: "",
        code: "EXPLAIN_CHAIN_UNKNOWN",
        message: `there is no chain "${name}" in ${places.join(", ")}`,
        ...(known.length === 0 ? {} : { expected: `one of ${known.join(", ")}` }),
        ...(meant === null ? {} : { hint: `did you mean ${meant}?` }),
      },
    ],
  };
}

/** `GET,POST /users/:id of example.com`, one for each path. */
function requestsOf(value: JsonObject): readonly string[] {
  const methods = texts(value["methods"]);
  const hosts = texts(value["host"] ?? value["hosts"]);
  const method = methods.length === 0 ? "" : `${methods.join(",")} `;
  const host = hosts.length === 0 ? "" : ` of ${hosts.join(", ")}`;
  return texts(value["uri"] ?? value["uris"]).map((uri) => method + uri + host);
}

function texts(value: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.filter((one) => typeof one === "string");
}

import type { Issue } from "@catena/errors";
import { checkChain, findEndlessUse, type StoredChain, type StoredStep } from "@catena/ir";
import { formatName, isJsonObject, type JsonObject } from "@catena/schema";
import { PLUGIN_PATH } from "../chain/lowered-chain.ts";
import { dslIssue } from "../errors.ts";
import type { CompiledResource } from "./compile.ts";

/** What a route's chain is, as far as others can use it. */
interface Known {
  readonly resource: CompiledResource;
  /** `null` for one of the classic form. */
  readonly chain: StoredChain | null;
}

/**
 * Finds uses of chains that could never work: chains that use each other, or themselves, without a
 * condition, and ones that do not end with a reply. Chains declared elsewhere are not known here.
 */
export function checkUsedChains(resources: readonly CompiledResource[]): readonly Issue[] {
  const known = new Map<string, Known>();
  for (const resource of resources) {
    const conf = confOf(resource);
    if (conf === null) continue;
    const chain = "steps" in conf ? (checkChain(conf).value ?? null) : null;
    known.set(chain?.id ?? resource.id, { resource, chain });
  }
  return [...known].flatMap(([name, { resource, chain }]) =>
    chain === null
      ? []
      : [...endlessUse(name, chain, resource, known), ...badUses(chain, resource, known)],
  );
}

function endlessUse(
  name: string,
  chain: StoredChain,
  resource: CompiledResource,
  known: ReadonlyMap<string, Known>,
): readonly Issue[] {
  const found = findEndlessUse(name, chain, (other) => known.get(other)?.chain ?? null);
  if (found === null) return [];
  const names = found.names.map((one) => `"${one}"`).join(" uses ");
  return [
    issueAt(resource, found.path, `running it would never end: ${names}`, {
      hint: "give the step that uses it a when, or put it into a branch",
    }),
  ];
}

function badUses(
  chain: StoredChain,
  resource: CompiledResource,
  known: ReadonlyMap<string, Known>,
): readonly Issue[] {
  return chain.steps.flatMap((step, index) =>
    usesOf(step).flatMap((name) => {
      const used = known.get(name);
      if (used === undefined || used.chain?.reply !== undefined) return [];
      return [
        issueAt(resource, `/steps/${index}`, `"${name}" cannot be used by another chain`, {
          hint: "end it with .reply(…)",
        }),
      ];
    }),
  );
}

/** Names of the chains that a step may run. */
function usesOf({ sub, each, choose }: StoredStep): readonly string[] {
  const actions = [{ sub }, each?.do, ...(choose?.branches ?? []), choose?.otherwise];
  return actions.flatMap((action) => (action?.sub === undefined ? [] : [action.sub.chain]));
}

function issueAt(
  { id, kind, source }: CompiledResource,
  path: string,
  message: string,
  more: { readonly hint: string },
): Issue {
  const resource = formatName({ kind, id });
  return dslIssue("DSL_CHAIN", message, { ...more, resource, path: PLUGIN_PATH + path, source });
}

function confOf({ kind, value }: CompiledResource): JsonObject | null {
  const plugins = kind === "routes" ? value["plugins"] : undefined;
  const conf = isJsonObject(plugins) ? plugins["proxy-chain"] : undefined;
  if (!isJsonObject(conf)) return null;
  const { _meta: _, ...chain } = conf;
  return chain;
}

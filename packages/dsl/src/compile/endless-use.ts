import type { Issue } from "@catena/errors";
import { checkChain, findEndlessUse, type StoredChain } from "@catena/ir";
import { formatName, isJsonObject } from "@catena/schema";
import { PLUGIN_PATH } from "../chain/lowered-chain.ts";
import { dslIssue } from "../errors.ts";
import type { CompiledResource } from "./compile.ts";

/** Finds chains that use each other, or themselves, without a condition: they could never end. */
export function checkEndlessUse(resources: readonly CompiledResource[]): readonly Issue[] {
  const chains = new Map<string, StoredChain>();
  const routes = resources.flatMap((resource) => {
    const chain = chainOf(resource);
    if (chain === null) return [];
    chains.set(chain.id ?? resource.id, chain);
    return [{ resource, chain }];
  });
  return routes.flatMap(({ resource, chain }) => {
    const { id, kind, source } = resource;
    const found = findEndlessUse(chain.id ?? id, chain, (name) => chains.get(name) ?? null);
    if (found === null) return [];
    const names = found.names.map((name) => `"${name}"`).join(" uses ");
    return [
      dslIssue("DSL_CHAIN", `running it would never end: ${names}`, {
        resource: formatName({ kind, id }),
        path: PLUGIN_PATH + found.path,
        hint: "give the step that uses it a when, or put it into a branch",
        source,
      }),
    ];
  });
}

function chainOf({ kind, value }: CompiledResource): StoredChain | null {
  const plugins = kind === "routes" ? value["plugins"] : undefined;
  const conf = isJsonObject(plugins) ? plugins["proxy-chain"] : undefined;
  if (!isJsonObject(conf) || !("steps" in conf)) return null;
  const { _meta: _, ...chain } = conf;
  return checkChain(chain).value ?? null;
}

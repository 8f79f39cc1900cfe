import type { Issue } from "@catena/errors";
import { chainIdOf } from "@catena/gateway";
import { plugins } from "@catena/plugins";
import {
  formatKey,
  formatName,
  isJsonObject,
  parseKey,
  type Reference,
  type ResourceKey,
  referencesOf,
} from "@catena/schema";
import type { StoreEntry } from "@catena/store";
import type { DeployPlan, LocalResource } from "./plan-changes.ts";

/** A resource with where it was declared, when it comes from a config. */
type Located = LocalResource & { readonly source?: Issue["source"] };

/**
 * Finds what would point at nothing once a plan is carried out: resources of the configs that refer to
 * what neither they nor the store have, and stored resources that refer to what is to be deleted. The
 * Admin API refuses both alike.
 */
export function checkLinks(
  resources: readonly Located[],
  stored: readonly StoreEntry[],
  plan: DeployPlan,
  prefix: string,
): readonly Issue[] {
  const deleted = new Set(
    plan.changes.filter(({ action }) => action === "delete").map(({ key }) => key),
  );
  const local = new Set(resources.map((resource) => formatKey(resource, prefix)));
  const present = new Set(local);
  for (const { key } of stored) if (!deleted.has(key)) present.add(key);
  for (const id of chainIds(resources, stored, present, prefix)) {
    present.add(formatKey({ kind: "routes", id }, prefix));
  }
  const issues = resources.flatMap((resource) =>
    referencesIn(resource, resource.value)
      .filter((target) => !present.has(formatKey(target, prefix)))
      .map((target) => toMissing(resource, target)),
  );
  if (deleted.size === 0) return issues;
  for (const { key, value } of stored) {
    const parsed = parseKey(key, prefix);
    if (parsed.type !== "resource" || local.has(key) || deleted.has(key)) continue;
    for (const target of referencesIn(parsed, parseText(value))) {
      if (deleted.has(formatKey(target, prefix))) issues.push(toInUse(parsed, target));
    }
  }
  return issues;
}

/** What the chains that there will be call themselves: others may use them by that name. */
function chainIds(
  resources: readonly Located[],
  stored: readonly StoreEntry[],
  present: ReadonlySet<string>,
  prefix: string,
): readonly string[] {
  const local = new Map(resources.map((one) => [formatKey(one, prefix), one.value]));
  const kept = stored.filter(({ key }) => present.has(key) && !local.has(key));
  return [...local.values(), ...kept.map(({ value }) => parseText(value))]
    .map(chainIdOf)
    .filter((id) => id !== undefined);
}

function referencesIn({ kind, id }: ResourceKey, value: unknown): readonly Reference[] {
  return referencesOf(kind, value, { id, registry: plugins.registry });
}

function parseText(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : null;
  } catch {
    return null;
  }
}

function toMissing(resource: Located, target: Reference): Issue {
  return {
    path: target.path,
    code: "DEPLOY_LINK_MISSING",
    message: `refers to ${formatName(target)}, which neither these configs nor the store have`,
    hint: "declare it, mend the id, or deploy with --force",
    resource: formatName(resource),
    ...(resource.source === undefined ? {} : { source: resource.source }),
  };
}

function toInUse(user: ResourceKey, target: Reference): Issue {
  return {
    path: target.path,
    code: "DEPLOY_IN_USE",
    message: `refers to ${formatName(target)}, which is to be deleted, and is not of these configs`,
    hint: "change it first, deploy without --prune, or with --force",
    resource: formatName(user),
  };
}

import type { Comparison, Operation, StoreEntry } from "@catena/store";
import { diffValues, type FieldChange } from "./diff-values.ts";

/** A resource as configs give it: `kind` is the plural name in the store's keys. */
export interface LocalResource {
  readonly kind: string;
  readonly id: string;
  readonly value: Readonly<Record<string, unknown>>;
}

export interface PlannedChange {
  readonly action: "create" | "update" | "delete";
  readonly key: string;
  /** `routes/checkout` */
  readonly name: string;
  readonly fields: readonly FieldChange[];
}

/** What a deploy would do; pure data, made without touching the store. */
export interface DeployPlan {
  readonly changes: readonly PlannedChange[];
  readonly unchanged: number;
  /** Deployed earlier from these configs and no longer in them; deleted only with `--prune`. */
  readonly orphans: readonly string[];
  readonly comparisons: readonly Comparison[];
  readonly operations: readonly Operation[];
}

export interface PlanInput {
  readonly resources: readonly LocalResource[];
  /** Everything under the prefix, as listed. */
  readonly stored: readonly StoreEntry[];
  /** Keys an earlier deploy of the same name wrote. */
  readonly deployed: readonly string[];
  readonly prefix: string;
  readonly prune: boolean;
  /** Unix seconds, for `create_time` and `update_time`. */
  readonly now: number;
}

/** Fields the store's book-keeping adds; never part of a comparison. */
const bookkeeping = new Set(["id", "create_time", "update_time"]);
const withoutTimes = new Set(["plugin_metadata"]);
const withoutId = new Set(["consumers"]);

/**
 * Compares what configs say with what is stored. Only resources whose content differs are written;
 * every write names the revision it was planned against, so that a change by someone else in between
 * makes the whole deploy fail instead of being overwritten.
 */
export function planChanges(input: PlanInput): DeployPlan {
  const stored = new Map(input.stored.map((entry) => [entry.key, entry]));
  const changes: PlannedChange[] = [];
  const comparisons: Comparison[] = [];
  const operations: Operation[] = [];
  const wanted = new Set<string>();
  let unchanged = 0;
  for (const resource of input.resources) {
    const key = `${input.prefix}/${resource.kind}/${resource.id}`;
    wanted.add(key);
    const entry = stored.get(key);
    const before = entry === undefined ? null : parseStored(entry.value);
    const fields = diffValues(strip(before ?? {}), strip(resource.value));
    if (before !== null && fields.length === 0) {
      unchanged++;
      continue;
    }
    changes.push({
      action: entry === undefined ? "create" : "update",
      key,
      name: `${resource.kind}/${resource.id}`,
      fields,
    });
    comparisons.push({ key, modRevision: entry?.modRevision ?? 0 });
    operations.push({ kind: "put", key, value: toStored(resource, before, input.now) });
  }
  const orphans = input.deployed.filter((key) => !wanted.has(key) && stored.has(key));
  if (input.prune) {
    for (const key of orphans) {
      changes.push({ action: "delete", key, name: key.slice(input.prefix.length + 1), fields: [] });
      comparisons.push({ key, modRevision: stored.get(key)?.modRevision ?? 0 });
      operations.push({ kind: "delete", key });
    }
  }
  return {
    changes,
    unchanged,
    orphans: input.prune ? [] : orphans.map((key) => key.slice(input.prefix.length + 1)),
    comparisons,
    operations,
  };
}

/** The stored text: what configs say plus APISIX's book-keeping (apisix/admin/resource.lua). */
function toStored(
  resource: LocalResource,
  before: Readonly<Record<string, unknown>> | null,
  now: number,
): string {
  const value: Record<string, unknown> = { ...resource.value };
  if (!withoutId.has(resource.kind)) value["id"] = resource.id;
  if (!withoutTimes.has(resource.kind)) {
    value["create_time"] = before?.["create_time"] ?? now;
    value["update_time"] = now;
  }
  return JSON.stringify(value);
}

function strip(value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !bookkeeping.has(key)));
}

/** `null` for what is not a JSON object: it will be replaced as a whole. */
function parseStored(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value))
      : null;
  } catch {
    return null;
  }
}

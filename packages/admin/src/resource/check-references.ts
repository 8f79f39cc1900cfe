import { formatKey, isJsonObject, type JsonObject, type Kind, referencesOf } from "@catena/schema";
import type { Comparison } from "@catena/store";
import type { AdminContext } from "../admin-context.ts";
import { adminErrors } from "../errors.ts";
import type { Address } from "./address.ts";
import { invalid } from "./prepare-document.ts";
import { decodeEntry } from "./stored-item.ts";

/** APISIX's words for a target that is not there, up to the id. */
const missing: Readonly<Partial<Record<Kind, string>>> = {
  upstreams: "upstream info by upstream id ",
  services: "service info by service id ",
  plugin_configs: "plugin config info by plugin config id ",
  consumer_groups: "consumer group info by consumer group id ",
  ssls: "ssl info by ssl id ",
  stream_routes: "stream routes",
};

/** Comparisons a transaction gets beside its operations; a store limits their sum (etcd: 128). */
const maxGuards = 100;

/**
 * Looks for everything a document points at by its own fields. What plugins point at is not looked
 * for, as in APISIX: clients write upstreams after what mentions them in traffic-split.
 *
 * @returns comparisons under which the targets are still there when the document is stored.
 * @throws ADMIN_RESOURCE_INVALID, ADMIN_OWNER_MISSING
 */
export async function checkReferences(
  context: AdminContext,
  { kind }: Address,
  document: JsonObject,
  id: string | undefined,
): Promise<readonly Comparison[]> {
  const guards: Comparison[] = [];
  const references = referencesOf(kind, document, id === undefined ? {} : { id });
  for (const reference of references) {
    if (reference.plugin !== undefined) continue;
    if (reference.kind === "stream_routes" && reference.id === id) {
      throw invalid("stream route can not set itself as superior_id");
    }
    const entry = await context.store.get(formatKey(reference, context.prefix));
    if (entry === null) {
      // The consumer of a credential stands in its id; APISIX answers 404 for that one alone.
      if (reference.kind === "consumers")
        throw adminErrors.ADMIN_OWNER_MISSING({ kind: "consumer" });
      throw invalid(
        `failed to fetch ${missing[reference.kind] ?? reference.kind}[${reference.id}], response code: 404`,
      );
    }
    checkTarget(reference.kind, reference.id, decodeEntry(entry), document);
    guards.push({ key: entry.key, modRevision: entry.modRevision });
  }
  return [...new Map(guards.map((guard) => [guard.key, guard])).values()].slice(0, maxGuards);
}

function checkTarget(kind: Kind, id: string, target: JsonObject, document: JsonObject): void {
  if (kind === "ssls" && target["type"] !== "client") {
    throw invalid(`failed to fetch ssl info by ssl id [${id}], wrong ssl type`);
  }
  if (kind !== "stream_routes") return;
  const [own, superior] = [protocolOf(document), protocolOf(target)];
  if (own !== superior) {
    throw invalid(
      `protocol mismatch: subordinate protocol [${own}] does not match superior protocol [${superior}]`,
    );
  }
}

function protocolOf(document: JsonObject): string {
  const protocol = document["protocol"];
  return isJsonObject(protocol) ? String(protocol["name"]) : "nil";
}

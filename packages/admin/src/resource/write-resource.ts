import { parseJson } from "@catena/json";
import { isJsonObject, type JsonObject, type Kind, kinds } from "@catena/schema";
import type { Operation } from "@catena/store";
import type { AdminContext } from "../admin-context.ts";
import { adminErrors } from "../errors.ts";
import { maxBodyBytes } from "../http/read-body.ts";
import { type Address, keyOf } from "./address.ts";
import { checkReferences } from "./check-references.ts";
import { checkUnique } from "./check-unique.ts";
import { mergePatch, patchAt } from "./patch-value.ts";
import { invalid, prepareDocument } from "./prepare-document.ts";
import { withoutPrivateKeys } from "./read-resource.ts";
import type { ResourceReply } from "./resource-reply.ts";
import { decodeEntry, parseStored } from "./stored-item.ts";

/** What a write is given beside its address. */
export interface WriteRequest {
  /** `undefined` when there was no body. */
  readonly body: unknown;
  readonly ttlSeconds?: number;
}

/** Attempts against writers of the same key; each lost attempt is somebody's won one. */
const maxAttempts = 16;

/**
 * Stores a document as it was sent, with its id and times added. The last writer wins; that the
 * create_time and the status are right although others write is what the comparison is for.
 *
 * @returns 201 when the key is new, else 200.
 * @throws ADMIN_RESOURCE_INVALID, ADMIN_OWNER_MISSING, ADMIN_CONFLICT, STORE_*
 */
export async function putResource(
  context: AdminContext,
  address: Address,
  request: WriteRequest,
): Promise<ResourceReply> {
  const { key = "", id, document } = prepareDocument(context, address, request.body, "put");
  const { store, cipher } = context;
  const { kind } = address;
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const existing = await store.get(key);
    const guards = await checkReferences(context, address, document, id);
    await checkUnique(context, address, document, id);
    const previous = existing === null ? null : parseStored(existing.value);
    const value = cipher.encrypt(
      kind,
      withTimes(context, kind, document, previous?.["create_time"]),
    );
    const result = await store.transact({
      comparisons: [{ key, modRevision: existing?.modRevision ?? 0 }, ...guards],
      operations: [put(key, value, request)],
    });
    if (result.committed) return written(context, kind, existing === null ? 201 : 200, key, value);
  }
  throw adminErrors.ADMIN_CONFLICT({ key });
}

/**
 * Stores a document under a new id: the revision the store gave to a write of its own, in 20 digits
 * (apisix/core/etcd.lua, push). A cluster shared with APISIX therefore never sees an id twice.
 *
 * @throws as {@link putResource}
 */
export async function postResource(
  context: AdminContext,
  address: Address,
  request: WriteRequest,
): Promise<ResourceReply> {
  const { kind } = address;
  const draft = prepareDocument(context, address, request.body, "post");
  const guards = await checkReferences(context, address, draft.document, undefined);
  await checkUnique(context, address, draft.document, undefined);
  const generated = await context.store.transact({
    comparisons: [],
    operations: [{ kind: "put", key: `${context.prefix}/gen_id`, value: "1" }],
  });
  if (!generated.committed) throw adminErrors.ADMIN_CONFLICT({ key: "gen_id" });
  const name = String(generated.revision).padStart(20, "0");
  const key = keyOf(address, name, context.prefix) ?? "";
  const document = { ...draft.document, id: name };
  const value = context.cipher.encrypt(kind, withTimes(context, kind, document, undefined));
  const result = await context.store.transact({
    comparisons: [{ key, modRevision: 0 }, ...guards],
    operations: [put(key, value, request)],
  });
  if (!result.committed) throw adminErrors.ADMIN_CONFLICT({ key });
  return written(context, kind, 201, key, value);
}

/**
 * Changes parts of a stored document: a merge without a sub-path, an assignment with one. A change
 * by somebody else in between is reported, not retried.
 *
 * @throws ADMIN_RESOURCE_INVALID, ADMIN_RESOURCE_MISSING, ADMIN_CONFLICT, STORE_*
 */
export async function patchResource(
  context: AdminContext,
  address: Address,
  request: WriteRequest,
): Promise<ResourceReply> {
  const { kind, owner, name, subPath } = address;
  if (kind === "secrets" && owner === undefined) throw invalid("missing secret type");
  if (name === undefined) throw invalid(`missing ${kinds[kind].label} id`);
  if (request.body === undefined) throw invalid("missing new configuration");
  const isWhole = subPath.length === 0;
  if (isWhole && (typeof request.body !== "object" || request.body === null)) {
    throw invalid("invalid configuration");
  }
  const key = keyOf(address, name, context.prefix);
  const existing = key === null ? null : await context.store.get(key);
  if (key === null || existing === null) throw adminErrors.ADMIN_RESOURCE_MISSING({ key: name });
  const stored = context.cipher.decryptPlugins(kind, decodeEntry(existing));
  const patched = isWhole
    ? mergePatch(stored, request.body)
    : patchAt(stored, subPath, request.body);
  const given = isWhole && isJsonObject(request.body) ? request.body["update_time"] : undefined;
  const timed = { ...patched, update_time: given ?? context.nowSeconds() };
  const { id, document } = prepareDocument(context, address, timed, "patch");
  const guards = await checkReferences(context, address, document, id);
  await checkUnique(context, address, document, id);
  const value = context.cipher.encrypt(kind, document);
  checkGrowth(value);
  const result = await context.store.transact({
    comparisons: [{ key, modRevision: existing.modRevision }, ...guards],
    operations: [put(key, value, request)],
  });
  if (!result.committed) throw adminErrors.ADMIN_CONFLICT({ key });
  return written(context, kind, 200, key, value);
}

function put(key: string, value: JsonObject, { ttlSeconds }: WriteRequest): Operation {
  const operation = { kind: "put", key, value: JSON.stringify(value) } as const;
  return ttlSeconds === undefined ? operation : { ...operation, ttlSeconds };
}

/** A patch adds to what is there, so its own limits are not those of the outcome. */
function checkGrowth(value: JsonObject): void {
  const parsed = parseJson(JSON.stringify(value), { maxBytes: maxBodyBytes });
  if (parsed.kind === "fault") throw invalid(`invalid configuration: ${parsed.message}`);
}

/** What is stored, but no private key that is not encrypted. */
function written(
  { isEncrypted }: AdminContext,
  kind: Kind,
  status: number,
  key: string,
  value: JsonObject,
): ResourceReply {
  const shown = kind === "ssls" && !isEncrypted ? withoutPrivateKeys(value) : value;
  return { status, body: { key, value: shown } };
}

function withTimes(
  context: AdminContext,
  kind: Kind,
  document: JsonObject,
  createTime: unknown,
): JsonObject {
  if (!kinds[kind].hasTimes) return document;
  const now = context.nowSeconds();
  return {
    ...document,
    create_time: typeof createTime === "number" ? createTime : now,
    update_time: now,
  };
}

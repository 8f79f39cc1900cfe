import type { OnError, StoredExit, StoredPolicies, StoredStep } from "@catena/ir";
import { arrayDoc, type Doc, jsonDoc, objectDoc } from "./doc.ts";
import { SLOTS } from "./operator-helpers.ts";
import { printAny, printFor } from "./print-value.ts";
import type { ValueScope } from "./value-scope.ts";

type Policies = StoredPolicies & Pick<StoredStep, "after" | "parallel">;
type StatusAction = NonNullable<Policies["on_status"]>[string];

/** The members of a policy object; those that are not set are `null`. */
export function policyMembers(
  policies: Policies,
  scope: ValueScope,
): Readonly<Record<string, Doc | null>> {
  const { timeout, retry, on_status, max_bytes, validate, idempotency_key: key } = policies;
  const { when, after, on_error, cache, coalesce, hedge, breaker, parallel } = policies;
  return {
    when: when === undefined ? null : printFor(when, SLOTS.condition, scope),
    after: jsonOrNull(after),
    timeout: jsonOrNull(timeout),
    retry: jsonOrNull(retry),
    onError: on_error === undefined ? null : printOnError(on_error, scope),
    onStatus: on_status === undefined ? null : printStatuses(on_status, scope),
    cache: cache === undefined ? null : printCache(cache, scope),
    coalesce:
      typeof coalesce === "object"
        ? objectDoc({ key: printKeys(coalesce.key, scope) })
        : jsonOrNull(coalesce),
    hedge: jsonOrNull(hedge),
    breaker: jsonOrNull(breaker),
    idempotencyKey:
      key === undefined
        ? null
        : key === "auto"
          ? '"auto"'
          : printFor(key, SLOTS.textReference, scope),
    maxBytes: jsonOrNull(max_bytes),
    validate: jsonOrNull(validate),
    parallel: jsonOrNull(parallel),
  };
}

/** A policy object as a further argument; none when nothing is set. */
export function policyArgument(members: Readonly<Record<string, Doc | null>>): readonly Doc[] {
  const doc = objectDoc(members);
  return doc === "{}" ? [] : [doc];
}

export function printOnError(onError: OnError, scope: ValueScope): Doc {
  return typeof onError === "object"
    ? objectDoc({ fallback: printAny(onError.fallback, scope) })
    : JSON.stringify(onError);
}

/** Status, headers and body of an answer. */
export function printAnswer({ status, headers, body }: StoredExit, scope: ValueScope): Doc {
  return objectDoc({
    status: status === undefined ? null : printFor(status, SLOTS.status, scope),
    headers: headers === undefined ? null : printHeaders(headers, scope),
    body: body === undefined ? null : printAny(body, scope),
  });
}

export function printHeaders(headers: NonNullable<StoredExit["headers"]>, scope: ValueScope): Doc {
  return objectDoc(
    Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, printFor(value, SLOTS.header, scope)]),
    ),
  );
}

export function jsonOrNull(json: unknown): Doc | null {
  return json === undefined ? null : jsonDoc(json);
}

function printStatuses(statuses: NonNullable<Policies["on_status"]>, scope: ValueScope): Doc {
  return objectDoc(
    Object.fromEntries(
      Object.entries(statuses).map(([status, action]) => [status, printStatus(action, scope)]),
    ),
  );
}

function printStatus(action: StatusAction, scope: ValueScope): Doc {
  if (typeof action === "string") return JSON.stringify(action);
  if ("pass" in action) return '"pass"';
  return "exit" in action
    ? objectDoc({ exit: printAnswer(action.exit, scope) })
    : objectDoc({ fallback: printAny(action.fallback, scope) });
}

function printCache(cache: NonNullable<Policies["cache"]>, scope: ValueScope): Doc {
  const { ttl, key, stale_while_revalidate, stale_if_error, shared, allow_unsafe } = cache;
  const stale = objectDoc({
    whileRevalidate: jsonOrNull(stale_while_revalidate),
    ifError: jsonOrNull(stale_if_error),
  });
  return objectDoc({
    ttl: jsonDoc(ttl),
    key: printKeys(key, scope),
    stale: stale === "{}" ? null : stale,
    shared: jsonOrNull(shared),
    allowUnsafe: jsonOrNull(allow_unsafe),
  });
}

function printKeys(key: NonNullable<Policies["cache"]>["key"], scope: ValueScope): Doc {
  return arrayDoc(key.map((part) => printFor(part, SLOTS.key, scope)));
}

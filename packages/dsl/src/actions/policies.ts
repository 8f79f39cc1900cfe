import type { StoredItemPolicies, StoredPolicies } from "@catena/ir";
import { dslErrors } from "../errors.ts";
import { isReference, stepOf } from "../reference.ts";
import { refuseUnknown } from "../refuse-unknown.ts";
import type { In, Refers } from "../scope-types.ts";
import { toStored } from "../to-stored.ts";
import { defined } from "./action.ts";
import { type Answer, toStoredAnswer } from "./answer.ts";

/** What any single call can be told. Times are milliseconds. */
export interface ItemPolicy {
  /** Per attempt; the smaller of this and what is left of the deadline. Default 6000. */
  readonly timeout?: number;
  readonly retry?: RetryPolicy;
  /** What to do with a status: `pass` it on to the client, `skip`, use a fallback, answer. */
  readonly onStatus?: Readonly<Record<number, StatusAction>>;
  /** Largest response body in bytes. */
  readonly maxBytes?: number;
  /** Whether the response is held to its schema. */
  readonly validate?: "off" | "warn" | "fail";
  /** Sent as `Idempotency-Key`; `auto` is minted once per request, step and item. */
  readonly idempotencyKey?: "auto" | Refers<string>;
}

export interface RetryPolicy {
  /** In all, the first included. */
  readonly attempts: number;
  /** Default: `["network", "timeout", 502, 503, 504]`. */
  readonly on?: readonly (number | "network" | "timeout")[];
  /** Exponential from `base` up to `max`, with full jitter. */
  readonly backoff?: { readonly base?: number; readonly max?: number };
}

export type StatusAction =
  | "skip"
  | "fail"
  | "pass"
  | { readonly fallback: unknown }
  | { readonly exit: Answer };

/** `fail` ends the chain, `skip` leaves the result absent, a fallback takes its place. */
export type ErrorAction = "fail" | "skip" | { readonly fallback: unknown };

/** What every step but an exit can be told. */
export interface StepPolicy extends OrderPolicy {
  readonly onError?: ErrorAction;
  /** A step that writes need not wait for earlier ones it does not depend on. */
  readonly parallel?: true;
}

export interface OrderPolicy {
  /** The step runs only when this is true; later steps see its result as one that may be missing. */
  readonly when?: boolean | Refers<boolean | null | undefined>;
  /** Steps to wait for besides those referred to: `[$.user]` or `["user"]`. */
  readonly after?: readonly (string | Refers<unknown>)[];
}

export interface CallPolicy extends ItemPolicy, StepPolicy {
  readonly cache?: CachePolicy;
  /** Joins equal calls in flight; never across different credentials. */
  readonly coalesce?: true | { readonly key: readonly In<Key>[] };
  /** Sends the call again when there is no answer after so long, at most `max` times. */
  readonly hedge?: { readonly after: number; readonly max?: number };
  /** Fails at once for `cooldown` after `failures` within `window`. */
  readonly breaker?: {
    readonly failures: number;
    readonly window: number;
    readonly cooldown: number;
  };
}

type Key = string | number | boolean | null | undefined;

export interface CachePolicy {
  /** Seconds. */
  readonly ttl: number;
  readonly key: readonly In<Key>[];
  /** Seconds past `ttl`: served while it is fetched anew, or when that fails. */
  readonly stale?: { readonly whileRevalidate?: number; readonly ifError?: number };
  /** The result may be given to clients with other credentials. */
  readonly shared?: boolean;
  /** Needed to cache a POST, PUT, PATCH or DELETE that only reads. */
  readonly allowUnsafe?: true;
}

const ORDER = ["when", "after"] as const satisfies readonly (keyof OrderPolicy)[];
const POLICIES = [
  ...ORDER,
  "onError",
  "parallel",
  "timeout",
  "retry",
  "onStatus",
  "maxBytes",
  "validate",
  "idempotencyKey",
  "cache",
  "coalesce",
  "hedge",
  "breaker",
] as const satisfies readonly (keyof CallPolicy)[];

/** Writes the policies of a step in their stored form. @throws DSL_ARGUMENT for one that is none. */
export function toStoredPolicies(policy: CallPolicy): Readonly<Record<string, unknown>> {
  refuseUnknown(policy, POLICIES, "a policy");
  const { cache, coalesce, onError, hedge, breaker, parallel } = policy;
  return {
    ...toStoredItemPolicies(policy),
    ...toStoredOrder(policy),
    on_error: onError === undefined ? undefined : toStoredError(onError),
    cache: cache === undefined ? undefined : toStoredCache(cache),
    coalesce:
      typeof coalesce === "object" ? { key: coalesce.key.map((k) => toStored(k)) } : coalesce,
    hedge,
    breaker,
    parallel,
  };
}

function toStoredItemPolicies(policy: ItemPolicy): Readonly<Record<string, unknown>> {
  const { timeout, retry, onStatus, maxBytes, validate, idempotencyKey } = policy;
  const key = idempotencyKey;
  if (key !== undefined && key !== "auto" && !isReference(key)) {
    throw dslErrors.DSL_ARGUMENT({
      what: "an idempotency key that is written out would be the same for every request",
      hint: 'use "auto" or a reference',
      source: undefined,
    });
  }
  return {
    timeout,
    retry,
    on_status: onStatus === undefined ? undefined : toStoredStatuses(onStatus),
    max_bytes: maxBytes,
    validate,
    idempotency_key: key === undefined || key === "auto" ? key : toStored(key),
  };
}

/** Writes the policies of an exit. @throws DSL_ARGUMENT for one that is none. */
export function toStoredExitPolicies(policy: OrderPolicy): Readonly<Record<string, unknown>> {
  refuseUnknown(policy, ORDER, "a policy of an exit");
  return toStoredOrder(policy);
}

function toStoredOrder({ when, after }: OrderPolicy): Readonly<Record<string, unknown>> {
  return {
    when: when === undefined ? undefined : toStored(when),
    after: after?.map(stepName),
  };
}

export function toStoredError(onError: ErrorAction): NonNullable<StoredPolicies["on_error"]> {
  return typeof onError === "object" ? { fallback: toStored(onError.fallback) } : onError;
}

function toStoredStatuses(
  onStatus: Readonly<Record<number, StatusAction>>,
): NonNullable<StoredItemPolicies["on_status"]> {
  return Object.fromEntries(
    Object.entries(onStatus).map(([status, action]) => [status, toStoredStatus(action)]),
  );
}

type StoredStatusAction = NonNullable<StoredItemPolicies["on_status"]>[string];

function toStoredStatus(action: StatusAction): StoredStatusAction {
  if (action === "pass") return { pass: true };
  if (typeof action === "string") return action;
  return "exit" in action
    ? { exit: toStoredAnswer(action.exit) }
    : { fallback: toStored(action.fallback) };
}

const CACHE = [
  "ttl",
  "key",
  "stale",
  "shared",
  "allowUnsafe",
] as const satisfies readonly (keyof CachePolicy)[];

function toStoredCache(cache: CachePolicy): object {
  refuseUnknown(cache, CACHE, "a member of cache");
  const { ttl, key, stale, shared, allowUnsafe } = cache;
  refuseUnknown(stale ?? {}, ["whileRevalidate", "ifError"], "a member of stale");
  return defined({
    ttl,
    key: key.map((part) => toStored(part)),
    stale_while_revalidate: stale?.whileRevalidate,
    stale_if_error: stale?.ifError,
    shared,
    allow_unsafe: allowUnsafe,
  });
}

function stepName(step: string | Refers<unknown>): string {
  const name = typeof step === "string" ? step : stepOf(step);
  if (name !== null) return name;
  throw dslErrors.DSL_ARGUMENT({
    what: '"after" takes whole steps',
    hint: 'write after: [$.user] or after: ["user"]',
    source: undefined,
  });
}

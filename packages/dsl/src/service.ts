import type { StoredCall } from "@catena/ir";
import type { Static, TSchema } from "@sinclair/typebox";
import type { HeaderValues } from "./actions/answer.ts";
import type { Declaration } from "./declaration.ts";
import { dslErrors } from "./errors.ts";
import { toJsonSchema } from "./json-schema.ts";
import { type Args, declareArgs, type Link, type ServiceFields } from "./resources.ts";
import type { In, PathNames, TypeOf } from "./scope-types.ts";
import { callerPosition } from "./source-position.ts";

declare const REQUEST: unique symbol;
declare const RESPONSE: unique symbol;

/** HTTP methods of calls. */
export type CallMethod = StoredCall["method"];

/** What a service can be asked, before it is known which service. */
export interface OperationSpec<Q, R> {
  readonly method: CallMethod;
  readonly path: string;
  readonly response: TSchema | undefined;
  /**
   * Both are only types: what a call gives, and what it gets. The first as a parameter, so that an
   * operation that can be called with nothing is one that needs nothing.
   */
  readonly [REQUEST]: (request: Q) => void;
  readonly [RESPONSE]: R;
}

/** An operation of a service: what `call` takes. */
export interface Operation<Q, R> extends OperationSpec<Q, R> {
  /** `service.operation`. */
  readonly name: string;
  readonly target: CallTarget;
}

/** Where the calls of a service go. */
export type CallTarget =
  | { readonly upstream: Link<"upstreams"> }
  | {
      /** `http(s)://host[:port][/base]`. */
      readonly uri: string;
      /** Hosts that the `host` of a call may name; without them the host is fixed. */
      readonly allowedHosts?: readonly string[];
    };

/** The operations of a declared service, each ready for `call`. */
export type Operations<O> = {
  readonly [K in keyof O]: O[K] extends OperationSpec<infer Q, infer R> ? Operation<Q, R> : never;
};

type Schemas<B, Q, H, R> = {
  readonly body?: B;
  readonly query?: Q;
  readonly headers?: H;
  readonly response?: R;
};

/** What a call of an operation gives, slot by slot. */
type RequestOf<P extends string, B, Q, H> = ([PathNames<P>] extends [never]
  ? object
  : { readonly params: { readonly [N in PathNames<P>]: In<string | number> } }) &
  ([B] extends [TSchema] ? { readonly body: In<Static<B>> } : object) &
  ([Q] extends [TSchema] ? OptionalIfEmpty<"query", Static<Q>> : object) &
  ([H] extends [TSchema] ? { readonly headers: In<Static<H>> & HeaderValues } : Headers) & {
    /** Replaces the host of the service's `uri`; one of its `allowedHosts`. */
    readonly host?: In<string>;
  };

interface Headers {
  readonly headers?: HeaderValues;
}

/** A slot that may be left out when none of its members is required. */
type OptionalIfEmpty<K extends string, T> = object extends T
  ? { readonly [N in K]?: In<T> }
  : { readonly [N in K]: In<T> };

/**
 * Declares an operation of a service.
 *
 * @param path `/users/{id}`: each `{name}` is a parameter that is sent as one encoded segment.
 * @param schemas TypeBox schemas of what is sent and received; without `body` or `query` a call has
 *   none; without `response` the reply is not looked at and fits everywhere.
 */
export function op<
  const P extends string,
  B extends TSchema | undefined = undefined,
  Q extends TSchema | undefined = undefined,
  H extends TSchema | undefined = undefined,
  R extends TSchema | undefined = undefined,
>(
  method: CallMethod,
  path: P,
  schemas: Schemas<B, Q, H, R> = {},
): OperationSpec<RequestOf<P, B, Q, H>, TypeOf<R>> {
  const spec: object = { method, path, response: schemas.response };
  // REQUEST and RESPONSE are types alone.
  return spec as OperationSpec<RequestOf<P, B, Q, H>, TypeOf<R>>;
}

/**
 * Declares a service.
 *
 * With operations it is one that chains call: where it is and what it can be asked. It is no
 * resource by itself; the upstream it names is deployed with the chains that call it.
 *
 * Without, it is APISIX's resource of that name: what several routes have in common. Its id may be
 * left out, to be the name it is exported by.
 *
 * @example
 * const users = service("users", { upstream: usersV1 }, {
 *   get: op("GET", "/users/{id}", { response: Type.Object({ id: Type.String() }) }),
 * });
 */
export function service<const O extends Readonly<Record<string, OperationSpec<never, unknown>>>>(
  name: string,
  target: CallTarget,
  operations: O,
): Operations<O>;
export function service(id: string, fields: ServiceFields): Declaration<"services">;
export function service(fields: ServiceFields): Declaration<"services">;
export function service(
  ...args:
    | Args<ServiceFields>
    | readonly [string, CallTarget, Readonly<Record<string, OperationSpec<never, unknown>>>]
): unknown {
  const source = callerPosition(service);
  if (args.length !== 3) return declareArgs("services", args, source);
  const [name, target, operations] = args;
  if (!/^[A-Za-z0-9_.-]+$/.test(name)) {
    throw dslErrors.DSL_ARGUMENT({
      what: `"${name}" is no name for a service`,
      hint: "use letters, digits, -, _ and .",
      source,
    });
  }
  return Object.fromEntries(
    Object.entries(operations).map(([key, spec]) => [
      key,
      { ...spec, name: `${name}.${key}`, target },
    ]),
  );
}

/** The fields of a stored call that say where it goes. */
export function toStoredTarget(target: CallTarget): Readonly<Record<string, unknown>> {
  return "upstream" in target
    ? { upstream_id: target.upstream }
    : { uri: target.uri, allowed_hosts: target.allowedHosts };
}

export function toStoredResponse(response: TSchema | undefined): object | undefined {
  return response === undefined ? undefined : toJsonSchema(response);
}

import type { TSchema } from "@sinclair/typebox";
import { dslErrors } from "../errors.ts";
import { refuseUnknown } from "../refuse-unknown.ts";
import type { In, ResultOf, TypeOf } from "../scope-types.ts";
import {
  type CallMethod,
  type CallTarget,
  type Operation,
  toStoredResponse,
  toStoredTarget,
} from "../service.ts";
import { toStored, toStoredRecord } from "../to-stored.ts";
import { type Action, defined, makeAction } from "./action.ts";
import type { HeaderValues } from "./answer.ts";
import { type CallPolicy, toStoredPolicies } from "./policies.ts";

/** What is sent; which slots a call has is the operation's to say. */
export interface CallRequest {
  readonly params?: Readonly<Record<string, In<string | number>>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly headers?: HeaderValues;
  readonly body?: unknown;
  readonly host?: In<string>;
}

/**
 * Calls an operation of a service; the result is its decoded response body.
 *
 * @param request path parameters, query, headers and body as the operation's schemas say, each a
 *   literal, a reference or a structure of both.
 *
 * @example
 * .step("user", ($) => call(users.get, { params: { id: $.input.body.userId } }, { timeout: 400 }))
 */
export function call<R>(operation: Operation<object, R>): Action<R>;
export function call<Q, R, const P extends CallPolicy = object>(
  operation: Operation<Q, R>,
  request: NoInfer<Q>,
  policy?: P,
): Action<ResultOf<R, P>>;
export function call(
  operation: Operation<never, unknown>,
  request: CallRequest = {},
  policy: CallPolicy = {},
): Action<unknown> {
  const { name, target, method, path, response } = operation;
  if (name === undefined) {
    throw dslErrors.DSL_ARGUMENT({
      what: `the operation ${method} ${path} belongs to no service`,
      hint: "declare it in service(name, target, { … }) and call it from there",
      source: undefined,
    });
  }
  const at = { op: name, ...toStoredTarget(target), method, path };
  return makeAction("call", {
    call: toStoredCall(at, request, response),
    ...toStoredPolicies(policy),
  });
}

/** A call of something that is not declared as a service. */
export interface HttpRequest<R extends TSchema | undefined> extends CallRequest {
  readonly target: CallTarget;
  readonly method: CallMethod;
  /** `/users/{id}`. */
  readonly path: string;
  /** What mocks and metrics call it. */
  readonly name?: string;
  readonly response?: R;
}

/**
 * Calls something that is not declared as a service.
 *
 * @example
 * http({ method: "GET", target: { uri: "http://users" }, path: "/users/{id}", params: { id } })
 */
export function http<
  R extends TSchema | undefined = undefined,
  const P extends CallPolicy = object,
>(request: HttpRequest<R>, policy?: P): Action<ResultOf<TypeOf<R>, P>> {
  const { name, target, method, path, response, ...rest } = request;
  const at = { op: name, ...toStoredTarget(target), method, path };
  return makeAction("call", {
    call: toStoredCall(at, rest, response),
    ...toStoredPolicies(policy ?? {}),
  });
}

const SLOTS = [
  "params",
  "query",
  "headers",
  "body",
  "host",
] as const satisfies readonly (keyof CallRequest)[];

function toStoredCall(
  at: Readonly<Record<string, unknown>>,
  request: CallRequest,
  response: TSchema | undefined,
): Readonly<Record<string, unknown>> {
  refuseUnknown(request, SLOTS, "a slot of a request");
  const { params, query, headers, body, host } = request;
  return defined({
    ...at,
    params: params === undefined ? undefined : toStoredRecord(params),
    query: query === undefined ? undefined : toStoredRecord(query),
    headers: headers === undefined ? undefined : toStoredRecord(headers),
    body: body === undefined ? undefined : toStored(body),
    host: host === undefined ? undefined : toStored(host),
    response: toStoredResponse(response),
  });
}

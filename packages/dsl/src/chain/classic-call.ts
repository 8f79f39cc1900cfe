import type { ClassicService } from "@catena/schema";
import type { TSchema } from "@sinclair/typebox";
import { dslErrors } from "../errors.ts";
import type { Link } from "../resources.ts";
import type { CallMethod, CallTarget, Operation } from "../service.ts";

/**
 * A step of the classic form: it sends the client's JSON object with query arguments and all earlier
 * replies merged over it, and its own reply is merged over that.
 */
export interface ClassicCall {
  /** Absolute http or https URL. */
  readonly uri: string;
  /** Default POST. */
  readonly method?: NonNullable<ClassicService["method"]>;
  /** Milliseconds for the call; default 6000. */
  readonly timeout?: number;
  /** Whether the merged object is sent; by default only with POST and PUT. */
  readonly sendBody?: boolean;
  /** Takes the nodes from this upstream in place of the URI's host. */
  readonly upstream_id?: Link<"upstreams">;
}

/** A step of the classic form, however it was written. */
export interface AuthoredClassic extends Omit<ClassicCall, "uri" | "method"> {
  /** The whole URL; `undefined` for an operation of an upstream. */
  readonly uri: string | undefined;
  readonly method: CallMethod | undefined;
  readonly target: CallTarget;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[]>>;
  readonly op?: string;
  readonly response?: TSchema;
}

/** Reads what stands in the place of a callback. */
export function toAuthoredClassic(given: ClassicCall | Operation<never, unknown>): AuthoredClassic {
  return "uri" in given ? fromCall(given) : fromOperation(given);
}

function fromCall(call: ClassicCall): AuthoredClassic {
  const { method, upstream_id } = call;
  const url = parseUrl(call.uri);
  return {
    ...call,
    method,
    target:
      upstream_id === undefined ? { uri: url?.origin ?? call.uri } : { upstream: upstream_id },
    path: url?.pathname ?? "/",
    ...(url === null || url.search === "" ? {} : { query: toQuery(url.searchParams) }),
  };
}

function fromOperation(operation: Operation<never, unknown>): AuthoredClassic {
  const { method, path, target, name, response } = operation;
  if (path.includes("{")) {
    throw dslErrors.DSL_ARGUMENT({
      what: `the operation "${name}" has path parameters`,
      hint: "give them in a callback: ($) => call(operation, { params: { … } })",
      source: undefined,
    });
  }
  return {
    uri: "uri" in target ? target.uri + path : undefined,
    method,
    target,
    path,
    op: name,
    ...(response === undefined ? {} : { response }),
  };
}

/** Whether a method's call carries the merged object unless told otherwise. */
export function sendsBody(method: CallMethod | undefined): boolean {
  return method === undefined || method === "POST" || method === "PUT" || method === "PATCH";
}

function parseUrl(uri: string): URL | null {
  return URL.canParse(uri) ? new URL(uri) : null;
}

function toQuery(search: URLSearchParams): Record<string, string | readonly string[]> {
  return Object.fromEntries(
    [...new Set(search.keys())].map((name) => {
      const [first = "", ...more] = search.getAll(name);
      return [name, more.length === 0 ? first : [first, ...more]];
    }),
  );
}

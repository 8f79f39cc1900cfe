/**
 * The stored form of a step chain: what `plugins["proxy-chain"]` of a route holds when it has `steps`.
 * Plain JSON, versioned, an AST and never string templates. Example:
 *
 * ```json
 * { "v": 1, "deadline": 2500,
 *   "steps": [
 *     { "name": "user", "call": { "op": "users.get", "upstream_id": "users-v1", "method": "GET",
 *         "path": "/users/{id}", "params": { "id": { "$ref": ["input", "body", "userId"] } } },
 *       "timeout": 400, "retry": { "attempts": 2, "on": [502, 503, "network"] } },
 *     { "name": "charge", "call": { "op": "orders.charge", "upstream_id": "orders-v1",
 *         "method": "POST", "path": "/charges", "body": { "user": { "$ref": ["user", "id"] } } },
 *       "when": { "$op": "gt", "args": [{ "$ref": ["user", "tier"] }, 0] } } ],
 *   "reply": { "body": { "user": { "$ref": ["user"] } } } }
 * ```
 *
 * Keys are snake_case as everywhere on the wire. Times are milliseconds, sizes bytes, unless the name
 * says otherwise. Unknown keys are errors; a newer `v` is refused by name.
 */
export interface StoredChain {
  readonly v: 1;
  /** Name other chains call it by (`sub`); the route's id when absent. */
  readonly id?: string;
  /** Schemas of what the client sends; a breach is a 400 before the first call. */
  readonly input?: {
    readonly body?: JsonSchema;
    readonly query?: JsonSchema;
    readonly params?: JsonSchema;
    readonly headers?: JsonSchema;
  };
  /** Schema of the reply's body; used for OpenAPI and the typed client, not checked per request. */
  readonly output?: JsonSchema;
  /** Milliseconds for the whole chain; default 30 000. */
  readonly deadline?: number;
  readonly limits?: {
    readonly request_bytes?: number;
    readonly response_bytes?: number;
    readonly merged_bytes?: number;
    readonly json_depth?: number;
    readonly sub_depth?: number;
  };
  /**
   * When the client leaves: `safe` (default) aborts safe calls and lets unsafe ones and those with
   * an undo run to their end, then stops; `abort` ends all; `finish` runs the chain to its end.
   */
  readonly on_client_gone?: "safe" | "abort" | "finish";
  /** Tells the client in `Server-Timing` how long each step took and how it ended; default false. */
  readonly server_timing?: boolean;
  /** In authored order, which decides what an unsafe step waits for. 1 to 64. */
  readonly steps: readonly StoredStep[];
  /** Exactly one of the three ends. */
  readonly reply?: StoredReply;
  readonly forward?: StoredForward;
  /** The step whose response goes to the client byte for byte, unbuffered. */
  readonly stream?: string;
}

/** Any JSON Schema document (draft 7 vocabulary as TypeBox writes it). */
export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * A value computed per request: JSON in which objects with one of the keys below mean something.
 * A literal object that has a key starting with `$` is written `{"$literal": {…}}`; its content is
 * taken as it is.
 */
export type StoredValue =
  | null
  | boolean
  | number
  | string
  | readonly StoredValue[]
  | StoredReference
  | StoredOperation
  | StoredLiteral
  | { readonly [key: string]: StoredValue };

/**
 * A path: `["input", "body" | "query" | "params" | "headers" | "cookies" | "method" | "path" | "ip" | "id", …]`,
 * `[stepName, …]` into the decoded body of a step's response (or a `value`/`each`/`sub` result), or
 * inside an `each`: `["item", …]` and `["index"]`. Segments are member names or array indexes.
 * What is not there is `undefined`: an absent member when it lands in an object, `null` in an array.
 */
export interface StoredReference {
  readonly $ref: readonly [string, ...(string | number)[]];
}

/** `args` are values; what each operator takes is in the operator table. */
export interface StoredOperation {
  readonly $op: string;
  readonly args: readonly StoredValue[];
}

export interface StoredLiteral {
  readonly $literal: unknown;
}

/** Exactly one of `call`, `each`, `choose`, `value`, `sub`, `exit`, and the policies. */
export interface StoredStep extends StoredAction, StoredPolicies {
  /** `^[A-Za-z_][A-Za-z0-9_]{0,63}$`, unique, none of the reserved names. */
  readonly name: string;
  readonly each?: StoredEach;
  readonly choose?: StoredChoose;
  readonly exit?: StoredExit;
  /** Steps to wait for besides those referred to. */
  readonly after?: readonly string[];
  /** An unsafe call that need not wait for earlier steps it does not depend on. */
  readonly parallel?: true;
  /**
   * Runs when this step succeeded and a later one failed, or the client is answered with 400 or
   * above. Also when nobody knows whether the step happened, if it needs nothing of its response.
   */
  readonly undo?: StoredUndo;
}

/** What a step, a branch or an `each` item can do. */
export interface StoredAction {
  readonly call?: StoredCall;
  readonly value?: StoredValue;
  readonly sub?: StoredSub;
}

export interface StoredCall {
  /** `service.operation` for people, mocks and metrics; means nothing to the executor. */
  readonly op?: string;
  /** Where to: exactly one of the two. `uri` is `http(s)://host[:port][/base]`. */
  readonly upstream_id?: string;
  readonly uri?: string;
  readonly method: "GET" | "HEAD" | "OPTIONS" | "QUERY" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** `/users/{id}/orders`; each `{name}` is one whole segment or part of one, encoded as such. */
  readonly path: string;
  readonly params?: Readonly<Record<string, StoredValue>>;
  readonly query?: Readonly<Record<string, StoredValue>>;
  readonly headers?: Readonly<Record<string, StoredValue>>;
  /**
   * Sent as JSON. Exactly `{"$ref": ["input", "body"]}` passes the client's bytes and content type
   * on unchanged; a bare reference to a step's body passes that response's bytes on.
   */
  readonly body?: StoredValue;
  /** Schema of the response body (for `validate`, mocks, OpenAPI). */
  readonly response?: JsonSchema;
  /** Hosts that a computed `host` may name; absent: the host can't be computed. */
  readonly allowed_hosts?: readonly string[];
  /** Only with `allowed_hosts`: replaces the host of `uri`. */
  readonly host?: StoredValue;
}

export interface StoredEach {
  /** Must be an array at run time; over `max` items the client gets 422 before the first call. */
  readonly in: StoredValue;
  /** Default 16. */
  readonly concurrency?: number;
  /** Default 100. */
  readonly max?: number;
  readonly do: StoredAction & StoredItemPolicies;
  /** Per item. `skip` leaves `null` in its place. */
  readonly on_error?: OnError;
}

export interface StoredChoose {
  /** The first branch whose `when` holds; none and no `otherwise`: the result is undefined. */
  readonly branches: readonly ({ readonly when: StoredValue } & StoredAction &
    StoredItemPolicies)[];
  readonly otherwise?: StoredAction & StoredItemPolicies;
}

export interface StoredSub {
  readonly chain: string;
  /** Becomes the sub-chain's `input.body`. */
  readonly body?: StoredValue;
}

/** Answers the client now, when the step's `when` holds (always, without one). */
export interface StoredExit {
  readonly status?: StoredValue;
  readonly headers?: Readonly<Record<string, StoredValue>>;
  readonly body?: StoredValue;
}

export type OnError = "fail" | "skip" | { readonly fallback: StoredValue };

/** Policies that make sense for any single action. */
export interface StoredItemPolicies {
  /** Per attempt; the smaller of this and what is left of the deadline. Default 6000. */
  readonly timeout?: number;
  readonly retry?: {
    /** In all, the first included. */
    readonly attempts: number;
    /** Default: `["network", "timeout", 502, 503, 504]`. */
    readonly on?: readonly (number | "network" | "timeout")[];
    readonly backoff?: { readonly base?: number; readonly max?: number };
  };
  /** What to do with a status: a value to use as the body, `skip`, or to answer the client with it. */
  readonly on_status?: Readonly<
    Record<
      string,
      | "skip"
      | "fail"
      | { readonly fallback: StoredValue }
      | { readonly exit: StoredExit }
      /** Pass the status on to the client with a fixed problem body. */
      | { readonly pass: true }
    >
  >;
  readonly max_bytes?: number;
  readonly validate?: "off" | "warn" | "fail";
  /** Sent as `Idempotency-Key`; `auto` is minted once per request and step (and item). */
  readonly idempotency_key?: "auto" | StoredReference | StoredOperation;
}

export interface StoredPolicies extends StoredItemPolicies {
  readonly when?: StoredValue;
  readonly on_error?: OnError;
  readonly cache?: {
    readonly ttl: number;
    readonly key: readonly StoredValue[];
    readonly stale_while_revalidate?: number;
    readonly stale_if_error?: number;
    /** The result may be given to clients with other credentials; default false. */
    readonly shared?: boolean;
    /** Needed to cache a POST, PUT, PATCH or DELETE, such as a search sent as POST. */
    readonly allow_unsafe?: true;
  };
  /** Joins equal calls in flight; never across different credentials. */
  readonly coalesce?: true | { readonly key: readonly StoredValue[] };
  readonly hedge?: { readonly after: number; readonly max?: number };
  readonly breaker?: {
    readonly failures: number;
    readonly window: number;
    readonly cooldown: number;
  };
}

export interface StoredUndo {
  readonly call: StoredCall;
  readonly timeout?: number;
  /**
   * Default 3 attempts, by default also after 429 and 500; an undo always carries an idempotency key.
   */
  readonly retry?: StoredItemPolicies["retry"];
}

export interface StoredReply {
  readonly body?: StoredValue;
  readonly status?: StoredValue;
  readonly headers?: Readonly<Record<string, StoredValue>>;
}

/** Sends the request on to the route's upstream. Without `body`: the classic merge of all results. */
export interface StoredForward {
  readonly upstream_id?: string;
  readonly body?: StoredValue;
  readonly headers?: Readonly<Record<string, StoredValue>>;
}

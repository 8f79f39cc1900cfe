import { type TProperties, type TSchema, Type } from "@sinclair/typebox";
import { CHAIN_LIMITS, STEP_NAME } from "../chain-limits.ts";
import type { JsonSchema, StoredOperation, StoredReference, StoredValue } from "../stored-chain.ts";

const closed = <P extends TProperties>(properties: P, description?: string) =>
  Type.Object(properties, {
    additionalProperties: false,
    ...(description === undefined ? {} : { description }),
  });

const definitions: Record<string, TSchema> = {};

/** Names a schema, so that the published document holds it once and points at it elsewhere. */
function define<S extends TSchema>(name: string, schema: S) {
  definitions[name] = schema;
  return Type.Unsafe<S["static"]>({ $ref: `#/$defs/${name}` });
}

/** The type is hand-written because it is recursive; `check/check-value.ts` holds its rules. */
const value = define(
  "value",
  Type.Unsafe<StoredValue>({
    description: "A value computed per request: JSON, references, operators and literals",
    anyOf: [
      { type: ["null", "boolean", "number", "string"] },
      { type: "array", items: { $ref: "#/$defs/value" } },
      { $ref: "#/$defs/reference" },
      { $ref: "#/$defs/operation" },
      {
        type: "object",
        properties: { $literal: {} },
        required: ["$literal"],
        additionalProperties: false,
      },
      {
        type: "object",
        patternProperties: { "^(?!\\$)": { $ref: "#/$defs/value" } },
        additionalProperties: false,
      },
    ],
  }),
);

const reference = define(
  "reference",
  Type.Unsafe<StoredReference>({
    type: "object",
    properties: {
      $ref: {
        type: "array",
        minItems: 1,
        items: { anyOf: [{ type: "string" }, { type: "integer", minimum: 0 }] },
      },
    },
    required: ["$ref"],
    additionalProperties: false,
  }),
);

const operation = define(
  "operation",
  Type.Unsafe<StoredOperation>({
    type: "object",
    properties: {
      $op: { type: "string" },
      args: { type: "array", items: { $ref: "#/$defs/value" } },
    },
    required: ["$op", "args"],
    additionalProperties: false,
  }),
);

const jsonSchema = define(
  "json_schema",
  Type.Unsafe<JsonSchema>({ type: "object", description: "Any JSON Schema" }),
);

const values = Type.Record(Type.String(), value);
const duration = Type.Integer({ minimum: 1, maximum: CHAIN_LIMITS.maxDurationMs });
const size = Type.Integer({ minimum: 1, maximum: CHAIN_LIMITS.maxBytes });
const stepName = Type.String({ pattern: STEP_NAME.source });
const id = Type.String({ pattern: "^[a-zA-Z0-9-_.]+$", minLength: 1, maxLength: 64 });

const call = define(
  "call",
  closed(
    {
      op: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
      upstream_id: Type.Optional(id),
      uri: Type.Optional(Type.String({ minLength: 1, maxLength: CHAIN_LIMITS.maxPathLength })),
      method: Type.Union([
        Type.Literal("GET"),
        Type.Literal("HEAD"),
        Type.Literal("OPTIONS"),
        Type.Literal("QUERY"),
        Type.Literal("POST"),
        Type.Literal("PUT"),
        Type.Literal("PATCH"),
        Type.Literal("DELETE"),
      ]),
      path: Type.String({ minLength: 1, maxLength: CHAIN_LIMITS.maxPathLength }),
      params: Type.Optional(values),
      query: Type.Optional(values),
      headers: Type.Optional(values),
      body: Type.Optional(value),
      response: Type.Optional(jsonSchema),
      allowed_hosts: Type.Optional(
        Type.Array(Type.String({ minLength: 1, maxLength: 256 }), { minItems: 1, maxItems: 64 }),
      ),
      host: Type.Optional(value),
    },
    "One HTTP call",
  ),
);

const exit = define(
  "exit",
  closed({
    status: Type.Optional(value),
    headers: Type.Optional(values),
    body: Type.Optional(value),
  }),
);

const sub = define("sub", closed({ chain: id, body: Type.Optional(value) }));

const action = {
  call: Type.Optional(call),
  value: Type.Optional(value),
  sub: Type.Optional(sub),
};

const onError = Type.Union([
  Type.Literal("fail"),
  Type.Literal("skip"),
  closed({ fallback: value }),
]);

const retry = closed({
  attempts: Type.Integer({ minimum: 1, maximum: CHAIN_LIMITS.maxRetryAttempts }),
  on: Type.Optional(
    Type.Array(
      Type.Union([
        Type.Integer({ minimum: 400, maximum: 599 }),
        Type.Literal("network"),
        Type.Literal("timeout"),
      ]),
      { maxItems: 64 },
    ),
  ),
  backoff: Type.Optional(closed({ base: Type.Optional(duration), max: Type.Optional(duration) })),
});

const itemPolicies = {
  timeout: Type.Optional(duration),
  retry: Type.Optional(retry),
  on_status: Type.Optional(
    Type.Record(
      Type.String({ pattern: "^[2-5][0-9][0-9]$" }),
      Type.Union([
        Type.Literal("skip"),
        Type.Literal("fail"),
        closed({ fallback: value }),
        closed({ exit }),
        closed({ pass: Type.Literal(true) }),
      ]),
      { additionalProperties: false },
    ),
  ),
  max_bytes: Type.Optional(size),
  validate: Type.Optional(
    Type.Union([Type.Literal("off"), Type.Literal("warn"), Type.Literal("fail")]),
  ),
  idempotency_key: Type.Optional(Type.Union([Type.Literal("auto"), reference, operation])),
};

const policies = {
  ...itemPolicies,
  when: Type.Optional(value),
  on_error: Type.Optional(onError),
  cache: Type.Optional(
    closed({
      ttl: Type.Number({ exclusiveMinimum: 0, maximum: CHAIN_LIMITS.maxCacheSeconds }),
      key: Type.Array(value, { maxItems: 32 }),
      stale_while_revalidate: Type.Optional(
        Type.Number({ minimum: 0, maximum: CHAIN_LIMITS.maxCacheSeconds }),
      ),
      stale_if_error: Type.Optional(
        Type.Number({ minimum: 0, maximum: CHAIN_LIMITS.maxCacheSeconds }),
      ),
      shared: Type.Optional(Type.Boolean()),
      allow_unsafe: Type.Optional(Type.Literal(true)),
    }),
  ),
  coalesce: Type.Optional(
    Type.Union([Type.Literal(true), closed({ key: Type.Array(value, { maxItems: 32 }) })]),
  ),
  hedge: Type.Optional(
    closed({
      after: duration,
      max: Type.Optional(Type.Integer({ minimum: 1, maximum: 3 })),
    }),
  ),
  breaker: Type.Optional(
    closed({
      failures: Type.Integer({ minimum: 1, maximum: 10_000 }),
      window: duration,
      cooldown: duration,
    }),
  ),
};

const each = closed({
  in: value,
  concurrency: Type.Optional(
    Type.Integer({ minimum: 1, maximum: CHAIN_LIMITS.maxEachConcurrency }),
  ),
  max: Type.Optional(Type.Integer({ minimum: 1, maximum: CHAIN_LIMITS.maxEachItems })),
  do: closed({ ...action, ...itemPolicies }),
  on_error: Type.Optional(onError),
});

const choose = closed({
  branches: Type.Array(closed({ when: value, ...action, ...itemPolicies }), {
    minItems: 1,
    maxItems: CHAIN_LIMITS.maxBranches,
  }),
  otherwise: Type.Optional(closed({ ...action, ...itemPolicies })),
});

const undo = closed({
  call,
  timeout: Type.Optional(duration),
  retry: Type.Optional(retry),
});

const step = define(
  "step",
  closed({
    name: stepName,
    ...action,
    each: Type.Optional(each),
    choose: Type.Optional(choose),
    exit: Type.Optional(exit),
    ...policies,
    after: Type.Optional(Type.Array(stepName, { maxItems: CHAIN_LIMITS.maxSteps })),
    parallel: Type.Optional(Type.Literal(true)),
    undo: Type.Optional(undo),
  }),
);

const limits = closed({
  request_bytes: Type.Optional(size),
  response_bytes: Type.Optional(size),
  merged_bytes: Type.Optional(size),
  json_depth: Type.Optional(Type.Integer({ minimum: 1, maximum: CHAIN_LIMITS.maxJsonDepth })),
  sub_depth: Type.Optional(Type.Integer({ minimum: 0, maximum: CHAIN_LIMITS.maxSubDepth })),
});

/**
 * The stored form of a step chain as a TypeBox schema. Shared parts are `$ref`s into `$defs`; the
 * whole document is {@link chainJsonSchema}.
 */
export const StoredChainSchema = closed(
  {
    v: Type.Literal(1),
    id: Type.Optional(id),
    input: Type.Optional(
      closed({
        body: Type.Optional(jsonSchema),
        query: Type.Optional(jsonSchema),
        params: Type.Optional(jsonSchema),
        headers: Type.Optional(jsonSchema),
      }),
    ),
    output: Type.Optional(jsonSchema),
    deadline: Type.Optional(duration),
    limits: Type.Optional(limits),
    on_client_gone: Type.Optional(
      Type.Union([Type.Literal("safe"), Type.Literal("abort"), Type.Literal("finish")]),
    ),
    server_timing: Type.Optional(Type.Boolean()),
    steps: Type.Array(step, { minItems: 1, maxItems: CHAIN_LIMITS.maxSteps }),
    reply: Type.Optional(
      closed({
        body: Type.Optional(value),
        status: Type.Optional(value),
        headers: Type.Optional(values),
      }),
    ),
    forward: Type.Optional(
      closed({
        upstream_id: Type.Optional(id),
        body: Type.Optional(value),
        headers: Type.Optional(values),
      }),
    ),
    stream: Type.Optional(stepName),
  },
  "A step chain of Catena, as stored in plugins.proxy-chain of a route",
);

/** The shared parts {@link StoredChainSchema} points at, by the name after `#/$defs/`. */
export const chainDefinitions: Readonly<Record<string, TSchema>> = definitions;

/** The JSON Schema (draft 7 vocabulary, `$defs`) published as `docs/schema/chain.schema.json`. */
export function chainJsonSchema(): Readonly<Record<string, unknown>> {
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Catena step chain, version 1",
    ...plain(StoredChainSchema),
    $defs: plain(definitions),
  };
}

/** Drops TypeBox's symbol-keyed members by writing and reading the JSON. */
function plain(schema: object): Record<string, unknown> {
  return JSON.parse(JSON.stringify(schema));
}

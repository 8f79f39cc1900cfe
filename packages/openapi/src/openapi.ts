import type { JsonSchema } from "@catena/ir";
import { toOpenApiSchema } from "./dialect.ts";
import type { ChainAnswer } from "./infer/infer-chain.ts";
import { membersOf } from "./infer/known.ts";
import type { ServedResource } from "./merged-routes.ts";
import { type Reading, type ServedOperation, servedOperations } from "./served-operations.ts";
import { runToEnd, type Steps } from "./steps.ts";

export interface OpenApiOptions extends Reading {
  /** Default `Catena gateway`. */
  readonly title?: string;
  /** Default `1`. */
  readonly version?: string;
  /** Base URLs of the gateway; default `/`. */
  readonly servers?: readonly string[];
}

/** An OpenAPI document; JSON. */
export type OpenApiDocument = Readonly<Record<string, unknown>>;

type Json = Readonly<Record<string, unknown>>;

/**
 * Describes everything a gateway with these resources serves, as an OpenAPI 3.1 document: every
 * route that is switched on; of those with a chain, what they take and each of their answers.
 *
 * @param resources as stored: routes, and the services, plugin configs and global rules they have
 *   plugins from.
 *
 * @example
 * const { value = [] } = compile(await import("./configs/checkout.ts"));
 * const document = openapi(value, { title: "Shop" });
 */
export function openapi(
  resources: readonly ServedResource[],
  options: OpenApiOptions = {},
): OpenApiDocument {
  return runToEnd(openapiSteps(resources, options));
}

/**
 * As {@link openapi}, a route at a time: 10,000 chains take about a second, which a process that serves
 * others does not have at once.
 */
export function* openapiSteps(
  resources: readonly ServedResource[],
  options: OpenApiOptions = {},
): Steps<OpenApiDocument> {
  const { title = "Catena gateway", version = "1", servers = ["/"] } = options;
  const paths = new PathTable();
  const schemes = new Map<string, Json>();
  const { operations, definitions } = yield* servedOperations(resources, options);
  for (const operation of operations) {
    for (const { name, scheme } of operation.security) schemes.set(name, scheme);
    paths.add(operation);
    yield;
  }
  return {
    openapi: "3.1.0",
    info: { title, version },
    servers: servers.map((url) => ({ url })),
    paths: paths.toJson(),
    components: {
      schemas: {
        Problem: PROBLEM,
        ...Object.fromEntries(
          [...definitions].map(([name, schema]) => [name, toOpenApiSchema(schema)]),
        ),
      },
      ...(schemes.size === 0 ? {} : { securitySchemes: Object.fromEntries(schemes) }),
    },
  };
}

/** Operations by path and method. */
class PathTable {
  readonly #paths = new Map<
    string,
    { readonly path: string; readonly methods: Map<string, Json> }
  >();
  readonly #ids = new Set<string>();

  /** Routes that differ only in what OpenAPI cannot say, such as `vars`: the first stands for all. */
  add(operation: ServedOperation): void {
    // Paths that differ only in the names of their parameters are one path to OpenAPI.
    const shape = operation.path.replaceAll(/\{[^{}]*\}/g, "{}");
    let found = this.#paths.get(shape);
    if (found === undefined) {
      found = { path: operation.path, methods: new Map() };
      this.#paths.set(shape, found);
    }
    const method = operation.method.toLowerCase();
    if (found.methods.has(method)) return;
    const renamed = { ...operation, ...withNames(operation, found.path) };
    found.methods.set(method, describeOperation(renamed, operationId(operation, this.#ids)));
  }

  toJson(): Json {
    const sorted = [...this.#paths.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1));
    return Object.fromEntries(
      sorted.map(({ path, methods }) => [path, Object.fromEntries(methods)]),
    );
  }
}

/** The path as another route of the same shape has it, and the parameters by its names. */
function withNames(
  { params }: ServedOperation,
  path: string,
): Pick<ServedOperation, "path" | "params"> {
  const names = [...path.matchAll(/\{([^{}]*)\}/g)].map(([, name = ""]) => name);
  return {
    path,
    params: params.map((param, index) => ({ ...param, name: names[index] ?? param.name })),
  };
}

/** RFC 9457, with what a chain adds. */
const PROBLEM: Json = {
  type: "object",
  description: "Why a chain failed (RFC 9457)",
  properties: {
    type: { type: "string" },
    title: { type: "string" },
    status: { type: "integer" },
    detail: { type: "string" },
    code: { type: "string" },
    chain: { type: "string" },
    step: { type: "string" },
    request_id: { type: "string" },
    undone: { type: "array", items: { type: "string" } },
    undo_failed: { type: "array", items: { type: "string" } },
    outcome_unknown: { type: "array", items: { type: "string" } },
  },
  required: ["type", "title", "status", "detail", "code", "chain", "request_id"],
};

const PROBLEM_RESPONSE: Json = {
  description: "The chain failed",
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
};

/** The route's id, made unique where a route has several paths or methods. */
function operationId({ route, method, path }: ServedOperation, taken: Set<string>): string {
  const candidates = [route, `${route}-${method.toLowerCase()}`, `${route}-${method}-${path}`];
  const id = candidates.find((candidate) => !taken.has(candidate)) ?? `${route}-${taken.size}`;
  taken.add(id);
  return id;
}

function describeOperation(operation: ServedOperation, id: string): Json {
  const { summary, hosts, route, kind, body, method, security } = operation;
  const isBodiless = method === "GET" || method === "HEAD" || body === undefined;
  const parameters = [
    ...operation.params.map(({ name, schema }) => parameter("path", name, schema, true)),
    ...listed("query", operation.query),
    ...listed("header", operation.headers),
  ];
  return {
    operationId: id,
    ...(summary === undefined ? {} : { summary }),
    ...(hosts.length === 0 ? {} : { description: `Served for ${hosts.join(", ")}` }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(isBodiless
      ? {}
      : {
          requestBody: {
            required: kind === "chain",
            content: { "application/json": { schema: toOpenApiSchema(body) } },
          },
        }),
    responses: describeAnswers(operation),
    ...(security.length === 0
      ? {}
      : { security: [Object.fromEntries(security.map(({ name }) => [name, []]))] }),
    "x-catena-route": route,
  };
}

function parameter(place: string, name: string, schema: JsonSchema, required: boolean): Json {
  return { name, in: place, required, schema: toOpenApiSchema(schema) };
}

/** OpenAPI describes these three elsewhere and does not let them be parameters. */
const NOT_PARAMETERS: ReadonlySet<string> = new Set(["accept", "content-type", "authorization"]);

function listed(place: "query" | "header", schema: JsonSchema | undefined): readonly Json[] {
  const members = schema === undefined ? null : membersOf({ schema, mayBeMissing: false });
  return (members ?? [])
    .filter(([name]) => place === "query" || !NOT_PARAMETERS.has(name.toLowerCase()))
    .map(([name, member]) => parameter(place, name, member.schema, !member.mayBeMissing));
}

function describeAnswers(operation: ServedOperation): Json {
  const refused =
    operation.security.length === 0
      ? {}
      : { 401: { description: "Who is asking is not known, or not as it has to be" } };
  return { ...refused, ...ownAnswers(operation) };
}

function ownAnswers({ answers, kind }: ServedOperation): Json {
  switch (kind) {
    case "proxy":
      return { default: { description: "What the upstream answers" } };
    case "own":
      return { 200: { description: "What the gateway tells of itself" } };
    case "classic":
      return { default: { description: "What the upstream answers, or a service that failed" } };
    case "chain":
      return chainAnswers(answers);
  }
}

function chainAnswers(answers: readonly ChainAnswer[]): Json {
  const responses: Record<string, unknown> = {};
  const byStatus = Map.groupBy(answers, ({ status }) => status);
  for (const [status, same] of [...byStatus].toSorted(([a], [b]) => a - b)) {
    responses[String(status)] = describeAnswer(status, same);
  }
  const isForwarded = answers.some((answer) => answer.isForwarded);
  return isForwarded
    ? { ...responses, default: { description: "What the upstream answers, or a problem" } }
    : { ...responses, default: PROBLEM_RESPONSE };
}

const STATUS_WORDS: Readonly<Record<number, string>> = {
  200: "OK",
  201: "Created",
  202: "Accepted",
  204: "No content",
  400: "Bad request",
  401: "Unauthorized",
  402: "Payment required",
  403: "Forbidden",
  404: "Not found",
  409: "Conflict",
  410: "Gone",
  422: "Unprocessable content",
  429: "Too many requests",
};

function describeAnswer(status: number, answers: readonly ChainAnswer[]): Json {
  const description = STATUS_WORDS[status] ?? `Status ${status}`;
  if (answers.some((answer) => answer.isStream)) {
    const schema = answers[0]?.body ?? {};
    return { description, content: { "*/*": { schema: toOpenApiSchema(schema) } } };
  }
  if (answers.some((answer) => answer.isForwarded))
    return { description: "What the upstream answers" };
  const bodies = new Map(
    answers.flatMap(({ body }) =>
      body === undefined ? [] : [[JSON.stringify(body), body] as const],
    ),
  );
  const [first, ...others] = [...bodies.values()].map(toOpenApiSchema);
  if (first === undefined)
    return status < 400 ? { description } : { ...PROBLEM_RESPONSE, description };
  const schema = others.length === 0 ? first : { anyOf: [first, ...others] };
  return { description, content: { "application/json": { schema } } };
}

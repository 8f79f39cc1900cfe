import { type Kind, kinds } from "@catena/schema";

/** What Elysia keeps of a route for its documentation. */
export interface OperationDetail {
  /** Left out of the documentation. */
  readonly hide?: boolean;
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: string[];
  readonly operationId?: string;
  readonly requestBody?: {
    readonly required: boolean;
    readonly content: Record<string, { readonly schema: object }>;
  };
  readonly responses?: Record<string, { readonly description: string }>;
}

const hidden: OperationDetail = { hide: true };

/** Documents one method on one path of a kind; what only answers with an error is hidden. */
export function describeResourceOperation(
  kind: Kind,
  method: "GET" | "PUT" | "POST" | "PATCH" | "DELETE",
  path: { readonly path: string; readonly name?: string },
): OperationDetail {
  const { label, adminMethods } = kinds[kind];
  const isCollection = path.name === undefined;
  const base = { tags: [kind], operationId: `${method.toLowerCase()}${toPascal(path.path)}` };
  if (path.path.endsWith("/*")) return hidden;
  // Both list the same; the manager is no filter.
  if (kind === "secrets" && isCollection && path.path !== "/secrets") return hidden;
  if (isCollection && method === "GET") {
    return { ...base, summary: `List every ${label}`, responses: replies(200, 401, 503) };
  }
  if (isCollection && method === "PUT" && kind === "consumers") {
    return {
      ...base,
      summary: "Create or replace the consumer named in the body",
      ...body(kind),
      responses: replies(200, 201, 400, 401, 503),
    };
  }
  if (isCollection && method === "POST" && adminMethods.includes("POST")) {
    return {
      ...base,
      summary: `Create a ${label} with a new id`,
      ...body(kind),
      responses: replies(201, 400, 401, 503),
    };
  }
  if (isCollection) return hidden;
  switch (method) {
    case "GET":
      return { ...base, summary: `Read one ${label}`, responses: replies(200, 401, 404, 503) };
    case "PUT":
      return {
        ...base,
        summary: `Create or replace a ${label}`,
        ...body(kind),
        responses: replies(200, 201, 400, 401, 404, 503),
      };
    case "PATCH":
      if (!adminMethods.includes("PATCH")) return hidden;
      return {
        ...base,
        summary: `Change parts of a ${label}`,
        description:
          "Objects are merged, null removes a member, everything else replaces what was there. " +
          "With a path behind the id (`/upstream/nodes`) the body is set at that place.",
        requestBody: { required: true, content: { "application/json": { schema: {} } } },
        responses: replies(200, 400, 401, 404, 503),
      };
    case "DELETE":
      return { ...base, summary: `Delete a ${label}`, responses: replies(200, 400, 401, 404, 503) };
    default:
      return hidden;
  }
}

/** Documents an operation that is of no kind. */
export function describeOperation(
  tag: string,
  summary: string,
  statuses: readonly Status[],
  requestBody?: object,
): OperationDetail {
  return {
    tags: [tag],
    summary,
    responses: replies(...statuses),
    ...(requestBody === undefined
      ? {}
      : {
          requestBody: { required: true, content: { "application/json": { schema: requestBody } } },
        }),
  };
}

export const undocumented: OperationDetail = hidden;

type Status = keyof typeof statusTexts;

const statusTexts = {
  200: "Done, or found",
  201: "Created",
  202: "Taken",
  204: "Nothing to do",
  400: "Refused; `error_msg` says why",
  401: "The key is missing, wrong, or may only read",
  404: "There is nothing of that name",
  503: "The store does not answer, or somebody else changed the resource",
} as const;

function replies(...statuses: readonly Status[]): Record<string, { readonly description: string }> {
  return Object.fromEntries(
    statuses.map((status) => [String(status), { description: statusTexts[status] }]),
  );
}

function body(kind: Kind): Pick<Required<OperationDetail>, "requestBody"> {
  const schema = { $ref: `#/components/schemas/${kinds[kind].schemaName}` };
  return { requestBody: { required: true, content: { "application/json": { schema } } } };
}

function toPascal(path: string): string {
  return path
    .split(/[^a-zA-Z]+/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("");
}

/** Makes the answers of one Admin API, each with the headers that all have. */
export interface Replies {
  /** @param isFromResource whether a resource's handler made it; those carry `X-API-VERSION`. */
  json(status: number, body: unknown, isFromResource?: boolean): Response;
  text(status: number, body: string, isFromResource?: boolean): Response;
  /** A whole document of another type than JSON, or with headers of its own. */
  document(contentType: string, body: string, headers: Readonly<Record<string, string>>): Response;
  /** An answer without a body. */
  empty(status: number, headers?: Readonly<Record<string, string>>): Response;
  /** The answer to a browser that asks before it sends. */
  preflight(): Response;
}

const crossOrigin = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Allow-Credentials": "true",
  "Access-Control-Max-Age": "3600",
};

const preflight = {
  "Access-Control-Allow-Methods": "POST, GET, PUT, OPTIONS, DELETE, PATCH",
  "Access-Control-Allow-Headers": "*",
};

/** Headers and bodies are those of apisix/core/response.lua and apisix/cli/ngx_tpl.lua. */
export function createReplies(serverHeader: string, cors: boolean): Replies {
  const common = {
    Server: serverHeader,
    "Content-Type": "application/json",
    ...(cors ? { ...crossOrigin, "Access-Control-Expose-Headers": "*" } : {}),
  };
  const versioned = { ...common, "X-API-VERSION": "v3" };
  const text = (status: number, body: string, isFromResource = false): Response =>
    new Response(body, { status, headers: isFromResource ? versioned : common });
  return {
    text,
    json: (status, body, isFromResource) =>
      text(status, `${JSON.stringify(body)}\n`, isFromResource),
    document: (contentType, body, headers) =>
      new Response(body, {
        status: 200,
        headers: { ...common, "Content-Type": contentType, ...headers },
      }),
    empty: (status, headers = {}) =>
      new Response(null, { status, headers: { ...common, ...headers } }),
    preflight: () =>
      new Response(null, {
        status: cors ? 200 : 404,
        headers: {
          Server: serverHeader,
          "Content-Type": "text/plain; charset=utf-8",
          ...(cors ? { ...crossOrigin, ...preflight } : {}),
        },
      }),
  };
}

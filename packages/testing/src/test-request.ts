import type { ChainRequest } from "@catena/chain";
import { requestErrors } from "@catena/pipeline";
import { CancelScope } from "@catena/upstream";

/** A client's request, as a test writes it. */
export interface TestRequest {
  /** Default: the first of the route's methods, POST without any. */
  readonly method?: string;
  /** Default: the route's path with `params` in their places. */
  readonly path?: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | readonly string[]>>;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** JSON; or bytes or text with a `content-type` of its own. */
  readonly body?: unknown;
  /** The body as it is written, in place of `body`; JSON unless a `content-type` says otherwise. */
  readonly text?: string;
  /** Default `test-request`. */
  readonly id?: string;
  readonly ip?: string;
}

/** The request as the gateway would hand it to the chain. */
export function toChainRequest(
  request: TestRequest,
  route: { readonly path: string; readonly method: string },
  cancel: CancelScope = new CancelScope(),
): ChainRequest {
  const { params = {}, query = {}, id = "test-request", ip = "192.0.2.1" } = request;
  const headers = headerList(request);
  const bytes = bodyBytes(request, headers);
  const limited = (maxBytes: number) => {
    if (bytes.length > maxBytes) throw requestErrors.REQUEST_TOO_LARGE({ limitBytes: maxBytes });
    return bytes;
  };
  return {
    id,
    method: request.method ?? route.method,
    path: request.path ?? fillPath(route.path, params),
    query: queryText(query),
    clientAddress: ip,
    params,
    header: (name) => {
      const at = headers.findIndex((entry, i) => i % 2 === 0 && entry.toLowerCase() === name);
      return at < 0 ? null : (headers[at + 1] ?? null);
    },
    headerList: () => headers,
    bodyBytes: async (maxBytes) => limited(maxBytes),
    bodyText: async (maxBytes) => {
      try {
        return new TextDecoder("utf-8", { fatal: true }).decode(limited(maxBytes));
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
        throw requestErrors.REQUEST_NOT_UTF8({});
      }
    },
    deadlineAt: Number.POSITIVE_INFINITY,
    cancel,
  };
}

function headerList({ headers = {}, body, text }: TestRequest): readonly string[] {
  const list = Object.entries(headers).flatMap(([name, value]) =>
    typeof value === "string" ? [name, value] : value.flatMap((one) => [name, one]),
  );
  const hasType = list.some((name, i) => i % 2 === 0 && name.toLowerCase() === "content-type");
  const isEmpty = body === undefined && text === undefined;
  return isEmpty || hasType ? list : ["content-type", "application/json", ...list];
}

function bodyBytes(
  { body, text: written }: TestRequest,
  headers: readonly string[],
): Uint8Array<ArrayBuffer> {
  if (written !== undefined) return new TextEncoder().encode(written);
  if (body === undefined) return new Uint8Array();
  if (body instanceof Uint8Array) return new Uint8Array(body);
  const at = headers.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === "content-type");
  const isJson = /json/i.test(headers[at + 1] ?? "");
  const text = typeof body === "string" && !isJson ? body : JSON.stringify(body);
  return new TextEncoder().encode(text);
}

function queryText(query: NonNullable<TestRequest["query"]>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of typeof value === "string" ? [value] : value) search.append(name, one);
  }
  return search.toString();
}

/** `/users/:id` with its parameters; what is not given stays as it is written. */
function fillPath(path: string, params: Readonly<Record<string, string>>): string {
  return path.replace(/\/:([^/*]+)/g, (written, name: string) => {
    const value = params[name];
    return value === undefined ? written : `/${encodeURIComponent(value)}`;
  });
}

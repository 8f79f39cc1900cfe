import { sizes } from "../scenario.ts";

/**
 * What a careful developer writes by hand for each scenario with `fetch`. Used by both `elysia-fetch`
 * and `hono`, so that these two differ in the framework alone.
 */
export interface FetchWork {
  proxy(request: Request): Promise<Response>;
  chain(input: unknown, length: number): Promise<Response>;
  parallel(): Promise<Record<string, unknown>>;
  each(input: unknown): Promise<{ items: readonly unknown[] }>;
}

const hopByHop = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/** A 6 s limit per call, as Catena's default: without one a hung service would hang the gateway. */
const timeoutMs = 6000;

export function createFetchWork(upstream: string): FetchWork {
  const getJson = async (path: string): Promise<unknown> => {
    const response = await fetch(upstream + path, { signal: AbortSignal.timeout(timeoutMs) });
    if (!response.ok) throw new Error(`service answered ${response.status}`);
    return await response.json();
  };
  return {
    proxy: (request) => passOn(upstream, request),
    chain: (input, length) => runChain(upstream, input, length),
    parallel: async () => {
      const [a, b, c, d] = await Promise.all([
        getJson(`/delay/${sizes.parallelDelayMs}/a`),
        getJson(`/delay/${sizes.parallelDelayMs}/b`),
        getJson(`/delay/${sizes.parallelDelayMs}/c`),
        getJson(`/delay/${sizes.parallelDelayMs}/d`),
      ]);
      return { a, b, c, d };
    },
    each: async (input) => ({
      items: await mapInOrder(readIds(input), sizes.eachConcurrency, (id) =>
        getJson(`/delay/${sizes.eachDelayMs}/${encodeURIComponent(String(id))}`),
      ),
    }),
  };
}

/** Runs `work` over all items, at most `limit` at once, results in the order of the items. */
export async function mapInOrder<In, Out>(
  items: readonly In[],
  limit: number,
  work: (item: In) => Promise<Out>,
): Promise<readonly Out[]> {
  const results = new Array<Out>(items.length);
  const queue = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}

/** @throws Error when the body is not `{"ids": […]}`. */
export function readIds(input: unknown): readonly unknown[] {
  if (isJsonObject(input) && Array.isArray(input["ids"])) return input["ids"];
  throw new Error("ids must be an array");
}

export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

async function passOn(upstream: string, request: Request): Promise<Response> {
  const headers = new Headers(request.headers);
  for (const name of hopByHop) headers.delete(name);
  headers.delete("host");
  const response = await fetch(upstream + request.url.slice(request.url.indexOf("/", 8)), {
    method: request.method,
    headers,
    body: request.body,
    redirect: "manual",
    decompress: false,
    signal: AbortSignal.timeout(timeoutMs),
  });
  const replyHeaders = new Headers(response.headers);
  for (const name of hopByHop) replyHeaders.delete(name);
  return new Response(response.body, { status: response.status, headers: replyHeaders });
}

async function runChain(upstream: string, input: unknown, length: number): Promise<Response> {
  if (!isJsonObject(input)) return Response.json({ error: "expected an object" }, { status: 400 });
  const merged = { ...input };
  for (let step = 1; step <= length; step += 1) {
    const response = await postJson(`${upstream}/svc/${step}`, merged);
    if (response.status !== 200) {
      const error = { error: "Service error", body: await response.text() };
      return Response.json(error, { status: response.status });
    }
    const reply: unknown = await response.json();
    if (!isJsonObject(reply)) return Response.json({ error: "Invalid JSON" }, { status: 500 });
    Object.assign(merged, reply);
  }
  const last = await postJson(`${upstream}/chain`, merged);
  const contentType = last.headers.get("content-type") ?? "application/octet-stream";
  return new Response(last.body, { status: last.status, headers: { "content-type": contentType } });
}

function postJson(url: string, body: unknown): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(timeoutMs),
  });
}

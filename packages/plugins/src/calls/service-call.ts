import type { CallTarget, PluginServices, RequestContext } from "@catena/pipeline";
import type { CancelScope, UpstreamReply } from "@catena/upstream";

/** How a plugin calls a service of its own. */
export interface ServiceOptions {
  /** For connecting, sending and reading each. */
  readonly timeoutMs: number;
  readonly verify: boolean;
  /** Idle connections kept and for how many milliseconds; size 0 keeps none. */
  readonly keepalive?: { readonly size: number; readonly idleMs: number };
  /** Longer replies are errors. */
  readonly maxReplyBytes: number;
}

/** One call of a service. */
export interface ServiceRequest {
  readonly method: string;
  /** Added to the path of the service's URI. */
  readonly path?: string;
  /** Flat list without `Host`. */
  readonly headers: readonly string[];
  /** In place of the URI's. */
  readonly host?: string;
  readonly body: string | Uint8Array | null;
}

export interface ServiceReply {
  readonly status: number;
  /** Flat list. */
  readonly headers: readonly string[];
  readonly body: Uint8Array;
}

/** A service by its URI, with path and query. */
export class Service {
  readonly #target: CallTarget;
  readonly #path: string;
  readonly #query: string;
  readonly #options: ServiceOptions;

  constructor(target: CallTarget, url: URL, options: ServiceOptions) {
    this.#target = target;
    this.#path = url.pathname;
    this.#query = url.search;
    this.#options = options;
  }

  /** @throws UPSTREAM_* */
  ask(ctx: RequestContext, request: ServiceRequest): Promise<ServiceReply> {
    return this.send(request, ctx.cancel, ctx.deadlineAt, ctx);
  }

  /** For calls that no request waits for. @throws UPSTREAM_* */
  async send(
    { method, path = "", headers, host, body }: ServiceRequest,
    cancel: CancelScope | null = null,
    deadlineAt = Number.POSITIVE_INFINITY,
    caller?: RequestContext,
  ): Promise<ServiceReply> {
    const base = path === "" ? this.#path : this.#path.replace(/\/$/, "");
    const reply = await this.#target.send({
      method,
      target: `${base}${path}${this.#query}`,
      headers,
      ...(host === undefined ? {} : { host }),
      body,
      timeoutMs: this.#options.timeoutMs,
      deadlineAt,
      maxBodyBytes: this.#options.maxReplyBytes,
      buffered: true,
      idempotent: method === "GET",
      cancel,
      caller,
    });
    return { status: reply.status, headers: reply.headers, body: bytesOf(reply) };
  }
}

const noBytes = new Uint8Array(0);

/** A buffered reply has bytes or nothing. */
function bytesOf({ body }: UpstreamReply): Uint8Array {
  return body instanceof Uint8Array ? body : noBytes;
}

/** Makes a service ready; `null` for what is no URI by http or https. */
export function openService(
  { targets }: PluginServices,
  uri: string,
  options: ServiceOptions,
): Service | null {
  const url = URL.parse(uri);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) return null;
  const { verify, keepalive } = options;
  const target = targets.uri(url.origin, {
    verify,
    ...(keepalive === undefined ? {} : { keepalive }),
  });
  return target === null ? null : new Service(target, url, options);
}

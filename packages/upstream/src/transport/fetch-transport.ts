import type { GatewayError } from "@catena/errors";
import { upstreamErrors } from "../errors.ts";
import { checkCall } from "./call-guard.ts";
import { describeOrigin } from "./describe-origin.ts";
import { FetchCall } from "./fetch-call.ts";
import { mapFetchError } from "./map-fetch-error.ts";
import type {
  Origin,
  ReplyReceiver,
  Transport,
  TransportStats,
  UpstreamCall,
  UpstreamReply,
} from "./transport.ts";

/** RFC 9110 §9.3.2, §15.3.5, §15.4.5: replies that have no body whatever their headers say. */
const isBodiless = (method: string, status: number): boolean =>
  method === "HEAD" || status === 204 || status === 304;

/**
 * Makes the portable transport: the runtime's `fetch`, kept from following redirects, inflating
 * bodies and using a proxy. It cannot tell connecting from waiting (`connectMs` is added to
 * `readMs` for the head), joins repeated reply headers, writes names in lower case, adds `Accept`
 * and `User-Agent` when the call has none, and resolves dots in the path.
 */
export function createFetchTransport(): Transport {
  return new FetchTransport();
}

class FetchTransport implements Transport {
  readonly name = "fetch";
  readonly #calls = new Set<FetchCall>();
  readonly #tls = new WeakMap<Origin, Record<string, unknown>>();
  readonly #methods = new Map<string, boolean>();
  #closing: PromiseWithResolvers<void> | null = null;

  send(call: UpstreamCall): Promise<UpstreamReply> {
    const refused = this.#refuse(call);
    if (refused !== null) return Promise.reject(refused);
    const running = new FetchCall(call, (ended) => this.#ended(ended));
    this.#calls.add(running);
    return this.#run(running);
  }

  start(call: UpstreamCall, receiver: ReplyReceiver): void {
    this.send(call).then(
      (reply) => receiver.resolve(reply),
      (error: unknown) => receiver.reject(error),
    );
  }

  stats(): TransportStats {
    const activeCalls = this.#calls.size;
    // The runtime's pool cannot be seen; a call in flight holds at least one connection.
    return { openConnections: activeCalls, idleConnections: 0, activeCalls };
  }

  close(): Promise<void> {
    this.#closing ??= Promise.withResolvers<void>();
    if (this.#calls.size === 0) this.#closing.resolve();
    return this.#closing.promise;
  }

  #refuse(call: UpstreamCall): GatewayError | null {
    const refused = checkCall(call, performance.now());
    if (refused !== null) return refused;
    const fault = { origin: describeOrigin(call.origin), sent: false };
    if (this.#closing !== null)
      return upstreamErrors.UPSTREAM_CANCELLED({ ...fault, reason: "shutdown" });
    if (!this.#survives(call.method))
      return upstreamErrors.UPSTREAM_BAD_CALL({
        ...fault,
        reason: "fetch does not know the method",
      });
    return null;
  }

  /** `fetch` sends a method it does not know as GET, so each is tried once on a `Request`. */
  #survives(method: string): boolean {
    const known = this.#methods.get(method);
    if (known !== undefined) return known;
    const survives = new Request("http://localhost/", { method }).method === method;
    if (this.#methods.size < 64) this.#methods.set(method, survives);
    return survives;
  }

  async #run(running: FetchCall): Promise<UpstreamReply> {
    const { call } = running;
    try {
      const response = await fetch(describeOrigin(call.origin) + call.target, this.#init(running));
      return await this.#reply(running, response);
    } catch (error) {
      const mapped = running.fault ?? mapFetchError(call, error);
      running.finish();
      throw mapped;
    }
  }

  #init(running: FetchCall): BunFetchRequestInit {
    const { call } = running;
    const headers: [string, string][] = [];
    for (let i = 0; i + 1 < call.headers.length; i += 2)
      headers.push([call.headers[i] ?? "", call.headers[i + 1] ?? ""]);
    return {
      method: call.method,
      headers,
      body: call.body instanceof ReadableStream ? running.guard(call.body) : call.body,
      redirect: "manual",
      signal: running.signal,
      keepalive: call.origin.keepalive.size > 0,
      ...(call.origin.tls === undefined ? {} : { tls: this.#tlsOf(call.origin) }),
      decompress: false,
      proxy: false,
    };
  }

  #tlsOf(origin: Origin): Record<string, unknown> {
    const known = this.#tls.get(origin);
    if (known !== undefined) return known;
    const { tls } = origin;
    const made: Record<string, unknown> = { rejectUnauthorized: tls?.verify !== false };
    if (tls?.serverName !== undefined) made["serverName"] = tls.serverName;
    if (tls?.ca !== undefined) made["ca"] = tls.ca;
    if (tls?.clientCertificate !== undefined) made["cert"] = tls.clientCertificate;
    if (tls?.clientKey !== undefined) made["key"] = tls.clientKey;
    this.#tls.set(origin, made);
    return made;
  }

  async #reply(running: FetchCall, response: Response): Promise<UpstreamReply> {
    const { call } = running;
    const { status } = response;
    const fault = { origin: describeOrigin(call.origin), sent: true };
    // fetch hands over 0 and 999 as they came; `new Response` would throw on them later.
    if (status < 200 || status > 599)
      throw running.fail(
        upstreamErrors.UPSTREAM_BAD_REPLY({ ...fault, reason: `status ${status}` }),
      );
    const headers: string[] = [];
    for (const [name, value] of response.headers) headers.push(name, value);
    if (response.body === null || isBodiless(call.method, status)) {
      running.finish();
      const body = isBodiless(call.method, status) ? null : new Uint8Array(0);
      return { status, headers, body };
    }
    if (Number(response.headers.get("content-length") ?? 0) > call.maxBodyBytes)
      throw running.fail(upstreamErrors.UPSTREAM_TOO_LARGE(fault));
    running.read(response.body);
    const body = call.buffered ? await running.collect() : running.stream();
    return { status, headers, body };
  }

  #ended(running: FetchCall): void {
    this.#calls.delete(running);
    if (this.#calls.size === 0) this.#closing?.resolve();
  }
}

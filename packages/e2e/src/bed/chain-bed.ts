import { type GatewayBed, type GatewayBedOptions, startGatewayBed } from "./gateway-bed.ts";
import { startSqlite } from "./stores.ts";

/** A call as the service behind chains saw it. */
export interface ChainCall {
  readonly method: string;
  /** Path and query as they came. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Uint8Array;
  readonly text: string;
  /** Aborted when the gateway gives the call up. */
  readonly signal: AbortSignal;
}

/** What the service answers; a test sets its own. */
export type ChainAnswer = (call: ChainCall, index: number) => Response | Promise<Response>;

/** A gateway that serves chains at `/chain`, and the one service that they call. */
export interface ChainBed {
  readonly gateway: GatewayBed;
  /** `host:port` of the service. */
  readonly node: string;
  /** Calls in the order they came, since the last {@link serve}. */
  readonly seen: ChainCall[];
  /** Calls being answered now, and the most there were at a time. */
  readonly open: { now: number; most: number };
  /** Makes `/chain` run a chain and forgets what was seen; `answer` becomes what the service answers. */
  serve(chain: object, answer?: ChainAnswer, route?: object): Promise<void>;
  /** Asks for `/chain`; a body is sent as JSON unless headers say otherwise. */
  ask(init?: RequestInit & { readonly query?: string }): Promise<Response>;
  stop(): Promise<void>;
}

export async function startChainBed(
  settings: NonNullable<GatewayBedOptions["settings"]> = {},
): Promise<ChainBed> {
  const store = await startSqlite();
  const gateway = await startGatewayBed({ storeUrl: store.url, settings });
  const service = new ChainService();
  await gateway.put({ "upstreams/svc": { nodes: { [service.node]: 1 } } });
  return {
    gateway,
    node: service.node,
    seen: service.seen,
    open: service.open,
    serve: async (chain, answer, route = {}) => {
      if (answer !== undefined) service.answer = answer;
      service.seen.length = 0;
      service.open.most = 0;
      const plugins = { "proxy-chain": { v: 1, ...chain } };
      await gateway.put({ "routes/chain": { uri: "/chain", ...route, plugins } });
    },
    ask: ({ query = "", headers = {}, ...init } = {}) =>
      fetch(`${gateway.url}/chain${query}`, {
        method: "POST",
        ...init,
        headers: { "content-type": "application/json", ...(headers as Record<string, string>) },
      }),
    stop: async () => {
      await gateway.stop();
      await service.stop();
      await store.stop();
    },
  };
}

class ChainService {
  readonly seen: ChainCall[] = [];
  readonly open = { now: 0, most: 0 };
  answer: ChainAnswer = () => Response.json({});
  readonly #server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    fetch: (request) => this.#take(request),
  });

  get node(): string {
    return `127.0.0.1:${this.#server.port}`;
  }

  stop(): Promise<void> {
    return this.#server.stop(true);
  }

  async #take(request: Request): Promise<Response> {
    const bytes = new Uint8Array(await request.arrayBuffer());
    const call: ChainCall = {
      method: request.method,
      target: request.url.slice(request.url.indexOf("/", 8)),
      headers: Object.fromEntries(request.headers),
      bytes,
      text: new TextDecoder().decode(bytes),
      signal: request.signal,
    };
    const index = this.seen.push(call) - 1;
    this.open.now++;
    this.open.most = Math.max(this.open.most, this.open.now);
    try {
      return await this.answer(call, index);
    } finally {
      this.open.now--;
    }
  }
}

/** A JSON reply written as given, so that numbers stay as they are. */
export function json(text: string, status = 200, headers: [string, string][] = []): Response {
  return new Response(text, {
    status,
    headers: [["content-type", "application/json"], ...headers],
  });
}

export const ref = (...path: (string | number)[]): object => ({ $ref: path });
export const op = (name: string, ...args: unknown[]): object => ({ $op: name, args });

/** A call of the bed's service. */
export function call(method: string, path: string, rest: object = {}): object {
  return { upstream_id: "svc", method, path, ...rest };
}

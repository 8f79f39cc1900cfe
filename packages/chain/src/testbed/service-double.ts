/** A call as a service saw it. */
export interface SeenCall {
  readonly method: string;
  /** Path and query as they came. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly bytes: Uint8Array;
}

export type Answer = (call: SeenCall, index: number) => Response | Promise<Response>;

export interface ServiceDouble {
  readonly url: string;
  readonly host: string;
  /** Calls in the order they came. */
  readonly seen: SeenCall[];
  /** Calls being answered now, and the most there ever were. */
  readonly open: { now: number; most: number };
  /** Calls to paths starting with this. */
  to(prefix: string): SeenCall[];
  stop(): Promise<void>;
}

/** Starts a real HTTP service on a free loopback port; `answer` decides per call. */
export function serviceDouble(answer: Answer): ServiceDouble {
  const seen: SeenCall[] = [];
  const open = { now: 0, most: 0 };
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 60,
    async fetch(request) {
      const bytes = new Uint8Array(await request.arrayBuffer());
      const call: SeenCall = {
        method: request.method,
        target: request.url.slice(request.url.indexOf("/", 8)),
        headers: Object.fromEntries(request.headers),
        body: new TextDecoder().decode(bytes),
        bytes,
      };
      const index = seen.push(call) - 1;
      open.now++;
      open.most = Math.max(open.most, open.now);
      try {
        return await answer(call, index);
      } finally {
        open.now--;
      }
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    host: `127.0.0.1:${server.port}`,
    seen,
    open,
    to: (prefix) => seen.filter((call) => call.target.startsWith(prefix)),
    stop: () => server.stop(true),
  };
}

/** A JSON reply written as given, so that numbers stay as they are. */
export function jsonReply(text: string, status = 200, headers: [string, string][] = []): Response {
  return new Response(text, {
    status,
    headers: [["content-type", "application/json"], ...headers],
  });
}

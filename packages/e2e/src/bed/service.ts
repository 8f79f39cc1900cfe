/** One request as a service saw it. */
export interface SeenRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A real HTTP service of this process that remembers what it was asked. */
export interface Service {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** `127.0.0.1:PORT`, as a node of an upstream is written. */
  readonly node: string;
  readonly seen: SeenRequest[];
  stop(): Promise<void>;
}

/** Starts a service on a free port. */
export function startService(
  answer: (request: SeenRequest, raw: Request) => Response | Promise<Response>,
): Service {
  const seen: SeenRequest[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      const url = new URL(request.url);
      const one: SeenRequest = {
        method: request.method,
        target: url.pathname + url.search,
        headers: Object.fromEntries(request.headers),
        body: await request.text(),
      };
      seen.push(one);
      return answer(one, request);
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    node: `127.0.0.1:${server.port}`,
    seen,
    stop: () => server.stop(true),
  };
}

/** A service that answers everything with what it was asked, as JSON. */
export function startEcho(): Service {
  return startService((request) => Response.json(request));
}

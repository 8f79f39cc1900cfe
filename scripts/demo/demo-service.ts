/** One call that a demo service answered; bodies are text, shortened for a terminal. */
export interface DemoCall {
  readonly service: string;
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly body: string;
  /** Whether the call carried a bearer token; the token itself is shown nowhere. */
  readonly hasToken: boolean;
  readonly status: number;
  readonly reply: string;
}

/** What a demo service is made of: a name and something that answers requests, as Elysia does. */
export interface DemoApp {
  handle(request: Request): Response | Promise<Response>;
}

export interface RunningService {
  readonly name: string;
  /** `127.0.0.1:PORT`. */
  readonly address: string;
  stop(): Promise<void>;
}

export interface ServeOptions {
  readonly name: string;
  readonly app: DemoApp;
  /** 0 or absent: any free port. */
  readonly port?: number;
  readonly onCall: (call: DemoCall) => void;
}

const shownCharacters = 160;

/** Serves a demo service on loopback and reports each call once it is answered. */
export function serveDemo(options: ServeOptions): RunningService {
  const { name, app, onCall } = options;
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: options.port ?? 0,
    fetch: async (request) => {
      const body = await request.text();
      const { pathname, search } = new URL(request.url);
      const response = await app.handle(
        new Request(request.url, {
          method: request.method,
          headers: request.headers,
          ...(body === "" ? {} : { body }),
        }),
      );
      const reply = await response.text();
      onCall({
        service: name,
        method: request.method,
        path: pathname + search,
        body: shorten(body),
        hasToken: /^bearer \S/i.test(request.headers.get("authorization") ?? ""),
        status: response.status,
        reply: shorten(reply),
      });
      return new Response(reply, response);
    },
  });
  return {
    name,
    address: `127.0.0.1:${server.port}`,
    stop: () => server.stop(true),
  };
}

/** One line: `customer   POST /api/v1/user {"cart_id":"abc123"} -> 200 {"customer_id":…}`. */
export function formatCall(call: DemoCall): string {
  const asked = [call.method, call.path, call.body, call.hasToken ? "(token)" : ""];
  const words = asked.filter((word) => word !== "").join(" ");
  return `${call.service.padEnd(9)} ${words} -> ${call.status} ${call.reply}`.trimEnd();
}

function shorten(text: string): string {
  const line = text.replaceAll(/\s+/g, " ");
  return line.length > shownCharacters ? `${line.slice(0, shownCharacters - 1)}…` : line;
}

/** In the order they are run and shown. `micro` is no scenario: it has no contestants. */
export const scenarioNames = [
  "static",
  "proxy",
  "classic-chain-1",
  "classic-chain-3",
  "classic-chain-5",
  "parallel-4",
  "each-100",
  "key-auth-limit-count",
  "body-1k",
  "body-64k",
  "body-1m",
  "streaming",
  "routes-100k",
  "workers",
  "churn",
  "boot",
] as const;
export type ScenarioName = (typeof scenarioNames)[number];

/** What is sent, the same bytes to every contestant. */
export interface LoadRequest {
  readonly method: "GET" | "POST";
  /** Taken in turn; one for all scenarios but `routes-100k`. */
  readonly paths: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

export interface Scenario {
  readonly name: ScenarioName;
  /** One line for the report: the work a request asks for. */
  readonly work: string;
  readonly request: LoadRequest;
  /** Closed loop: `wrk` keeps this many requests in flight. */
  readonly connections: number;
  /**
   * Open loop: the same for every contestant, well below what the slowest one takes on two cores, so
   * that the latency of serving is seen and not the length of a queue. `null`: no load of this kind.
   */
  readonly ratePerSecond: number | null;
}

/** Fixed by name; a scenario that varies its size says so in `routes`. */
export const sizes = {
  parallelDelayMs: 20,
  eachItems: 100,
  eachConcurrency: 16,
  eachDelayMs: 10,
  streamChunks: 64,
  streamChunkBytes: 4096,
} as const;

/** The key every contestant of `key-auth-limit-count` knows, and the header it is in. */
export const clientKey = { header: "apikey", value: "bench-client-key-0001", consumer: "bench" };

export interface ScenarioOptions {
  /** Routes in the store in `routes-100k`. */
  readonly routes: number;
}

export function defineScenario(name: ScenarioName, options: ScenarioOptions): Scenario {
  const base = { name, work: workOf(name, options), connections: 32, ratePerSecond: 500 };
  switch (name) {
    case "static":
      return { ...base, request: get("/static"), ratePerSecond: 1000 };
    case "proxy":
    case "boot":
    case "churn":
      return { ...base, request: get("/proxy") };
    case "workers":
      return { ...base, request: get("/proxy"), connections: 128 };
    case "classic-chain-1":
    case "classic-chain-3":
    case "classic-chain-5":
      return { ...base, request: post("/chain", chainInput) };
    case "parallel-4":
      return { ...base, request: get("/parallel"), ratePerSecond: 100 };
    case "each-100":
      return { ...base, request: post("/each", eachInput()), connections: 8, ratePerSecond: 10 };
    case "key-auth-limit-count":
      return { ...base, request: get("/proxy", { [clientKey.header]: clientKey.value }) };
    case "body-1k":
      return { ...base, request: post("/echo", jsonOfSize(1024)) };
    case "body-64k":
      return { ...base, request: post("/echo", jsonOfSize(65_536)), ratePerSecond: 200 };
    case "body-1m":
      return {
        ...base,
        request: post("/echo", jsonOfSize(1_048_576)),
        connections: 8,
        ratePerSecond: 20,
      };
    case "streaming":
      return { ...base, request: get("/stream"), ratePerSecond: 100 };
    case "routes-100k":
      return { ...base, request: { ...get("/"), paths: routePaths(options.routes, 2000) } };
  }
}

/** How many calls a classic chain makes before the upstream; 0 for every other scenario. */
export function chainLength(name: ScenarioName): number {
  return name.startsWith("classic-chain-") ? Number(name.slice("classic-chain-".length)) : 0;
}

/** The prefix that route number `index` of `routes-100k` answers below. */
export function routePrefix(index: number): string {
  return `/r/tenant-${index}/`;
}

function workOf(name: ScenarioName, { routes }: ScenarioOptions): string {
  const chain = chainLength(name);
  if (chain > 0)
    return `POST; ${chain} POST call(s) in turn, JSON replies merged, then the upstream`;
  const works: Partial<Record<ScenarioName, string>> = {
    static: "GET answered by the contestant itself, 13 bytes",
    proxy: "GET passed to one upstream",
    "parallel-4": `GET; 4 independent GET calls of ${sizes.parallelDelayMs} ms each, one JSON reply`,
    "each-100": `POST of ${sizes.eachItems} ids; one GET of ${sizes.eachDelayMs} ms per id, at most ${sizes.eachConcurrency} at once, order kept`,
    "key-auth-limit-count": "GET with an API key, counted against a quota, passed to one upstream",
    "body-1k": "POST of 1 KiB JSON passed on, the upstream sends it back",
    "body-64k": "POST of 64 KiB JSON passed on, the upstream sends it back",
    "body-1m": "POST of 1 MiB JSON passed on, the upstream sends it back",
    streaming: `GET of ${sizes.streamChunks} chunks of ${sizes.streamChunkBytes} bytes without a length`,
    "routes-100k": `GET below one of ${routes} prefix routes, passed to one upstream`,
    workers: "GET passed to one upstream, 128 connections over one process or two",
    churn: "route changes under load: from the change to its first answer",
    boot: "from starting the process to its first proxied answer",
  };
  return works[name] ?? name;
}

function get(path: string, headers: Readonly<Record<string, string>> = {}): LoadRequest {
  return { method: "GET", paths: [path], headers, body: null };
}

function post(path: string, body: string): LoadRequest {
  return { method: "POST", paths: [path], headers: { "content-type": "application/json" }, body };
}

const chainInput = JSON.stringify({
  cart: "c-1029",
  customer: { id: 4711, tier: "gold", tags: ["returning", "newsletter"] },
  items: [
    { sku: "A-1", count: 2, price: 19.95 },
    { sku: "B-7", count: 1, price: 240.5 },
  ],
});

function eachInput(): string {
  return JSON.stringify({ ids: Array.from({ length: sizes.eachItems }, (_, index) => index + 1) });
}

/** A JSON object of exactly this many bytes, with many members rather than one long text. */
function jsonOfSize(bytes: number): string {
  const rows: { id: number; name: string; price: number }[] = [];
  const room = bytes - '{"rows":[],"pad":""}'.length;
  let used = 0;
  for (let id = 0; ; id += 1) {
    const row = { id, name: `item number ${id}`, price: id + 0.5 };
    const size = JSON.stringify(row).length + (rows.length === 0 ? 0 : 1);
    if (used + size > room) break;
    rows.push(row);
    used += size;
  }
  return JSON.stringify({ rows, pad: "x".repeat(room - used) });
}

/** Routes picked over the whole range by a fixed-seed generator: every run asks for the same ones. */
function routePaths(routes: number, count: number): readonly string[] {
  let state = 20_261_124;
  return Array.from({ length: count }, (_, index) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return `${routePrefix(Math.floor((state / 2 ** 32) * routes))}orders/${index}`;
  });
}

import { quotaLimit, quotaWindowSeconds } from "../apps/quota.ts";
import { chainLength, clientKey, routePrefix, type ScenarioName, sizes } from "../scenario.ts";

/** What `PUT /apisix/admin/KIND/ID` is given, as an operator would write it. */
export interface AdminResource {
  /** `routes/1`, `consumers`. */
  readonly path: string;
  readonly value: Readonly<Record<string, unknown>>;
}

export function toAdminResources(
  scenario: ScenarioName,
  upstreamPort: number,
): readonly AdminResource[] {
  const origin = `http://127.0.0.1:${upstreamPort}`;
  const upstream = toUpstream(upstreamPort);
  const steps = chainLength(scenario);
  if (steps > 0) {
    const services = Array.from({ length: steps }, (_, index) => ({
      uri: `${origin}/svc/${index + 1}`,
      method: "POST",
    }));
    return [
      route({
        uri: "/chain",
        methods: ["POST"],
        plugins: { "proxy-chain": { services } },
        upstream,
      }),
    ];
  }
  switch (scenario) {
    case "static":
      return [route({ uri: "/static", plugins: { mocking: staticAnswer } })];
    case "parallel-4":
      return [
        route({
          uri: "/parallel",
          methods: ["GET"],
          plugins: { "proxy-chain": parallelChain(origin) },
        }),
      ];
    case "each-100":
      return [
        route({ uri: "/each", methods: ["POST"], plugins: { "proxy-chain": eachChain(origin) } }),
      ];
    case "key-auth-limit-count":
      return [
        consumer,
        route({ uri: "/proxy", plugins: { "key-auth": {}, "limit-count": quota }, upstream }),
      ];
    case "body-1k":
    case "body-64k":
    case "body-1m":
      return [route({ uri: "/echo", methods: ["POST"], upstream })];
    case "streaming":
      return [route({ uri: "/stream", upstream })];
    case "routes-100k":
      return [];
    default:
      return [route({ uri: "/proxy", upstream })];
  }
}

/** Route number `index` of `routes-100k`. */
export function toManyRoute(index: number, upstreamPort: number): AdminResource {
  return {
    path: `routes/r${index}`,
    value: { uri: `${routePrefix(index)}*`, upstream: toUpstream(upstreamPort) },
  };
}

export function toUpstream(port: number): Readonly<Record<string, unknown>> {
  return { type: "roundrobin", nodes: { [`127.0.0.1:${port}`]: 1 } };
}

function route(value: Readonly<Record<string, unknown>>): AdminResource {
  return { path: "routes/bench", value };
}

const staticAnswer = {
  response_status: 200,
  content_type: "text/plain",
  response_example: "hello, client",
};

const consumer: AdminResource = {
  path: "consumers",
  value: { username: clientKey.consumer, plugins: { "key-auth": { key: clientKey.value } } },
};

const quota = {
  count: quotaLimit,
  time_window: quotaWindowSeconds,
  key: "consumer_name",
  policy: "local",
  rejected_code: 429,
};

function parallelChain(origin: string): Readonly<Record<string, unknown>> {
  const names = ["a", "b", "c", "d"];
  return {
    v: 1,
    steps: names.map((name) => ({
      name,
      call: { uri: origin, method: "GET", path: `/delay/${sizes.parallelDelayMs}/${name}` },
    })),
    reply: { body: Object.fromEntries(names.map((name) => [name, { $ref: [name] }])) },
  };
}

function eachChain(origin: string): Readonly<Record<string, unknown>> {
  return {
    v: 1,
    steps: [
      {
        name: "items",
        each: {
          in: { $ref: ["input", "body", "ids"] },
          concurrency: sizes.eachConcurrency,
          max: sizes.eachItems,
          do: {
            call: {
              uri: origin,
              method: "GET",
              path: `/delay/${sizes.eachDelayMs}/{id}`,
              params: { id: { $ref: ["item"] } },
            },
          },
        },
      },
    ],
    reply: { body: { items: { $ref: ["items"] } } },
  };
}

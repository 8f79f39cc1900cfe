import { afterAll, beforeAll, expect, setSystemTime, test } from "bun:test";
import type { GatewayReply } from "@catena/pipeline";
import type { PluginConf } from "@catena/schema";
import { requestHeaders } from "@catena/upstream";
import fixture from "../fixtures/apisix-replies.json" with { type: "json" };
import { type Answer, PluginBed } from "./plugin.testbed.ts";
import { plugins } from "./registry.ts";

interface Route {
  readonly route: string;
  readonly plugins: Readonly<Record<string, PluginConf>>;
  readonly calls: readonly Call[];
}

interface Call {
  readonly name: string;
  readonly request: {
    readonly method: string;
    readonly target: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: string;
  };
  readonly reply: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    /** Absent when the upstream's own was passed on. */
    readonly body?: string;
  };
  readonly upstream: {
    readonly method: string;
    readonly target: string;
    readonly headers: readonly string[];
  } | null;
}

// JSON has no types; what does not fit fails the tests below.
const routes = fixture as unknown as readonly Route[];

const host = "127.0.0.1:19080";

const consumers = {
  jack: {
    "key-auth": { key: "auth-one" },
    "basic-auth": { username: "jack", password: "pw" },
    "jwt-auth": { key: "jk", secret: "my-secret-key" },
  },
  bob: {},
  "bob/credentials/cr1": { "key-auth": { key: "bob-key" } },
};

const upstream = (): GatewayReply => ({
  status: 200,
  headers: ["content-type", "application/json"],
  body: '{"from":"upstream"}',
  source: "upstream",
});

beforeAll(() => {
  setSystemTime(new Date("2026-11-24T01:40:00Z"));
});

afterAll(() => {
  setSystemTime();
});

const named = routes.map(
  (route) => [`${Object.keys(route.plugins).join(", ")} on /${route.route}`, route] as const,
);

// One test per route: limits count from call to call.
test.each(named)("%s", async (_name, route) => {
  const confs = Object.entries(route.plugins).map(([name, conf]) => {
    const entry = plugins.get(name);
    if (entry === undefined) throw new Error(`no plugin ${name}`);
    return [entry, conf] as const;
  });
  const bed = new PluginBed(confs, { consumers, upstream, services: { httpsPort: 19443 } });
  for (const { name, request, reply, upstream: seen } of route.calls) {
    const answer = await bed.ask({ ...request, headers: { host, ...request.headers } });
    const { status, headers, body } = answer;
    expect({ name, status, headers: withoutReset(headers), seen: seenBy(answer) }).toEqual({
      name,
      status: reply.status,
      headers: withoutReset(reply.headers),
      seen: seen === null ? null : { ...seen, headers: lines(seen.headers) },
    });
    if (reply.body === undefined) continue;
    expect(body.replaceAll("\r\n", "\n").trimEnd()).toBe(reply.body.trimEnd());
  }
});

/** Headers but the seconds left, which the recording's own speed decided. */
function withoutReset(headers: Readonly<Record<string, string>>): Record<string, string> {
  const { "x-ratelimit-reset": reset, ...rest } = headers;
  return reset === undefined
    ? rest
    : { ...rest, "x-ratelimit-reset": `about ${Math.ceil(Number(reset))}` };
}

/** What the gateway makes of a request for its upstream, a line per header. */
function seenBy({ ctx, upstream: forwarded }: Answer): Call["upstream"] {
  if (forwarded === null) return null;
  const { method, target } = forwarded;
  const about = {
    clientAddress: ctx.clientAddress,
    scheme: ctx.scheme,
    rawHost: ctx.rawHost,
    serverPort: 19080,
  };
  const flat = requestHeaders(ctx.clientHeaders(), about);
  flat[1] = forwarded.host;
  const edited = ctx.headerEdits === null ? flat : ctx.headerEdits.apply(flat);
  const sent = edited.flatMap((name, i) =>
    i % 2 === 0 ? [`${name}: ${edited[i + 1] ?? ""}`] : [],
  );
  return { method, target, headers: lines(sent) };
}

/** Sorted, since the order of different headers means nothing; names in lower case. */
function lines(headers: readonly string[]): readonly string[] {
  return headers.map((line) => line.replace(/^[^:]+/, (name) => name.toLowerCase())).toSorted();
}

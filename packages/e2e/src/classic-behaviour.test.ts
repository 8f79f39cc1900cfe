import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type GatewayBed, startGatewayBed } from "./bed/gateway-bed.ts";
import { type Service, startEcho, startService } from "./bed/service.ts";
import { type StoreBed, storeKinds } from "./bed/stores.ts";

/**
 * The behaviour of a classic chain as the proxy-chain page and its documentation tell it, one row per
 * statement, over real HTTP. `{svc}` is the service's address, `{dead}` one where nobody listens.
 */
interface Row {
  readonly says: string;
  readonly services: readonly Readonly<Record<string, unknown>>[];
  readonly tokenHeader?: string;
  readonly conf?: Readonly<Record<string, unknown>>;
  readonly request?: {
    readonly query?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
  };
  /** What each service was called with, in order. */
  readonly calls?: readonly {
    readonly method?: string;
    readonly body?: string;
    readonly authorization?: string | null;
    readonly contentType?: string | null;
    readonly accept?: string;
  }[];
  /** What the upstream got; the client gets the upstream's reply. */
  readonly upstream?: { readonly body?: string; readonly authorization?: string | null };
  /** The chain answers itself. */
  readonly reply?: { readonly status: number; readonly body: string };
}

const cart = '{"cart_id":"abc123"}';

const table: readonly Row[] = [
  {
    says: "a service's reply is merged over the request body and sent on to the upstream",
    services: [{ uri: "{svc}/give/user/7" }],
    request: { body: cart },
    calls: [{ method: "POST", body: cart }],
    upstream: { body: '{"cart_id":"abc123","user":"7"}' },
  },
  {
    says: "a service is called by POST unless the method says otherwise",
    services: [{ uri: "{svc}/give/a/1", method: "PUT" }, { uri: "{svc}/give/b/2" }],
    request: { body: "{}" },
    calls: [{ method: "PUT" }, { method: "POST" }],
    upstream: { body: '{"a":"1","b":"2"}' },
  },
  {
    says: "a service gets Content-Type: application/json and Accept: */*",
    services: [{ uri: "{svc}/give/a/1" }],
    request: { body: "{}" },
    calls: [{ contentType: "application/json", accept: "*/*" }],
    upstream: {},
  },
  {
    says: "each service gets what the ones before it gave",
    services: [{ uri: "{svc}/give/a/1" }, { uri: "{svc}/give/b/2" }, { uri: "{svc}/give/c/3" }],
    request: { body: "{}" },
    calls: [{ body: "{}" }, { body: '{"a":"1"}' }, { body: '{"a":"1","b":"2"}' }],
    upstream: { body: '{"a":"1","b":"2","c":"3"}' },
  },
  {
    says: "a later reply wins at top level, and nothing is merged deeper",
    services: [{ uri: "{svc}/json/%7B%22o%22%3A%7B%22new%22%3A1%7D%7D" }],
    request: { body: '{"o":{"old":1},"k":1}' },
    upstream: { body: '{"o":{"new":1},"k":1}' },
  },
  {
    says: "a query argument is copied over the body as a top-level key",
    services: [{ uri: "{svc}/give/a/1" }],
    request: { query: "?cart_id=q&x=1", body: cart },
    calls: [{ body: '{"cart_id":"q","x":"1"}' }],
    upstream: { body: '{"cart_id":"q","x":"1","a":"1"}' },
  },
  {
    says: "a repeated query argument is an array, a bare one is true",
    services: [{ uri: "{svc}/give/a/1" }],
    request: { query: "?t=1&t=2&flag", body: "{}" },
    calls: [{ body: '{"t":["1","2"],"flag":true}' }],
    upstream: {},
  },
  {
    says: "token_header names the request header whose value is the token",
    services: [{ uri: "{svc}/give/a/1" }],
    tokenHeader: "X-Auth",
    request: { headers: { "x-auth": "t0" }, body: "{}" },
    calls: [{ authorization: "Bearer t0" }],
    upstream: { authorization: "Bearer t0" },
  },
  {
    says: "without that header the token is Authorization's, a leading Bearer removed",
    services: [{ uri: "{svc}/give/a/1" }],
    tokenHeader: "X-Auth",
    request: { headers: { authorization: "Bearer t1" }, body: "{}" },
    calls: [{ authorization: "Bearer t1" }],
    upstream: { authorization: "Bearer t1" },
  },
  {
    says: "without token_header the token is Authorization's",
    services: [{ uri: "{svc}/give/a/1" }],
    request: { headers: { authorization: "Bearer t2" }, body: "{}" },
    calls: [{ authorization: "Bearer t2" }],
    upstream: { authorization: "Bearer t2" },
  },
  {
    says: "an Authorization of another scheme passes unchanged",
    services: [{ uri: "{svc}/give/a/1" }],
    request: { headers: { authorization: "Basic dTpw" }, body: "{}" },
    calls: [{ authorization: "Basic dTpw" }],
    upstream: { authorization: "Basic dTpw" },
  },
  {
    says: "without any token none is sent",
    services: [{ uri: "{svc}/give/a/1" }],
    request: { body: "{}" },
    calls: [{ authorization: null }],
    upstream: { authorization: null },
  },
  {
    says: "a service that can't be reached ends the chain with 500 and names the step",
    services: [{ uri: "{dead}/x" }, { uri: "{svc}/give/b/2" }],
    request: { body: "{}" },
    calls: [],
    reply: { status: 500, body: '{"error":"Failed to call service: services[0]"}' },
  },
  {
    says: "error_bodies: literal names the URI instead, as the Lua plugin does",
    services: [{ uri: "{dead}/x" }],
    conf: { error_bodies: "literal" },
    request: { body: "{}" },
    reply: { status: 500, body: '{"error":"Failed to call service: {dead}/x"}' },
  },
  {
    says: "a service that answers with another status ends the chain with it",
    services: [{ uri: "{svc}/status/402" }, { uri: "{svc}/give/b/2" }],
    request: { body: "{}" },
    calls: [{}],
    reply: { status: 402, body: '{"error":"Service error","body":"{\\"why\\":402}"}' },
  },
  {
    says: "a service that answers 200 with invalid JSON ends the chain with 500",
    services: [{ uri: "{svc}/html" }],
    request: { body: "{}" },
    reply: { status: 500, body: '{"error":"Invalid JSON in response from services[0]"}' },
  },
  {
    says: "a 204 counts as success and merges nothing",
    services: [{ uri: "{svc}/status/204" }, { uri: "{svc}/give/b/2" }],
    request: { body: cart },
    upstream: { body: '{"cart_id":"abc123","b":"2"}' },
  },
  {
    says: "a GET service is called without a body, and later ones still get the merged data",
    services: [{ uri: "{svc}/give/a/1", method: "GET" }, { uri: "{svc}/give/b/2" }],
    request: { body: cart },
    calls: [
      { method: "GET", body: "" },
      { method: "POST", body: '{"cart_id":"abc123","a":"1"}' },
    ],
    upstream: { body: '{"cart_id":"abc123","a":"1","b":"2"}' },
  },
  {
    says: "numbers arrive as they were written, however long",
    services: [{ uri: "{svc}/json/%7B%22n%22%3A12345678901234567890.10%7D" }],
    request: { body: '{"m":0.10000000000000000001}' },
    upstream: { body: '{"m":0.10000000000000000001,"n":12345678901234567890.10}' },
  },
  {
    says: "a __proto__ key pollutes nothing and arrives as data",
    services: [{ uri: "{svc}/json/%7B%22__proto__%22%3A%7B%22b%22%3A2%7D%7D" }],
    request: { body: '{"__proto__":{"admin":true},"k":1}' },
    calls: [{ body: '{"__proto__":{"admin":true},"k":1}' }],
    upstream: { body: '{"__proto__":{"b":2},"k":1}' },
  },
  {
    says: "an empty body starts the chain with the query arguments",
    services: [{ uri: "{svc}/give/a/1" }],
    request: { query: "?x=1" },
    calls: [{ body: '{"x":"1"}' }],
    upstream: { body: '{"x":"1","a":"1"}' },
  },
  {
    says: "a body that declares JSON and is not gets 400 with line and column",
    services: [{ uri: "{svc}/give/a/1" }],
    request: { body: '{"a":1,}', headers: { "content-type": "application/json" } },
    calls: [],
    reply: { status: 400, body: "line 1" },
  },
  {
    says: "a JSON array as body gets 400",
    services: [{ uri: "{svc}/give/a/1" }],
    request: { body: "[1,2]", headers: { "content-type": "application/json" } },
    calls: [],
    reply: { status: 400, body: "object" },
  },
];

for (const kind of storeKinds) {
  describe(`a classic chain, configured in ${kind.name}`, () => {
    let storeBed: StoreBed;
    let bed: GatewayBed;
    let service: Service;
    let upstream: Service;
    let dead: string;

    beforeAll(async () => {
      storeBed = await kind.start();
      bed = await startGatewayBed({ storeUrl: storeBed.url });
      service = startService(answer);
      upstream = startEcho();
      const gone = startEcho();
      dead = gone.url;
      await gone.stop();
    });

    afterAll(async () => {
      await bed.stop();
      await storeBed.stop();
      await service.stop();
      await upstream.stop();
    });

    const place = (text: string) =>
      text.replaceAll("{svc}", service.url).replaceAll("{dead}", dead);

    test.each(table.map((row) => [row.says, row] as const))("%s", async (_says, row) => {
      service.seen.length = 0;
      upstream.seen.length = 0;
      await bed.put({
        "routes/chain": {
          uri: "/chain",
          plugins: {
            "proxy-chain": {
              services: row.services.map((one) => ({ ...one, uri: place(String(one["uri"])) })),
              ...(row.tokenHeader === undefined ? {} : { token_header: row.tokenHeader }),
              ...row.conf,
            },
          },
          upstream: { type: "roundrobin", nodes: { [upstream.node]: 1 } },
        },
      });
      const { query = "", headers = {}, body } = row.request ?? {};
      const response = await fetch(`${bed.url}/chain${query}`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        ...(body === undefined ? {} : { body }),
      });
      const text = await response.text();
      if (row.reply === undefined) {
        expect({ status: response.status, text }).toMatchObject({ status: 200 });
        // The client gets the upstream's reply, which is an echo of what it was asked.
        const echoed = JSON.parse(text);
        expect(echoed).toEqual(JSON.parse(JSON.stringify(upstream.seen[0])));
        if (row.upstream?.body !== undefined) expect(echoed.body).toBe(row.upstream.body);
        if (row.upstream?.authorization !== undefined) {
          expect(echoed.headers.authorization ?? null).toBe(row.upstream.authorization);
        }
      } else {
        expect({ status: response.status, text }).toMatchObject({ status: row.reply.status });
        expect(text).toContain(place(row.reply.body));
        expect(upstream.seen).toEqual([]);
      }
      if (row.calls !== undefined) {
        expect(service.seen.length).toBe(row.calls.length);
        row.calls.forEach((call, index) => {
          const seen = service.seen[index]!;
          if (call.method !== undefined) expect(seen.method).toBe(call.method);
          if (call.body !== undefined) expect(seen.body).toBe(call.body);
          if (call.authorization !== undefined) {
            expect(seen.headers["authorization"] ?? null).toBe(call.authorization);
          }
          if (call.contentType !== undefined) {
            expect(seen.headers["content-type"] ?? null).toBe(call.contentType);
          }
          if (call.accept !== undefined) expect(seen.headers["accept"]).toBe(call.accept);
        });
      }
    });
  });
}

/** `/give/KEY/VALUE` answers `{KEY: VALUE}`, `/json/TEXT` the text, `/status/N` that status. */
function answer({ target }: { readonly target: string }): Response {
  const [, command = "", first = "", second = ""] = target.split("/");
  if (command === "give") return Response.json({ [first]: second });
  if (command === "json") {
    return new Response(decodeURIComponent(first), {
      headers: { "content-type": "application/json" },
    });
  }
  if (command === "html") return new Response("<html></html>");
  const status = Number(first);
  return new Response(status === 204 ? null : `{"why":${status}}`, { status });
}

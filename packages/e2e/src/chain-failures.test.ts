import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { freePort, type RawServer, startRawServer } from "@catena/testkit";
import { type ChainBed, call, json, op, ref, startChainBed } from "./bed/chain-bed.ts";
import { until } from "./bed/gateway-bed.ts";

const SECRET = "stack-trace-of-the-service";

let bed: ChainBed;
beforeAll(async () => {
  bed = await startChainBed();
});
afterAll(() => bed.stop());

/** Two steps of which the second fails. */
const failing = (rest: object): object => ({
  id: "shop",
  steps: [
    { name: "a", call: call("GET", "/a") },
    { name: "b", call: call("GET", "/b"), ...rest },
  ],
  reply: { status: 201, body: { a: ref("a", "ok"), b: op("coalesce", ref("b"), "default") } },
});
const serve = (rest: object, status = 503): Promise<void> =>
  bed.serve(failing(rest), ({ target }) =>
    target === "/a" ? json('{"ok":1}') : json(`{"error":"${SECRET}"}`, status),
  );

describe("a step that fails", () => {
  test("fail: the reply names chain, step, reason and request, never the upstream's raw body", async () => {
    await serve({});
    const response = await bed.ask();
    const text = await response.text();
    expect(text).not.toContain(SECRET);
    expect([response.status, response.headers.get("content-type"), JSON.parse(text)]).toEqual([
      502,
      "application/problem+json",
      {
        type: "about:blank",
        title: "Bad Gateway",
        status: 502,
        detail: 'step "b" answered 503',
        code: "CHAIN_STEP_STATUS",
        chain: "shop",
        step: "b",
        request_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      },
    ]);
    expect(JSON.stringify(bed.gateway.logged)).not.toContain(SECRET);
  });

  test("skip: the chain goes on, and what uses the step gets its default", async () => {
    await serve({ on_error: "skip" });
    expect(await (await bed.ask()).text()).toBe('{"a":1,"b":"default"}');
  });

  test("fallback: a value takes the place of the result", async () => {
    await serve({ on_error: { fallback: { ok: op("tpl", "was ", ref("a", "ok")) } } });
    expect(await (await bed.ask()).text()).toBe('{"a":1,"b":{"ok":"was 1"}}');
  });

  test("a status can have a client status and body of its own, or be passed on without its body", async () => {
    const exit = { status: 418, headers: { "x-why": "b" }, body: { sorry: ref("a", "ok") } };
    await serve({ on_status: { 404: { exit } } }, 404);
    const chosen = await bed.ask();
    expect([chosen.status, chosen.headers.get("x-why"), await chosen.text()]).toEqual([
      418,
      "b",
      '{"sorry":1}',
    ]);
    await serve({ on_status: { 404: { pass: true } } }, 404);
    const passed = await bed.ask();
    const text = await passed.text();
    expect([passed.status, JSON.parse(text).step]).toEqual([404, "b"]);
    expect(text).not.toContain(SECRET);
  });
});

describe("time", () => {
  test("after the deadline no socket of the request stays open", async () => {
    // Neither answers: one says nothing, one stops in the middle of its body.
    const silent: RawServer = startRawServer({ onRequest: () => undefined });
    const halting: RawServer = startRawServer({
      onRequest: (_request, peer) =>
        peer.write(
          "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
        ),
    });
    const to = ({ port }: RawServer, method: string): object => ({
      uri: `http://127.0.0.1:${port}`,
      method,
      path: "/",
    });
    await bed.serve({
      deadline: 150,
      steps: [
        { name: "silent", call: to(silent, "GET") },
        { name: "halting", call: to(halting, "GET") },
        { name: "charge", call: to(silent, "POST"), parallel: true },
        { name: "each", each: { in: [1, 2, 3], do: { call: to(halting, "GET") } } },
      ],
      reply: {},
    });
    const response = await bed.ask();
    expect([response.status, await response.json()]).toMatchObject([
      504,
      { code: "CHAIN_DEADLINE" },
    ]);
    expect([silent.connectionCount, halting.connectionCount]).toEqual([2, 4]);
    await until(() => silent.openCount + halting.openCount === 0);
    expect(bed.gateway.gateway.status()).toMatchObject({
      requests_in_flight: 0,
      connections: { open: bed.gateway.gateway.status().connections.idle },
    });
    silent.stop();
    halting.stop();
  });

  test("a timeout of one step or chain is not that of another", async () => {
    const slow = async (): Promise<Response> => {
      await Bun.sleep(120);
      return json('{"ok":1}');
    };
    const steps = [
      { name: "fast", call: call("GET", "/slow"), timeout: 30, on_error: "skip" },
      { name: "slow", call: call("GET", "/slow"), timeout: 20_000 },
    ];
    await bed.serve({ steps, reply: { body: [ref("fast", "ok"), ref("slow", "ok")] } }, slow);
    expect(await (await bed.ask()).text()).toBe("[null,1]");
    await bed.gateway.put({
      "routes/other": {
        uri: "/other",
        plugins: {
          "proxy-chain": {
            v: 1,
            steps: [{ name: "slow", call: call("GET", "/slow") }],
            reply: { body: ref("slow", "ok") },
          },
        },
      },
    });
    for (let i = 0; i < 2; i++)
      expect(await (await fetch(`${bed.gateway.url}/other`)).text()).toBe("1");
    await bed.gateway.put({ "routes/other": null });
  });
});

describe("an unsafe call is retried only when that cannot do it twice", () => {
  const retry = { attempts: 3, on: [503, "network"], backoff: { base: 1, max: 2 } };
  const keys = (): (string | undefined)[] =>
    bed.seen.map(({ headers }) => headers["idempotency-key"]);

  test.each(["POST", "PUT", "PATCH", "DELETE"])("%s: not without a key", async (method) => {
    await bed.serve({ steps: [{ name: "a", call: call(method, "/a"), retry }], reply: {} }, () =>
      json("{}", 503),
    );
    expect((await bed.ask()).status).toBe(502);
    expect(keys()).toEqual([undefined]);
  });

  test("with a key, minted once and sent on each attempt", async () => {
    await bed.serve(
      {
        steps: [{ name: "a", call: call("POST", "/a"), retry, idempotency_key: "auto" }],
        reply: { body: 1 },
      },
      (_call, index) => json("{}", index < 2 ? 503 : 200),
    );
    expect((await bed.ask()).status).toBe(200);
    expect(keys()).toHaveLength(3);
    expect(new Set(keys()).size).toBe(1);
    expect(keys()[0]).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("without a key when the connection was lost: not", async () => {
    const losing: RawServer = startRawServer({ onRequest: (_request, peer) => peer.reset() });
    const uri = `http://127.0.0.1:${losing.port}`;
    const step = { name: "a", call: { uri, method: "POST", path: "/" }, retry };
    await bed.serve({ steps: [step], reply: {} });
    expect((await bed.ask()).status).toBe(502);
    expect(losing.requests).toHaveLength(1);
    losing.stop();
  });

  test("when the connection was refused: nobody saw it", async () => {
    const uri = `http://127.0.0.1:${await freePort()}`;
    const step = { name: "a", call: { uri, method: "POST", path: "/" }, retry };
    await bed.serve({ server_timing: true, steps: [step], reply: {} });
    const response = await bed.ask();
    expect([response.status, response.headers.get("server-timing")]).toEqual([
      502,
      expect.stringContaining("attempts=3"),
    ]);
  });
});

describe("a client that leaves", () => {
  test("ends calls that read, and lets those that write end first; then nothing more is called", async () => {
    const release = Promise.withResolvers<void>();
    let ended = 0;
    const leaving = new AbortController();
    await bed.serve(
      {
        steps: [
          { name: "read", call: call("GET", "/read") },
          { name: "write", call: call("POST", "/write"), parallel: true },
          { name: "next", call: call("POST", "/next") },
        ],
        reply: {},
      },
      async ({ target }) => {
        await release.promise;
        if (target === "/write") ended++;
        return json("{}");
      },
    );
    const asked = bed.ask({ signal: leaving.signal }).catch(() => "gone");
    await until(() => bed.seen.length === 2);
    leaving.abort();
    expect(await asked).toBe("gone");
    const isGivenUp = (target: string): boolean =>
      bed.seen.some((seen) => seen.target === target && seen.signal.aborted);
    await until(() => isGivenUp("/read"));
    release.resolve();
    await until(() => bed.gateway.gateway.status().requests_in_flight === 0);
    expect([ended, isGivenUp("/write")]).toEqual([1, false]);
    expect(bed.seen.map(({ target }) => target).sort()).toEqual(["/read", "/write"]);
  });
});

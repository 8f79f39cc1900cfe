import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type RawServer, startRawServer } from "@catena/testkit";
import { type ChainBed, type ChainCall, call, json, ref, startChainBed } from "./bed/chain-bed.ts";
import { until } from "./bed/gateway-bed.ts";

/** A gateway with limits that a test can reach, each by its own setting. */
const limits = {
  requestBytes: 200,
  responseBytes: 1000,
  mergedBytes: 2000,
  jsonDepth: 5,
  steps: 6,
  subDepth: 1,
  eachItems: 4,
  eachConcurrency: 2,
  deadlineMs: 1500,
  timeoutMs: 400,
};

let bed: ChainBed;
beforeAll(async () => {
  bed = await startChainBed({ limits });
});
afterAll(() => bed.stop());

const body = ref("input", "body");
const write = { name: "w", call: call("POST", "/w", { body: [body] }) };
const problem = async (response: Response): Promise<string> => {
  const { code, error_msg } = (await response.json()) as { code?: string; error_msg?: string };
  return `${response.status} ${code ?? error_msg}`;
};

interface Breach {
  readonly chain: object;
  readonly sent?: string;
  readonly answer?: () => Response;
  readonly error: string;
  /** Calls that were made before it. */
  readonly calls: number;
}

const big = (size: number): string => JSON.stringify("x".repeat(size - 2));
const reading = (rest: object = {}): object => ({
  steps: [{ name: "a", call: call("GET", "/a") }],
  reply: { body: { a: ref("a"), b: ref("a"), c: ref("a") } },
  ...rest,
});

/** Each breach is an error with a code, before anything is called that would be the damage. */
const breaches: Readonly<Record<string, Breach>> = {
  "request body": {
    chain: { steps: [write], reply: {} },
    sent: big(201),
    error: "413 REQUEST_TOO_LARGE",
    calls: 0,
  },
  "request body that nobody looks into": {
    chain: reading(),
    sent: big(201),
    error: "413 REQUEST_TOO_LARGE",
    calls: 0,
  },
  "depth of the request's JSON": {
    chain: { steps: [write], reply: { body: ref("input", "body", "x") } },
    sent: '{"x":[[[[[]]]]]}',
    error: "400 CHAIN_REQUEST_INVALID",
    calls: 0,
  },
  "items of an each, told from the request": {
    chain: { steps: [write, { name: "e", each: { in: body, do: { value: 1 } } }], reply: {} },
    sent: "[1,2,3,4,5]",
    error: "422 CHAIN_EACH_TOO_MANY",
    calls: 0,
  },
  "items of an each, told by a step": {
    chain: {
      steps: [
        { name: "a", call: call("GET", "/a") },
        { name: "e", each: { in: ref("a"), do: { call: call("POST", "/item") } } },
      ],
      reply: {},
    },
    answer: () => json("[1,2,3,4,5]"),
    error: "422 CHAIN_EACH_TOO_MANY",
    calls: 1,
  },
  "response of a step": {
    chain: { ...reading(), steps: [{ name: "a", call: call("GET", "/a") }, write] },
    answer: () => json(big(1001)),
    error: "502 CHAIN_RESPONSE_TOO_LARGE",
    calls: 1,
  },
  "depth of a response's JSON": {
    chain: { ...reading(), steps: [{ name: "a", call: call("GET", "/a") }, write] },
    answer: () => json("[[[[[[]]]]]]"),
    error: "502 CHAIN_REPLY_INVALID",
    calls: 1,
  },
  "a value made of others": {
    chain: {
      steps: [
        { name: "a", call: call("GET", "/a") },
        { name: "v", value: [ref("a"), ref("a"), ref("a")] },
        write,
      ],
      reply: {},
    },
    answer: () => json(big(900)),
    error: "502 CHAIN_MERGED_TOO_LARGE",
    calls: 1,
  },
  "a call's body made of others": {
    chain: {
      steps: [
        { name: "a", call: call("GET", "/a") },
        { name: "b", call: call("POST", "/b", { body: [ref("a"), ref("a"), ref("a")] }) },
      ],
      reply: {},
    },
    answer: () => json(big(900)),
    error: "502 CHAIN_MERGED_TOO_LARGE",
    calls: 1,
  },
  "a reply": {
    chain: reading(),
    answer: () => json(big(900)),
    error: "502 CHAIN_MERGED_TOO_LARGE",
    calls: 1,
  },
  "results of an each": {
    chain: {
      steps: [{ name: "e", each: { in: [1, 2, 3, 4], do: { call: call("GET", "/a") } } }],
      reply: { body: ref("e") },
    },
    answer: () => json(big(900)),
    error: "502 CHAIN_MERGED_TOO_LARGE",
    calls: 4,
  },
};

describe("each breach of a limit is a typed error before damage", () => {
  test.each(Object.entries(breaches))(
    "%s",
    async (_name, { chain, sent = "{}", answer, error, calls }) => {
      await bed.serve(chain, answer ?? (() => json("{}")));
      expect(await problem(await bed.ask({ body: sent }))).toBe(error);
      expect(bed.seen.map(({ method }) => method)).toHaveLength(calls);
    },
  );

  test("merge of results that are sent on", async () => {
    await bed.serve(
      {
        steps: ["a", "b", "c"].map((name) => ({ name, call: call("GET", `/${name}`) })),
        forward: { upstream_id: "svc" },
      },
      ({ target }) => json(`{"${target}":${big(900)}}`),
    );
    expect(await problem(await bed.ask({ body: "{}" }))).toBe("502 CHAIN_MERGED_TOO_LARGE");
    expect(bed.seen.map(({ target }) => target).sort()).toEqual(["/a", "/b", "/c"]);
  });

  test("the connection of a response that is too large is closed", async () => {
    const endless: RawServer = startRawServer({
      onRequest: (_request, peer) =>
        peer.write(
          `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n${"x".repeat(2000)}\r\n`,
        ),
    });
    const uri = `http://127.0.0.1:${endless.port}`;
    await bed.serve({ steps: [{ name: "a", call: { uri, method: "GET", path: "/" } }], reply: {} });
    expect(await problem(await bed.ask())).toBe("502 CHAIN_RESPONSE_TOO_LARGE");
    await until(() => endless.openCount === 0);
    endless.stop();
  });

  test("timeout of a call, and deadline of a chain", async () => {
    const hang = ({ signal }: ChainCall): Promise<Response> =>
      new Promise((resolve) => signal.addEventListener("abort", () => resolve(json("{}"))));
    await bed.serve(reading(), hang);
    expect(await problem(await bed.ask())).toBe("504 CHAIN_STEP_TIMEOUT");
    const retry = { attempts: 10, on: ["timeout"], backoff: { base: 1, max: 1 } };
    const steps = [{ name: "a", call: call("GET", "/a"), retry }];
    await bed.serve({ steps, reply: {} }, hang);
    expect(await problem(await bed.ask())).toBe("504 CHAIN_DEADLINE");
    expect(bed.seen.length).toBeGreaterThan(1);
    await until(() => bed.open.now === 0);
  });

  test("concurrency of an each", async () => {
    const { promise: full, resolve } = Promise.withResolvers<void>();
    await bed.serve(
      {
        steps: [{ name: "e", each: { in: [1, 2, 3, 4], do: { call: call("GET", "/a") } } }],
        reply: {},
      },
      async () => {
        if (bed.open.now === 2) resolve();
        await full;
        return json("1");
      },
    );
    expect((await bed.ask()).status).toBe(200);
    expect([bed.open.most, bed.seen.length]).toEqual([2, 4]);
  });
});

describe("a chain that says more than it may is not served", () => {
  const reasons = (): string =>
    bed.gateway.gateway
      .status()
      .unserved.map(({ reason }) => reason)
      .join();
  const values = (count: number): readonly object[] =>
    Array.from({ length: count }, (_, i) => ({ name: `s${i}`, value: i }));

  test("more steps than the gateway lets it have", async () => {
    await bed.serve({ steps: values(7), reply: {} });
    expect((await bed.ask()).status).toBe(503);
    expect(reasons()).toContain("a chain has at most 6 steps");
    await bed.serve({ steps: values(6), reply: { body: 1 } });
    expect((await bed.ask()).status).toBe(200);
  });

  test("chains in chains deeper than the gateway lets them be", async () => {
    const route = (uri: string, chain?: string): object => ({
      uri,
      plugins: {
        "proxy-chain": {
          v: 1,
          steps: [{ name: "s", ...(chain === undefined ? { value: 1 } : { sub: { chain } }) }],
          reply: { body: ref("s") },
        },
      },
    });
    await bed.gateway.put({ "routes/x": route("/x", "y"), "routes/y": route("/y") });
    await bed.serve({ steps: [{ name: "a", sub: { chain: "x" } }], reply: {} });
    expect((await bed.ask()).status).toBe(503);
    expect(reasons()).toContain("chains nest deeper than 1");
    await bed.serve({ steps: [{ name: "a", sub: { chain: "y" } }], reply: {} });
    expect((await bed.ask()).status).toBe(200);
  });

  const refused: readonly [says: string, chain: object, reason: string][] = [
    ["more than 64 steps", { steps: values(65), reply: {} }, "/steps"],
    [
      "more than 1,000 items",
      { steps: [{ name: "e", each: { in: [], max: 1001, do: { value: 1 } } }], reply: {} },
      "/steps/0/each/max",
    ],
    [
      "a deadline beyond ten minutes",
      { deadline: 600_001, steps: values(1), reply: {} },
      "/deadline",
    ],
    [
      "limits beyond what any chain may have",
      { limits: { response_bytes: 2 ** 40 }, steps: values(1), reply: {} },
      "/limits/response_bytes",
    ],
  ];
  test.each(refused)("%s is refused as a stored item", async (_says, chain, place) => {
    await bed.gateway.put({
      "routes/refused": { uri: "/refused", plugins: { "proxy-chain": { v: 1, ...chain } } },
    });
    const [rejected] = bed.gateway.gateway.status().rejected;
    expect(rejected).toMatchObject({ key: "/apisix/routes/refused" });
    expect(rejected?.reason).toContain(place);
    await bed.gateway.put({ "routes/refused": null });
  });
});

test("a limit that a chain sets for itself counts instead of the gateway's", async () => {
  const own = { request_bytes: 4000, response_bytes: 4000, merged_bytes: 9000, json_depth: 9 };
  await bed.serve({ ...reading(), limits: own }, () => json(big(2000)));
  expect((await bed.ask({ body: big(3000) })).status).toBe(200);
  await bed.serve({ ...reading(), limits: { request_bytes: 10 } }, () => json("{}"));
  expect(await problem(await bed.ask({ body: big(11) }))).toBe("413 REQUEST_TOO_LARGE");
});

test("redirects are never followed", async () => {
  await bed.serve(
    { steps: [{ name: "a", call: call("GET", "/a") }], reply: { body: 1 } },
    () => new Response(null, { status: 302, headers: { location: "/elsewhere" } }),
  );
  expect(await problem(await bed.ask())).toBe("502 CHAIN_STEP_STATUS");
  expect(bed.seen.map(({ target }) => target)).toEqual(["/a"]);
});

test("chains of the classic form are held to the gateway's limits too", async () => {
  await bed.gateway.put({
    "routes/classic": {
      uri: "/classic",
      upstream_id: "svc",
      plugins: { "proxy-chain": { services: [{ uri: `http://${bed.node}/one` }] } },
    },
  });
  const ask = (text: string): Promise<Response> =>
    fetch(`${bed.gateway.url}/classic`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: text,
    });
  await bed.serve(reading(), () => json("{}"));
  expect((await ask(`{"v":${big(100)}}`)).status).toBe(200);
  bed.seen.length = 0;
  expect((await ask(`{"v":${big(200)}}`)).status).toBe(413);
  expect((await ask('{"x":[[[[[]]]]]}')).status).toBe(400);
  expect(bed.seen).toEqual([]);
  await bed.serve(reading(), () => json(`{"v":${big(1001)}}`));
  expect((await ask("{}")).status).toBe(502);
  await bed.gateway.put({ "routes/classic": null });
});

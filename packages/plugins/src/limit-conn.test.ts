import { describe, expect, test } from "bun:test";
import type { GatewayReply } from "@catena/pipeline";
import type { PluginConf } from "@catena/schema";
import type { PluginEntry } from "./define-plugin.ts";
import { limitConn } from "./limit-conn.ts";
import { contextOf, PluginBed, problemsOf } from "./plugin.testbed.ts";
import { responseRewrite } from "./response-rewrite.ts";

const base = { conn: 1, burst: 0, default_conn_delay: 0.001, key: "remote_addr" };

/** A bed whose upstream answers with bodies that end when told to. */
function held(conf: Record<string, unknown> = {}, others: [PluginEntry, PluginConf][] = []) {
  const bodies: ReadableStreamDefaultController<Uint8Array>[] = [];
  const bed = new PluginBed([[limitConn, { ...base, ...conf }], ...others], {
    upstream: () => ({
      status: 200,
      headers: [],
      body: new ReadableStream<Uint8Array>({
        start(controller) {
          bodies.push(controller);
        },
      }),
      source: "upstream",
    }),
  });
  return { bed, bodies };
}

async function waitUntil(condition: () => boolean): Promise<void> {
  while (!condition()) await Bun.sleep(1);
}

test("a second request at a time is rejected, until the first one's body has ended", async () => {
  const { bed, bodies } = held();
  const first = bed.ask();
  await waitUntil(() => bodies.length === 1);
  const second = await bed.ask();
  expect(second.status).toBe(503);
  expect(second.body).toContain("503 Service Temporarily Unavailable");
  bodies[0]?.enqueue(Buffer.from("x"));
  expect((await bed.ask()).status).toBe(503);
  bodies[0]?.close();
  expect((await first).body).toBe("x");
  const third = bed.ask();
  await waitUntil(() => bodies.length === 2);
  bodies[1]?.close();
  expect((await third).status).toBe(200);
});

test("keys count apart, the message is sent", async () => {
  const { bed, bodies } = held({ rejected_code: 429, rejected_msg: "full" });
  const first = bed.ask({ from: "1.1.1.1" });
  await waitUntil(() => bodies.length === 1);
  const other = bed.ask({ from: "1.1.1.2" });
  await waitUntil(() => bodies.length === 2);
  const second = await bed.ask({ from: "1.1.1.1" });
  expect([second.status, second.body]).toEqual([429, '{"error_msg":"full"}\n']);
  for (const body of bodies) body.close();
  await Promise.all([first, other]);
});

test("requests of the burst are let in after a delay", async () => {
  const { bed, bodies } = held({ burst: 1 });
  const first = bed.ask();
  await waitUntil(() => bodies.length === 1);
  const second = bed.ask();
  await waitUntil(() => bodies.length === 2);
  expect((await bed.ask()).status).toBe(503);
  for (const body of bodies) body.close();
  await Promise.all([first, second]);
});

describe("the place is given back", () => {
  const handlersOf = () => {
    const states = new Map<string, unknown>();
    const { value } = limitConn.create(base, {
      owner: "routes/1",
      survivors: {
        get: <T>(plugin: string, owner: string, make: () => T): T => {
          const key = plugin + owner;
          if (!states.has(key)) states.set(key, make());
          return states.get(key) as T;
        },
      },
      // Nothing else is asked for.
    } as never);
    return value ?? {};
  };
  const reply = (body: GatewayReply["body"]): GatewayReply => ({
    status: 200,
    headers: [],
    body,
    source: "upstream",
  });
  const endings: [what: string, end: (reply: GatewayReply) => Promise<GatewayReply>][] = [
    [
      "when the client goes away",
      async (sent) => {
        const reader = (sent.body as ReadableStream).getReader();
        await reader.cancel();
        return sent;
      },
    ],
    [
      "when the upstream breaks off",
      async (sent) => {
        await new Response(sent.body).text().catch(() => undefined);
        return sent;
      },
    ],
    ["when another reply is sent instead", async () => reply("error page")],
  ];
  test.each(endings)("%s", async (_what, end) => {
    const { access, headerFilter, log } = handlersOf();
    const ctx = contextOf({});
    expect(access?.(ctx)).toBeUndefined();
    const sent = reply(
      new ReadableStream({ pull: (controller) => controller.error(new Error("gone")) }),
    );
    headerFilter?.(ctx, sent);
    log?.(ctx, await end(sent));
    const next = contextOf({});
    expect(access?.(next)).toBeUndefined();
    log?.(next, reply("text"));
    expect(access?.(contextOf({}))).toBeUndefined();
    expect(access?.(contextOf({}))).toHaveProperty("status", 503);
  });
});

test("another plugin may take the body's place", async () => {
  const { bed, bodies } = held({}, [[responseRewrite, { body: "short" }]]);
  for (let i = 1; i <= 3; i++) {
    expect((await bed.ask()).body).toBe("short");
    expect(bodies).toHaveLength(i);
  }
});

test("rules count apart; none that applies is a fault unless it may be borne", async () => {
  const rules = [
    { conn: 5, burst: 0, key: "$remote_addr" },
    { conn: "$http_x_most", burst: "0", key: "$http_x_a" },
  ];
  const conf = { default_conn_delay: 1, rules };
  const bed = new PluginBed([[limitConn, conf]]);
  expect((await bed.ask({ headers: { "x-a": "1", "x-most": "1" } })).status).toBe(200);
  const none = { default_conn_delay: 1, rules: [{ conn: 1, burst: 0, key: "constant" }] };
  expect((await new PluginBed([[limitConn, none]]).ask()).status).toBe(500);
  const borne = { ...none, allow_degradation: true };
  expect((await new PluginBed([[limitConn, borne]]).ask()).status).toBe(200);
});

test.each([
  [{ conn: 1 }, ""],
  [{ ...base, conn: 0 }, "/conn"],
  [{ ...base, burst: -1 }, "/burst"],
  [{ ...base, default_conn_delay: 0 }, "/default_conn_delay"],
  [{ ...base, policy: "redis" }, "/policy"],
  [{ ...base, key: "request_body" }, "/key"],
  [{ default_conn_delay: 1, rules: [{ conn: 1, burst: 0, key: "$request_body" }] }, "/rules/0/key"],
])("%j is refused at %j", (conf, path) => {
  expect(problemsOf(limitConn, conf)[0]?.path).toBe(path);
});

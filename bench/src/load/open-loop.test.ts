import { afterAll, describe, expect, test } from "bun:test";
import { runOpenLoop } from "./open-loop.ts";

const get = (path: string): Uint8Array =>
  new TextEncoder().encode(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);

let served = 0;
let stalled = false;
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  routes: {
    "/ok": () => {
      served += 1;
      return new Response("ok");
    },
    "/bad": () => new Response("bad", { status: 503 }),
    "/never": () => new Promise<Response>(() => {}),
    "/stall-once": async () => {
      if (!stalled) {
        stalled = true;
        const until = performance.now() + 300;
        while (performance.now() < until) Bun.sleepSync(10);
      }
      return new Response("late");
    },
  },
});
const port = server.port ?? 0;
afterAll(() => server.stop(true));

const order = { port, ratePerSecond: 200, seconds: 0.2, maxConnections: 4, timeoutMs: 5000 };

describe("runOpenLoop", () => {
  test("sends rate times seconds requests and hears every answer", async () => {
    served = 0;
    const result = await runOpenLoop({ ...order, requests: [get("/ok")] });
    expect(result.due).toBe(40);
    expect(result.ok).toBe(40);
    expect(served).toBe(40);
    expect(result.errors).toEqual({ status: 0, socket: 0, timeout: 0 });
    expect(result.latenciesMs.length).toBe(40);
    expect(result.latenciesMs).toEqual(result.latenciesMs.toSorted((a, b) => a - b));
  });

  test("a reply that is not 2xx is an error", async () => {
    const result = await runOpenLoop({ ...order, requests: [get("/ok"), get("/bad")] });
    expect(result.ok).toBe(20);
    expect(result.errors).toEqual({ status: 20, socket: 0, timeout: 0 });
  });

  test("a refused connection is an error, and the run ends", async () => {
    const gone = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
    const gonePort = gone.port ?? 0;
    await gone.stop(true);
    const result = await runOpenLoop({ ...order, port: gonePort, requests: [get("/ok")] });
    expect(result.errors).toEqual({ status: 0, socket: 40, timeout: 0 });
  });

  test("requests that wait for an answer or for a connection time out", async () => {
    const result = await runOpenLoop({ ...order, timeoutMs: 200, requests: [get("/never")] });
    expect(result.errors).toEqual({ status: 0, socket: 0, timeout: 40 });
  });

  test("one stall shows in every request that was due during it", async () => {
    stalled = false;
    const result = await runOpenLoop({
      ...order,
      seconds: 0.3,
      maxConnections: 1,
      requests: [get("/stall-once")],
    });
    expect(result.ok).toBe(60);
    // A client that waited before sending again would see one slow request of 60; here the median
    // request was due about half way through the 300 ms.
    expect(result.latenciesMs[30]).toBeGreaterThan(50);
  });
});

import { Hono } from "hono";
import { TrieRouter } from "hono/router/trie-router";
import { chainLength, clientKey, routePrefix } from "../scenario.ts";
import { readAppSettings } from "./app-settings.ts";
import { createFetchWork } from "./fetch-work.ts";
import { createQuota } from "./quota.ts";

const { port, upstream, scenario, routes } = readAppSettings();
const work = createFetchWork(upstream);
const quota = createQuota();
const steps = chainLength(scenario);
// Hono's default router builds one regular expression, which 100 000 wildcard routes do not fit.
const app = scenario === "routes-100k" ? new Hono({ router: new TrieRouter() }) : new Hono();

if (scenario === "static") app.get("/static", (c) => c.text("hello, client"));
else if (steps > 0) app.post("/chain", async (c) => work.chain(await c.req.json(), steps));
else if (scenario === "parallel-4")
  app.get("/parallel", async (c) => c.json(await work.parallel()));
else if (scenario === "each-100") {
  app.post("/each", async (c) => c.json(await work.each(await c.req.json())));
} else if (scenario === "routes-100k") {
  for (let index = 0; index < routes; index += 1) {
    app.get(`${routePrefix(index)}*`, (c) => work.proxy(c.req.raw));
  }
} else if (scenario === "key-auth-limit-count") {
  app.get("/proxy", async (c) => {
    const { refuse, headers } = quota.take(c.req.header(clientKey.header) ?? null);
    if (refuse !== null) return c.body(null, refuse);
    const response = await work.proxy(c.req.raw);
    for (const name in headers) response.headers.set(name, headers[name] ?? "");
    return response;
  });
} else app.all("/*", (c) => work.proxy(c.req.raw));

Bun.serve({
  port,
  hostname: "127.0.0.1",
  fetch: app.fetch,
  idleTimeout: 0,
  maxRequestBodySize: 16 * 1024 * 1024,
});

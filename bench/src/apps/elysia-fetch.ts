import { Elysia } from "elysia";
import { chainLength, clientKey, routePrefix } from "../scenario.ts";
import { readAppSettings } from "./app-settings.ts";
import { createFetchWork } from "./fetch-work.ts";
import { createQuota } from "./quota.ts";

const { port, upstream, scenario, routes } = readAppSettings();
const work = createFetchWork(upstream);
const quota = createQuota();
const steps = chainLength(scenario);
const app = new Elysia();

if (scenario === "static") app.get("/static", () => "hello, client");
else if (steps > 0) app.post("/chain", ({ body }) => work.chain(body, steps));
else if (scenario === "parallel-4") app.get("/parallel", () => work.parallel());
else if (scenario === "each-100") app.post("/each", ({ body }) => work.each(body));
else if (scenario === "routes-100k") {
  for (let index = 0; index < routes; index += 1) {
    app.get(`${routePrefix(index)}*`, ({ request }) => work.proxy(request));
  }
} else if (scenario === "key-auth-limit-count") {
  app.get("/proxy", async ({ request, status }) => {
    const { refuse, headers } = quota.take(request.headers.get(clientKey.header));
    if (refuse !== null) return status(refuse);
    const response = await work.proxy(request);
    for (const name in headers) response.headers.set(name, headers[name] ?? "");
    return response;
  });
} else app.all("/*", ({ request }) => work.proxy(request), { parse: "none" });

app.listen({ port, hostname: "127.0.0.1", maxRequestBodySize: 16 * 1024 * 1024 });

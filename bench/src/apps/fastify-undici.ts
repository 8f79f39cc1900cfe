import fastify, { type FastifyReply, type FastifyRequest } from "fastify";
import { type Dispatcher, Pool } from "undici";
import { chainLength, clientKey, routePrefix, sizes } from "../scenario.ts";
import { readAppSettings } from "./app-settings.ts";
import { isJsonObject, mapInOrder, readIds } from "./fetch-work.ts";
import { createQuota } from "./quota.ts";

const { port, upstream, scenario, routes } = readAppSettings();
const pool = new Pool(upstream, { connections: 256, headersTimeout: 6000, bodyTimeout: 6000 });
const quota = createQuota();
const steps = chainLength(scenario);
const isJsonScenario = steps > 0 || scenario === "each-100";
const app = fastify({ bodyLimit: 16 * 1024 * 1024 });

if (!isJsonScenario) {
  // A proxy passes bodies on unread.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (_request, payload, done) => done(null, payload));
}
if (scenario === "static") app.get("/static", (_request, reply) => reply.send("hello, client"));
else if (steps > 0) app.post("/chain", runChain);
else if (scenario === "parallel-4") app.get("/parallel", runParallel);
else if (scenario === "each-100") app.post("/each", runEach);
else if (scenario === "routes-100k") {
  for (let index = 0; index < routes; index += 1) app.get(`${routePrefix(index)}*`, passOn);
} else if (scenario === "key-auth-limit-count") {
  app.get("/proxy", (request, reply) => {
    const key = request.headers[clientKey.header];
    const { refuse, headers } = quota.take(typeof key === "string" ? key : null);
    reply.headers(headers);
    return refuse === null ? passOn(request, reply) : reply.code(refuse).send();
  });
} else app.all("/*", passOn);

await app.listen({ port, host: "127.0.0.1" });

async function passOn(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const response = await pool.request({
    path: request.url,
    // Fastify types the method as text; only methods it has routes for get here, and undici knows them.
    method: request.method as Dispatcher.HttpMethod,
    headers: withoutHopByHop({ ...request.headers, host: undefined }),
    body: request.method === "GET" ? null : request.raw,
  });
  return reply
    .code(response.statusCode)
    .headers(withoutHopByHop(response.headers))
    .send(response.body);
}

async function runChain(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  if (!isJsonObject(request.body)) return reply.code(400).send({ error: "expected an object" });
  const merged = { ...request.body };
  for (let step = 1; step <= steps; step += 1) {
    const response = await postJson(`/svc/${step}`, merged);
    if (response.statusCode !== 200) {
      const error = { error: "Service error", body: await response.body.text() };
      return reply.code(response.statusCode).send(error);
    }
    const answer: unknown = await response.body.json();
    if (!isJsonObject(answer)) return reply.code(500).send({ error: "Invalid JSON" });
    Object.assign(merged, answer);
  }
  const last = await postJson("/chain", merged);
  return reply
    .code(last.statusCode)
    .header("content-type", last.headers["content-type"])
    .send(last.body);
}

async function runParallel(): Promise<unknown> {
  const [a, b, c, d] = await Promise.all([
    getJson(`/delay/${sizes.parallelDelayMs}/a`),
    getJson(`/delay/${sizes.parallelDelayMs}/b`),
    getJson(`/delay/${sizes.parallelDelayMs}/c`),
    getJson(`/delay/${sizes.parallelDelayMs}/d`),
  ]);
  return { a, b, c, d };
}

async function runEach(request: FastifyRequest): Promise<unknown> {
  return {
    items: await mapInOrder(readIds(request.body), sizes.eachConcurrency, (id) =>
      getJson(`/delay/${sizes.eachDelayMs}/${encodeURIComponent(String(id))}`),
    ),
  };
}

async function getJson(path: string): Promise<unknown> {
  const response = await pool.request({ path, method: "GET" });
  if (response.statusCode !== 200) throw new Error(`service answered ${response.statusCode}`);
  return await response.body.json();
}

function postJson(path: string, body: unknown): Promise<Dispatcher.ResponseData> {
  return pool.request({
    path,
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

type HeaderValues = Record<string, string | string[] | undefined>;

function withoutHopByHop(headers: HeaderValues): HeaderValues {
  const {
    connection: _connection,
    "keep-alive": _keepAlive,
    "proxy-authenticate": _proxyAuthenticate,
    "proxy-authorization": _proxyAuthorization,
    "proxy-connection": _proxyConnection,
    te: _te,
    trailer: _trailer,
    "transfer-encoding": _transferEncoding,
    upgrade: _upgrade,
    ...rest
  } = headers;
  return rest;
}

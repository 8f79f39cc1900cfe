import { sizes } from "../scenario.ts";

/**
 * The services behind every contestant, in one process:
 *
 * - `POST /svc/N` one chain step: `{"sN": {…}}`
 * - `POST /chain`, `POST /echo` the body sent back
 * - `GET /delay/MS/ID` `{"id": "ID", …}` after MS milliseconds
 * - `GET /stream` chunks without a length
 * - any other GET: a small JSON object that names the path asked for
 *
 * With `BENCH_RECORD=1` it keeps what each `/svc/N` was sent, and `GET /recorded` hands it over: how
 * the agreement test sees that a step was given the merged object and not just something.
 */
const isRecording = process.env["BENCH_RECORD"] === "1";
const recorded: Record<string, unknown> = {};
const json = { headers: { "content-type": "application/json" } };
const chunk = new TextEncoder().encode(
  `${"streamed line of text;".repeat(200)}\n`
    .slice(0, sizes.streamChunkBytes)
    .padEnd(sizes.streamChunkBytes, "."),
);

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.env["BENCH_PORT"] ?? "0"),
  idleTimeout: 0,
  maxRequestBodySize: 16 * 1024 * 1024,
  fetch: (request) => {
    const path = request.url.slice(request.url.indexOf("/", 8));
    if (path.startsWith("/svc/")) return answerStep(request, path.slice(5));
    if (path === "/chain" || path === "/echo") return echo(request);
    if (path.startsWith("/delay/")) return answerLater(path);
    if (path === "/stream") return new Response(chunks());
    if (path === "/recorded") return Response.json(recorded);
    return new Response(
      `{"service":"catalogue","path":"${path}","stock":12,"price":{"amount":1995,"currency":"EUR"},"labels":["new","eu"]}`,
      json,
    );
  },
});
console.log(`listening ${server.port}`);

async function answerStep(request: Request, step: string): Promise<Response> {
  const sent = await request.bytes();
  if (isRecording) recorded[step] = JSON.parse(new TextDecoder().decode(sent));
  return new Response(
    `{"s${step}":{"ok":true,"reference":"ref-${step}-88213","score":0.75,"lines":[{"sku":"A-1","reserved":2},{"sku":"B-7","reserved":1}]},"last":"s${step}"}`,
    json,
  );
}

async function echo(request: Request): Promise<Response> {
  return new Response(await request.bytes(), json);
}

async function answerLater(path: string): Promise<Response> {
  const [, , delayMs = "0", id = ""] = path.split("/");
  await Bun.sleep(Number(delayMs));
  return new Response(`{"id":"${id}","stock":3,"price":{"amount":1250,"currency":"EUR"}}`, json);
}

function chunks(): ReadableStream<Uint8Array> {
  let left: number = sizes.streamChunks;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      // Yields between chunks, so they leave as separate writes the way a real stream's do.
      await new Promise((resume) => setImmediate(resume));
      controller.enqueue(chunk);
      left -= 1;
      if (left === 0) controller.close();
    },
  });
}

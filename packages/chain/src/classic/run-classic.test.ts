import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { isGatewayError } from "@catena/errors";
import table from "../../fixtures/classic-cases.json" with { type: "json" };
import type { ChainOutcome } from "../chain-request.ts";
import { directTargets } from "../testbed/direct-targets.ts";
import { plainRequest } from "../testbed/plain-request.ts";
import {
  jsonReply,
  type SeenCall,
  type ServiceDouble,
  serviceDouble,
} from "../testbed/service-double.ts";
import { ChainTrace } from "../trace.ts";
import type { ProxyChainClassic } from "./classic-conf.ts";
import { compileClassic } from "./compile-classic.ts";
import { runClassic } from "./run-classic.ts";

interface ClassicCase {
  readonly name: string;
  readonly services: ProxyChainClassic["services"];
  readonly token_header?: string;
  readonly error_bodies?: "literal";
  readonly deadline?: number;
  readonly request: {
    readonly method?: string;
    readonly query?: string;
    readonly headers?: readonly string[];
    readonly body?: string;
    readonly bodyOfBytes?: number;
  };
  readonly calls?: readonly string[];
  readonly notCalled?: string;
  readonly present?: Readonly<Record<string, string>>;
  readonly absent?: readonly string[];
  readonly throws?: string;
  readonly forward?: {
    readonly body: string | null;
    readonly contentType: string | null;
    readonly authorization: string | null;
  };
  readonly reply?: {
    readonly status: number;
    readonly body?: string;
    readonly has?: readonly string[];
    readonly contentType?: string;
    readonly maxBytes?: number;
  };
}

function answer(call: SeenCall): Response | Promise<Response> {
  const [path = ""] = call.target.split("?");
  const pair = /^\/kv-(\w+)-(\w+)$/.exec(path);
  if (pair !== null) return jsonReply(JSON.stringify({ [pair[1]!]: pair[2] }));
  const status = /^\/(s|ok)(\d+)$/.exec(path);
  if (status?.[2] === "204") return new Response(null, { status: 204 });
  if (status?.[1] === "ok") return jsonReply(`{"ok":${status[2]}}`, Number(status[2]));
  if (status !== null) return jsonReply('{"err":"status"}', Number(status[2]));
  switch (path) {
    case "/nested":
      return jsonReply('{"o":{"a":1},"l":[],"n":null,"e":{},"big":12345678901234567890,"f":1.50}');
    case "/proto":
      return jsonReply('{"__proto__":{"admin":true},"constructor":1}');
    case "/badjson":
      return jsonReply('{"a":');
    case "/latin1":
      return new Response(new Uint8Array([0x7b, 0x22, 0xe9, 0x22, 0x3a, 0x31, 0x7d]));
    case "/empty":
      return jsonReply("");
    case "/array":
      return jsonReply("[1,2,3]");
    case "/null":
      return jsonReply("null");
    case "/str":
      return jsonReply('"text"');
    case "/num":
      return jsonReply("5");
    case "/close":
      return jsonReply('{"closed":1}', 200, [["connection", "close"]]);
    case "/long-error":
      return jsonReply("e".repeat(100_000), 500);
    case "/huge":
      return jsonReply(`{"p":"${"x".repeat(4 * 1024 * 1024)}"}`);
    case "/trickle":
      return trickle();
    default:
      return new Promise(() => undefined);
  }
}

function trickle(): Response {
  let timer: Timer;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      timer = setInterval(() => controller.enqueue(new TextEncoder().encode(" ")), 20);
    },
    cancel: () => clearInterval(timer),
  });
  return new Response(body);
}

/** Answers `/half` with less than it announced, and hangs up on everything else. */
function rudeServer() {
  return Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket, bytes) {
        if (bytes.toString().includes(" /half "))
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"half":');
        socket.end();
      },
    },
  });
}

let service: ServiceDouble;
let rude: ReturnType<typeof rudeServer>;
let dead: string;

beforeAll(() => {
  service = serviceDouble(answer);
  rude = rudeServer();
  const gone = rudeServer();
  dead = `http://127.0.0.1:${gone.port}`;
  gone.stop(true);
});

afterAll(async () => {
  rude.stop(true);
  await service.stop();
});

const place = (text: string): string =>
  text
    .replaceAll("{svc}", service.url)
    .replaceAll("{dead}", dead)
    .replaceAll("{raw}", `http://127.0.0.1:${rude.port}`);

function compile(conf: ProxyChainClassic) {
  const compiled = compileClassic(conf, { targets: directTargets({ stock: service.url }) });
  expect(compiled.issues).toEqual([]);
  return compiled.value!;
}

function bodyText(body: ChainOutcome["body"]): string | null {
  if (body === null || typeof body === "string") return body;
  return body instanceof Uint8Array ? new TextDecoder().decode(body) : "(stream)";
}

async function runCase(row: ClassicCase): Promise<ChainOutcome> {
  const services = row.services.map((one) => ({ ...one, uri: place(one.uri) }));
  const chain = compile({
    services,
    ...(row.token_header === undefined ? {} : { token_header: row.token_header }),
    ...(row.error_bodies === undefined ? {} : { error_bodies: row.error_bodies }),
    ...(row.deadline === undefined ? {} : { deadline: row.deadline }),
  });
  const { bodyOfBytes, ...request } = row.request;
  return await runClassic(
    chain,
    plainRequest(
      bodyOfBytes === undefined
        ? request
        : { ...request, body: `{"p":"${"x".repeat(bodyOfBytes - 8)}"}` },
    ),
  );
}

// Rows are checked against the interface by the assertions below; JSON imports widen literals.
const cases = table.cases as readonly unknown[] as readonly ClassicCase[];

describe("a classic chain", () => {
  test.each(cases.map((row) => [row.name, row] as const))("%s", async (_, row) => {
    service.seen.length = 0;
    if (row.throws !== undefined) {
      const error: unknown = await runCase(row).catch((thrown: unknown) => thrown);
      expect(isGatewayError(error, row.throws)).toBe(true);
      expect(service.seen).toEqual([]);
      return;
    }
    const outcome = await runCase(row);
    if (row.calls !== undefined)
      expect(service.seen.map((call) => `${call.method} ${call.target} ${call.body}`)).toEqual([
        ...row.calls,
      ]);
    if (row.notCalled !== undefined) expect(service.to(row.notCalled)).toEqual([]);
    for (const [name, value] of Object.entries(row.present ?? {}))
      for (const call of service.seen) expect(call.headers[name]).toBe(value);
    for (const name of row.absent ?? [])
      for (const call of service.seen) expect(call.headers[name]).toBeUndefined();
    expectOutcome(outcome, row);
  });
});

function expectOutcome(outcome: ChainOutcome, row: ClassicCase): void {
  if (row.forward !== undefined) {
    expect(outcome).toMatchObject({ kind: "forward", contentType: row.forward.contentType });
    expect(bodyText(outcome.body)).toBe(row.forward.body);
    const { authorization } = row.forward;
    expect(outcome.kind === "forward" ? outcome.setHeaders : null).toEqual(
      authorization === null ? [] : ["Authorization", authorization],
    );
    return;
  }
  const { reply } = row;
  expect(outcome).toMatchObject({ kind: "reply", status: reply!.status });
  const text = bodyText(outcome.body) ?? "";
  if (reply!.body !== undefined) expect(text).toBe(place(reply!.body));
  for (const part of reply!.has ?? []) expect(text).toContain(part);
  if (row.error_bodies !== "literal") expect(text).not.toContain("127.0.0.1");
  if (reply!.contentType !== undefined && outcome.kind === "reply")
    expect(outcome.headers).toEqual(["content-type", reply!.contentType]);
  if (reply!.maxBytes !== undefined) expect(text.length).toBeLessThan(reply!.maxBytes);
}

test("a trace tells how each service went", async () => {
  const trace = new ChainTrace();
  const chain = compile({
    services: [{ uri: `${service.url}/kv-a-1` }, { uri: `${service.url}/s404`, name: "stock" }],
  });
  await runClassic(chain, plainRequest(), trace);
  expect(trace.steps).toMatchObject([
    { step: "services[0]", attempts: 1, status: 200, outcome: "done", bytes: 9 },
    { step: "stock", attempts: 1, status: 404, outcome: "failed", reason: "CHAIN_STEP_STATUS" },
  ]);
  expect(trace.steps.every((step) => step.endMs >= step.startMs)).toBe(true);
});

test("a client that leaves ends the chain; no socket stays open", async () => {
  const targets = directTargets();
  const chain = compileClassic({ services: [{ uri: `${service.url}/hang` }] }, { targets }).value!;
  const request = plainRequest();
  const seenBefore = service.seen.length;
  const running = runClassic(chain, request).catch((error: unknown) => error);
  while (service.seen.length === seenBefore) await Bun.sleep(1);
  request.cancel.cancel("client-gone");
  expect(isGatewayError(await running, "UPSTREAM_CANCELLED")).toBe(true);
  expect(targets.transport.stats().activeCalls).toBe(0);
});

import { Elysia } from "elysia";
import { type ControlPlane, type GatewayStatus, listenControl } from "../control/control-plane.ts";
import type { ListenAddress } from "../listen.ts";
import type { ControlAnswer } from "./protocol.ts";

/** Asks the Control API of one worker. Rejects when it does not answer. */
export type AskWorker = (method: string, target: string, accept: string) => Promise<ControlAnswer>;

export interface SupervisorControlOptions {
  readonly status: () => Promise<GatewayStatus>;
  /** `null` when ready, else the reason why not. */
  readonly notReady: () => string | null;
  /** Workers that answer, in the order of their places. */
  readonly workers: () => readonly AskWorker[];
}

/**
 * The Control API of a gateway of several workers, on the one address it has. What they all have alike
 * one of them answers; traces are those of all, and what is ordered is ordered of all.
 *
 * @throws LISTEN_FAILED
 */
export function listenSupervisorControl(
  address: ListenAddress,
  options: SupervisorControlOptions,
): ControlPlane {
  const { status, notReady, workers } = options;
  const app = new Elysia({
    systemRouter: false,
    normalize: false,
    handler: { standardHostname: false },
  })
    .get("/status", () => status())
    .get("/status/ready", ({ set }) => {
      const reason = notReady();
      if (reason === null) return { status: "ok" };
      set.status = 503;
      return { status: "error", error: reason };
    })
    .post("/v1/store/accept", ({ request }) => acceptEverywhere(workers(), request))
    .post("/v1/gc", async ({ request }) => {
      await askAll(workers(), request);
      Bun.gc(true);
      return "";
    })
    .get("/v1/traces", ({ request }) => mergeTraces(workers(), request))
    .get("/v1/traces/:request", ({ request }) => findTrace(workers(), request))
    .all("/*", async ({ request }) => {
      const [worker] = workers();
      return worker === undefined ? noWorker() : toResponse(await ask(worker, request));
    })
    .onError(({ set }) => {
      set.status = 503;
      return { error_msg: "the worker that was asked does not answer" };
    });
  return listenControl(address, app);
}

function ask(worker: AskWorker, { method, url, headers }: Request): Promise<ControlAnswer> {
  const { pathname, search } = new URL(url);
  return worker(method, pathname + search, headers.get("accept") ?? "");
}

/** Those that do not answer are left out. */
async function askAll(
  workers: readonly AskWorker[],
  request: Request,
): Promise<readonly ControlAnswer[]> {
  const settled = await Promise.allSettled(workers.map((worker) => ask(worker, request)));
  return settled.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
}

/** Workers hold back the same items; how many went is told once. */
async function acceptEverywhere(
  workers: readonly AskWorker[],
  request: Request,
): Promise<Response | { readonly deleted: number }> {
  const answers = await askAll(workers, request);
  if (answers.length === 0) return noWorker();
  const counts = answers.map(({ body }) => readField(JSON.parse(body), "deleted"));
  return { deleted: Math.max(...counts.map(Number)) };
}

async function mergeTraces(
  workers: readonly AskWorker[],
  request: Request,
): Promise<Response | readonly unknown[]> {
  const answers = await askAll(workers, request);
  const lists = answers.filter(({ status }) => status === 200).map(({ body }) => JSON.parse(body));
  const [first] = answers;
  if (lists.length === 0) return first === undefined ? noWorker() : toResponse(first);
  const traces: readonly unknown[] = lists.flat();
  // RFC 3339 in UTC: the order of the texts is the order of time; latest first, as a worker lists them.
  const started = (trace: unknown): string => String(readField(trace, "started"));
  return traces.toSorted((a, b) => started(b).localeCompare(started(a)));
}

async function findTrace(workers: readonly AskWorker[], request: Request): Promise<Response> {
  const answers = await askAll(workers, request);
  const found = answers.find(({ status }) => status === 200) ?? answers[0];
  return found === undefined ? noWorker() : toResponse(found);
}

function readField(value: unknown, name: string): unknown {
  return Object.entries(Object(value)).find(([key]) => key === name)?.[1];
}

function toResponse({ status, contentType, body }: ControlAnswer): Response {
  return new Response(body, {
    status,
    headers: contentType === "" ? {} : { "content-type": contentType },
  });
}

function noWorker(): Response {
  return Response.json({ error_msg: "no worker runs" }, { status: 503 });
}

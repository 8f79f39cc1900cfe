import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startCatenaWith } from "../contestants/catena.ts";
import { type AdminResource, toUpstream } from "../contestants/catena-resources.ts";
import { startServices } from "../contestants/services.ts";
import { repositoryRoot } from "../contestants/tools.ts";
import { runWrk } from "../load/wrk.ts";
import { describeMachine } from "../measure/machine.ts";
import { readProcessTree } from "../measure/proc.ts";
import { toSpread } from "../measure/statistics.ts";
import type { LoadRequest } from "../scenario.ts";
import { type FailingService, startFailingServices } from "./failing-services.ts";
import { countSockets } from "./open-sockets.ts";

/** One span of load, and the gateway after it. */
interface Span {
  readonly kind: "good" | "failing";
  readonly requests: number;
  /** Answers that were not 2xx; for failing upstreams, all should be. */
  readonly refused: number;
  readonly residentMb: number;
  readonly sockets: number;
}

const spanSeconds = 5;
const failingSpanSeconds = 2;
const connections = 32;
/** Connections of the load generator go at once; kept ones to upstreams go when they are idle. */
const idleSeconds = 3;

/**
 * Keeps one gateway under load for so many requests, every few seconds a span of them on upstreams that
 * fail in every way there is, and tells whether its memory stays where it is, its sockets are given
 * back, and it never has an error that nobody caught.
 *
 * @returns the exit code: 1 when memory grew by more than 5 % or sockets were left open.
 */
export async function runSoak(requests: number, wrk: string): Promise<number> {
  const started = new Date();
  const directory = mkdtempSync(join(tmpdir(), "catena-soak-"));
  const services = await startServices(directory, false);
  const failing = await startFailingServices();
  const gatewayFolder = join(directory, "catena");
  mkdirSync(gatewayFolder);
  const good = get(["/good"]);
  const resources = toResources(services.port, failing);
  const gateway = await startCatenaWith(gatewayFolder, resources, good);
  try {
    const load = { binary: wrk, port: gateway.port, connections, directory };
    const bad = get(failing.map((_, index) => `/bad/${index}`));
    const socketsAtStart = countSockets(gateway.pid);
    const spans: Span[] = [];
    let made = 0;
    while (made < requests) {
      for (const kind of ["good", "failing"] as const) {
        const { requests: sent, errors } = await runWrk({
          ...load,
          request: kind === "good" ? good : bad,
          seconds: kind === "good" ? spanSeconds : failingSpanSeconds,
        });
        made += sent;
        spans.push({
          kind,
          requests: sent,
          refused: errors.status,
          residentMb: readProcessTree(gateway.pid).residentBytes / 1e6,
          sockets: countSockets(gateway.pid),
        });
      }
      const last = spans.at(-1);
      console.error(
        `bench: soak: ${made} requests, ${last?.residentMb.toFixed(0)} MB, ${last?.sockets} sockets`,
      );
    }
    await Bun.sleep(idleSeconds * 1000);
    const uncaught = countUncaught(join(gatewayFolder, "catena.log"));
    const verdict = judge(spans, socketsAtStart, countSockets(gateway.pid), uncaught);
    console.log(JSON.stringify(verdict, null, 2));
    await keep(started, { requests: made, ...verdict, spans });
    return verdict.isFlat && verdict.socketsLeft === 0 && uncaught === 0 ? 0 : 1;
  } finally {
    await gateway.stop();
    await Promise.all([services.stop(), ...failing.map((service) => service.stop())]);
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Verdict {
  /** Medians of the second and of the last quarter: the first is still warming up. */
  readonly residentMb: { readonly early: number; readonly late: number };
  readonly isFlat: boolean;
  /** Beside those it had at the start and the bounded ones kept to upstreams that work. */
  readonly socketsLeft: number;
  readonly uncaught: number;
  readonly refusedOfGood: number;
}

function judge(
  spans: readonly Span[],
  socketsAtStart: number,
  socketsAtEnd: number,
  uncaught: number,
): Verdict {
  const resident = spans.filter(({ kind }) => kind === "good").map(({ residentMb }) => residentMb);
  const quarter = Math.max(1, Math.floor(resident.length / 4));
  const early = toSpread(resident.slice(quarter, 2 * quarter))?.median ?? Number.NaN;
  const late = toSpread(resident.slice(-quarter))?.median ?? Number.NaN;
  return {
    residentMb: { early, late },
    isFlat: late <= early * 1.05,
    socketsLeft: Math.max(0, socketsAtEnd - socketsAtStart - connections),
    uncaught,
    refusedOfGood: spans
      .filter(({ kind }) => kind === "good")
      .reduce((sum, { refused }) => sum + refused, 0),
  };
}

/** The runtime prints what nobody caught, and the gateway logs it. */
function countUncaught(log: string): number {
  return readFileSync(log, "utf8")
    .split("\n")
    .filter((line) => /unhandled|uncaught/i.test(line)).length;
}

function toResources(
  upstreamPort: number,
  failing: readonly FailingService[],
): readonly AdminResource[] {
  const timeout = { connect: 1, send: 1, read: 0.2 };
  return [
    {
      path: "routes/good",
      value: { uri: "/good", upstream: toUpstream(upstreamPort) },
    },
    ...failing.map(({ name, port }, index) => ({
      path: `routes/bad-${index}`,
      value: { uri: `/bad/${index}`, desc: name, upstream: { ...toUpstream(port), timeout } },
    })),
  ];
}

function get(paths: readonly string[]): LoadRequest {
  return { method: "GET", paths, headers: {}, body: null };
}

async function keep(started: Date, outcome: object): Promise<void> {
  const name = `soak-${started.toISOString().slice(0, 19).replaceAll(":", "-")}.json`;
  const path = join(repositoryRoot, "bench/results", name);
  const text = JSON.stringify({ machine: describeMachine(started), ...outcome }, null, 2);
  await Bun.write(path, `${text}\n`);
  console.log(`written: ${path}`);
}

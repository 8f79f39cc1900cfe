import { join } from "node:path";
import { probe } from "../contestants/child.ts";
import type { Contestant, RouteChanges } from "../contestants/contestant.ts";
import { driveOpenLoop } from "../load/drive-open-loop.ts";
import { readProcessTree } from "../measure/proc.ts";
import type { Absence, ResultRow } from "../report/results.ts";
import { absence, type RunOrder, type RunOutcome, toPlace } from "./field.ts";
import { Tally } from "./tally.ts";

/** How many routes are in the store while one of them changes. */
const storeSizes = [1, 1000] as const;

/**
 * While another route is asked for at a fixed rate, one route is moved to a new path again and again.
 * A change's latency runs from the start of deploying it (the Admin API call, or writing the file and
 * signalling) to the first answer on the new path, asked for every millisecond.
 */
export async function runChurn(order: RunOrder): Promise<RunOutcome> {
  const rows: ResultRow[] = [];
  const missing: Absence[] = [];
  for (const routes of storeSizes) {
    for (const contestant of order.contestants) {
      try {
        rows.push(await churnOne(order, contestant, routes));
      } catch (error) {
        missing.push(absence(order, contestant, error));
      }
    }
  }
  return { rows, missing };
}

async function churnOne(
  order: RunOrder,
  contestant: Contestant,
  routes: number,
): Promise<ResultRow> {
  const variant = `${routes} ${routes === 1 ? "route" : "routes"}`;
  order.tell(`${contestant.name}, ${variant}: ${order.options.changes} changes`);
  const place = toPlace(order, join(contestant.name, String(routes)));
  const running = await contestant.start(order.scenario, place);
  const tally = new Tally();
  try {
    const { changes, port, pid } = running;
    if (changes === undefined) throw new Error("has no way to change a route");
    if (routes > 1) await changes.fill(routes - 1);
    tally.residentBefore = readProcessTree(pid).residentBytes;
    const latencies = await underLoad(order, port, tally, () =>
      deployAll(changes, port, order.options.changes),
    );
    tally.residentAfter = readProcessTree(pid).residentBytes;
    tally.addLatencies(latencies);
    return tally.toRow(order.scenario, contestant.name, variant);
  } finally {
    await running.stop();
  }
}

/** Runs `work` while the unchanging route is under load, in spans of a second until the work is done. */
async function underLoad<T>(
  order: RunOrder,
  port: number,
  tally: Tally,
  work: () => Promise<T>,
): Promise<T> {
  let isDone = false;
  const load = async (): Promise<void> => {
    while (!isDone) {
      const result = await driveOpenLoop({
        port,
        ratePerSecond: order.scenario.ratePerSecond ?? 500,
        seconds: 1,
        request: order.scenario.request,
      });
      tally.addErrors(result.errors);
      tally.ownDelayMs.push(result.ownDelayP99Ms);
    }
  };
  const loading = load();
  try {
    return await work();
  } finally {
    isDone = true;
    await loading;
  }
}

async function deployAll(
  changes: RouteChanges,
  port: number,
  count: number,
): Promise<readonly number[]> {
  const latencies: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const path = `/moved/${index}`;
    const from = performance.now();
    await changes.moveRoute(path);
    while ((await probe(port, path)) !== 200) {
      if (performance.now() - from > 30_000) throw new Error(`${path} was not served within 30 s`);
      await Bun.sleep(1);
    }
    latencies.push(performance.now() - from);
  }
  return latencies;
}

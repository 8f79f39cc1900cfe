import { driveOpenLoop } from "../load/drive-open-loop.ts";
import { runWrk, type WrkResult } from "../load/wrk.ts";
import { readProcessTree } from "../measure/proc.ts";
import { rotate } from "../measure/statistics.ts";
import { type RunOrder, type RunOutcome, type Started, startField, stopField } from "./field.ts";
import { Tally } from "./tally.ts";

interface Entry extends Started {
  readonly tally: Tally;
}

/**
 * Everybody is up the whole time and idle but for its turn. A round is: each one under the closed
 * loop, then each one under the open loop, the order rotated per round, so that a slow minute of the
 * machine falls on all alike.
 */
export async function runLoad(order: RunOrder): Promise<RunOutcome> {
  const { started, missing } = await startField(order);
  const entries = started.map((entry) => ({ ...entry, tally: new Tally() }));
  try {
    for (const entry of entries) {
      entry.tally.residentBefore = readProcessTree(entry.running.pid).residentBytes;
      // Both JITs compile and both pools fill here, outside every measurement.
      await closedLoop(order, entry);
    }
    for (let round = 0; round < order.options.rounds; round += 1) {
      order.tell(`round ${round + 1} of ${order.options.rounds}`);
      for (const entry of rotate(entries, round)) await measureClosed(order, entry);
      for (const entry of rotate(entries, round)) await measureOpen(order, entry);
    }
    for (const { running, tally } of entries) {
      tally.residentAfter = readProcessTree(running.pid).residentBytes;
    }
  } finally {
    await stopField(started);
  }
  const rows = entries.map(({ contestant, tally }) => tally.toRow(order.scenario, contestant.name));
  return { rows, missing };
}

async function measureClosed(order: RunOrder, entry: Entry): Promise<void> {
  const { pid } = entry.running;
  const before = readProcessTree(pid).cpuMicros;
  const result = await closedLoop(order, entry);
  const used = readProcessTree(pid).cpuMicros - before;
  entry.tally.addErrors(result.errors);
  if (result.requests === 0) return;
  entry.tally.cpuMicrosPerRequest.push(used / result.requests);
  entry.tally.requestsPerSecond.push(result.requests / result.seconds);
}

function closedLoop(order: RunOrder, entry: Started): Promise<WrkResult> {
  const { scenario, options } = order;
  return runWrk({
    binary: order.wrk,
    port: entry.running.port,
    request: scenario.request,
    connections: scenario.connections,
    seconds: options.seconds,
    directory: entry.directory,
  });
}

async function measureOpen(order: RunOrder, entry: Entry): Promise<void> {
  const { ratePerSecond, request } = order.scenario;
  if (ratePerSecond === null) return;
  const result = await driveOpenLoop({
    port: entry.running.port,
    ratePerSecond,
    seconds: order.options.seconds,
    request,
  });
  entry.tally.addErrors(result.errors);
  entry.tally.addLatencies(result.latenciesMs);
  entry.tally.ownDelayMs.push(result.ownDelayP99Ms);
}

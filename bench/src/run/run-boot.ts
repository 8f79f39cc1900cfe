import type { Contestant, Place } from "../contestants/contestant.ts";
import { isAnswered } from "../load/request-once.ts";
import { readProcessTree } from "../measure/proc.ts";
import { rotate } from "../measure/statistics.ts";
import { defineScenario, type Scenario } from "../scenario.ts";
import { absence, type RunOrder, type RunOutcome, toPlace } from "./field.ts";
import { Tally } from "./tally.ts";

interface Entry {
  readonly contestant: Contestant;
  readonly place: Place;
  readonly tally: Tally;
}

/**
 * From starting the process to its first answer, with the configuration already in place: everybody
 * is started once before, so config files, stores and file caches are there. Polled every 2 ms.
 */
export async function runBoot(order: RunOrder): Promise<RunOutcome> {
  const entries: Entry[] = [];
  const missing = [];
  for (const contestant of order.contestants) {
    const place = toPlace(order, contestant.name);
    try {
      await bootOnce(order.scenario, contestant, place);
      entries.push({ contestant, place, tally: new Tally() });
    } catch (error) {
      missing.push(absence(order, contestant, error));
    }
  }
  for (let round = 0; round < order.options.rounds; round += 1) {
    for (const { contestant, place, tally } of rotate(entries, round)) {
      const boot = await bootOnce(order.scenario, contestant, place);
      tally.addLatencies([boot.ms]);
      tally.cpuMicrosPerRequest.push(boot.cpuMicros);
      tally.residentAfter = boot.residentBytes;
    }
  }
  return {
    rows: entries.map(({ contestant, tally }) => tally.toRow(order.scenario, contestant.name)),
    missing,
  };
}

interface Boot {
  readonly ms: number;
  readonly cpuMicros: number;
  readonly residentBytes: number;
}

async function bootOnce(scenario: Scenario, contestant: Contestant, place: Place): Promise<Boot> {
  // Bare Elysia has no upstream: its first answer is its own.
  const request =
    contestant.name === "elysia" ? defineScenario("static", place).request : scenario.request;
  const from = performance.now();
  const running = await contestant.start(scenario, place);
  try {
    while (!(await isAnswered(running.port, request))) {
      if (performance.now() - from > 30_000) throw new Error("no answer within 30 s of starting");
      await Bun.sleep(2);
    }
    const ms = performance.now() - from;
    const { cpuMicros, residentBytes } = readProcessTree(running.pid);
    return { ms, cpuMicros, residentBytes };
  } finally {
    await running.stop();
  }
}

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { findDisagreements, type NamedAnswer } from "../agreement.ts";
import type { Contestant, Place, Running } from "../contestants/contestant.ts";
import { requestOnce } from "../load/request-once.ts";
import type { BenchOptions } from "../options.ts";
import type { Absence, ResultRow } from "../report/results.ts";
import type { Scenario } from "../scenario.ts";

/** What every kind of run is given. */
export interface RunOrder {
  readonly scenario: Scenario;
  readonly contestants: readonly Contestant[];
  readonly options: BenchOptions;
  readonly upstreamPort: number;
  readonly wrk: string;
  /** For this scenario alone; removed by the caller. */
  readonly directory: string;
  readonly tell: (line: string) => void;
}

export interface RunOutcome {
  readonly rows: readonly ResultRow[];
  readonly missing: readonly Absence[];
}

export interface Started {
  readonly contestant: Contestant;
  readonly running: Running;
  readonly directory: string;
}

export interface Field {
  readonly started: readonly Started[];
  readonly missing: readonly Absence[];
}

/**
 * Starts everybody, and leaves out who does not start or answers otherwise than the others: figures
 * for different work must not stand side by side.
 */
export async function startField(order: RunOrder): Promise<Field> {
  const started: Started[] = [];
  const missing: Absence[] = [];
  for (const contestant of order.contestants) {
    const place = toPlace(order, contestant.name);
    try {
      const running = await contestant.start(order.scenario, place);
      started.push({ contestant, running, directory: place.directory });
    } catch (error) {
      missing.push(absence(order, contestant, error));
    }
  }
  return await keepAgreeing(order, started, missing);
}

export async function stopField(started: readonly Started[]): Promise<void> {
  await Promise.all(started.map(({ running }) => running.stop()));
}

export function toPlace(order: RunOrder, name: string): Place {
  const directory = join(order.directory, name);
  mkdirSync(directory, { recursive: true });
  return { directory, upstreamPort: order.upstreamPort, routes: order.options.routes };
}

export function absence(order: RunOrder, contestant: Contestant, error: unknown): Absence {
  const why = error instanceof Error ? error.message : String(error);
  order.tell(`${contestant.name} is left out: ${why}`);
  return { scenario: order.scenario.name, contestant: contestant.name, why };
}

async function keepAgreeing(
  order: RunOrder,
  started: readonly Started[],
  missing: Absence[],
): Promise<Field> {
  const kept: Started[] = [];
  const answers: NamedAnswer[] = [];
  for (const entry of started) {
    const { contestant, running } = entry;
    try {
      const answer = await requestOnce(running.port, order.scenario.request);
      const all = [...answers, { contestant: contestant.name, answer }];
      const faults = findDisagreements(all);
      if (faults.length > 0) throw new Error(faults.join("; "));
      answers.push({ contestant: contestant.name, answer });
      kept.push(entry);
    } catch (error) {
      missing.push(absence(order, contestant, error));
      await running.stop();
    }
  }
  return { started: kept, missing };
}

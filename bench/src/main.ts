import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { firstLineOf } from "./contestants/child.ts";
import type { Contestant } from "./contestants/contestant.ts";
import { contestants as allContestants } from "./contestants/registry.ts";
import { startServices } from "./contestants/services.ts";
import { ensureTool } from "./contestants/tools.ts";
import { describeMachine } from "./measure/machine.ts";
import { runMicro } from "./micro/run-micro.ts";
import { type BenchOptions, parseOptions, usage } from "./options.ts";
import type { Absence, ResultRow } from "./report/results.ts";
import { toTerminalReport } from "./report/terminal.ts";
import { writeResults } from "./report/write-results.ts";
import type { RunOrder, RunOutcome } from "./run/field.ts";
import { runBoot } from "./run/run-boot.ts";
import { runChurn } from "./run/run-churn.ts";
import { runLoad } from "./run/run-load.ts";
import { defineScenario, type Scenario } from "./scenario.ts";
import { runSoak } from "./soak/run-soak.ts";

process.exit(await main(Bun.argv.slice(2)));

async function main(args: readonly string[]): Promise<number> {
  const parsed = parseOptions(args);
  if (parsed.kind === "micro") return await runMicro();
  if (parsed.kind === "refused") {
    console.error(`bench: ${parsed.why}\n\n${usage}`);
    return 2;
  }
  const wrk = ensureTool("wrk", "wrk", true);
  if (wrk.kind === "missing") {
    console.error(`bench: no load generator: ${wrk.why}`);
    return 1;
  }
  return parsed.kind === "soak"
    ? await runSoak(parsed.requests, wrk.path)
    : await bench(parsed.options, wrk.path);
}

async function bench(options: BenchOptions, wrk: string): Promise<number> {
  const started = new Date();
  const { present, versions, missing } = await findContestants(options);
  const scenarios = options.scenarios.map((name) => defineScenario(name, options));
  const rows: ResultRow[] = [];
  for (const scenario of scenarios) {
    const outcome = await runScenario(scenario, present, options, wrk);
    rows.push(...outcome.rows);
    missing.push(...outcome.missing);
  }
  const results = {
    machine: describeMachine(started),
    versions: {
      ...versions,
      wrk: firstLineOf([wrk, "--version"])?.split(" Copyright")[0] ?? "wrk",
    },
    method: {
      rounds: options.rounds,
      seconds: options.seconds,
      routes: options.routes,
      changes: options.changes,
    },
    rows,
    gaps: findGaps(scenarios, options),
    missing,
  };
  console.log(toTerminalReport(results, new Map(scenarios.map(({ name, work }) => [name, work]))));
  const path = await writeResults(results, { scenarios, contestants: picked(options) }, started);
  console.log(`\nwritten: ${path}`);
  return rows.length === 0 ? 1 : 0;
}

function picked(options: BenchOptions): readonly Contestant[] {
  return allContestants.filter(({ name }) => options.contestants.includes(name));
}

async function findContestants(options: BenchOptions): Promise<{
  readonly present: readonly Contestant[];
  readonly versions: Readonly<Record<string, string>>;
  readonly missing: Absence[];
}> {
  const present: Contestant[] = [];
  const versions: Record<string, string> = {};
  const missing: Absence[] = [];
  for (const contestant of picked(options)) {
    const found = await contestant.find(true);
    if (found.kind === "present") {
      present.push(contestant);
      versions[contestant.name] = found.version;
    } else {
      missing.push({ scenario: null, contestant: contestant.name, why: found.why });
      console.error(`bench: ${contestant.name} is missing: ${found.why}`);
    }
  }
  return { present, versions, missing };
}

async function runScenario(
  scenario: Scenario,
  present: readonly Contestant[],
  options: BenchOptions,
  wrk: string,
): Promise<RunOutcome> {
  const directory = mkdtempSync(join(tmpdir(), "catena-bench-"));
  const services = await startServices(directory, false);
  const order: RunOrder = {
    scenario,
    contestants: present.filter(({ plan }) => plan(scenario.name).kind === "runs"),
    options,
    upstreamPort: services.port,
    wrk,
    directory,
    tell: (line) => console.error(`bench: ${scenario.name}: ${line}`),
  };
  try {
    if (scenario.name === "boot") return await runBoot(order);
    if (scenario.name === "churn") return await runChurn(order);
    return await runLoad(order);
  } finally {
    await services.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

function findGaps(scenarios: readonly Scenario[], options: BenchOptions): readonly Absence[] {
  return picked(options).flatMap((contestant) =>
    scenarios.flatMap(({ name }) => {
      const plan = contestant.plan(name);
      return plan.kind === "runs"
        ? []
        : [{ scenario: name, contestant: contestant.name, why: plan.why }];
    }),
  );
}

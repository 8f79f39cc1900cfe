import { type ContestantName, contestantNames } from "./contestants/contestant.ts";
import { type ScenarioName, scenarioNames } from "./scenario.ts";

export interface BenchOptions {
  readonly scenarios: readonly ScenarioName[];
  readonly contestants: readonly ContestantName[];
  readonly rounds: number;
  /** Whole seconds of each loop of each contestant in each round. */
  readonly seconds: number;
  /** Routes in the store in `routes-100k`. */
  readonly routes: number;
  /** Changes deployed in `churn`, per number of routes. */
  readonly changes: number;
}

export type ParsedOptions =
  | { readonly kind: "run"; readonly options: BenchOptions }
  | { readonly kind: "micro" }
  | { readonly kind: "soak"; readonly requests: number }
  | { readonly kind: "refused"; readonly why: string };

export const usage = `bun run bench [scenario...] [--rounds N] [--seconds N] [--contestants a,b] [--quick]
bun run bench micro
bun run bench soak [--requests N]

scenarios:   ${scenarioNames.join(" ")}
contestants: ${contestantNames.join(" ")}
--rounds     default 7; each contestant is measured once per round, in rotated order
--seconds    default 2; of each of the two loops
--requests   default 10000000; of the soak, a tenth of them on upstreams that fail
--quick      3 rounds of 1 s, 2000 routes, 20 changes: to see that it runs, not to quote`;

/** Reads the command line; a number given with `--quick` wins over the quick one. */
export function parseOptions(args: readonly string[]): ParsedOptions {
  if (args[0] === "micro" && args.length === 1) return { kind: "micro" };
  if (args[0] === "soak") return parseSoak(args.slice(1));
  const scenarios: ScenarioName[] = [];
  let picked: readonly ContestantName[] = contestantNames;
  let [quick, rounds, seconds]: [boolean, number | null, number | null] = [false, null, null];
  for (let index = 0; index < args.length; index += 1) {
    const arg = args[index] ?? "";
    const scenario = scenarioNames.find((name) => name === arg);
    if (scenario !== undefined) scenarios.push(scenario);
    else if (arg === "--quick") quick = true;
    else if (arg === "--rounds" || arg === "--seconds") {
      index += 1;
      const value = Number(args[index]);
      if (!Number.isInteger(value) || value < 1)
        return refused(`${arg} takes a whole number from 1`);
      if (arg === "--rounds") rounds = value;
      else seconds = value;
    } else if (arg === "--contestants") {
      index += 1;
      const names = (args[index] ?? "").split(",");
      const stranger = names.find((name) => !contestantNames.some((known) => known === name));
      if (stranger !== undefined) return refused(`unknown contestant "${stranger}"`);
      picked = contestantNames.filter((name) => names.includes(name));
    } else return refused(`unknown argument "${arg}"`);
  }
  const options = {
    scenarios: scenarioNames.filter((name) => scenarios.length === 0 || scenarios.includes(name)),
    contestants: picked,
    rounds: rounds ?? (quick ? 3 : 7),
    seconds: seconds ?? (quick ? 1 : 2),
    routes: quick ? 2000 : 100_000,
    changes: quick ? 20 : 200,
  };
  return { kind: "run", options };
}

function parseSoak(args: readonly string[]): ParsedOptions {
  const [name, value, ...more] = args;
  if (name === undefined) return { kind: "soak", requests: 10_000_000 };
  const requests = Number(value);
  if (name !== "--requests" || more.length > 0) return refused(`unknown argument "${name}"`);
  if (!Number.isInteger(requests) || requests < 10_000)
    return refused("--requests takes a whole number from 10000");
  return { kind: "soak", requests };
}

function refused(why: string): ParsedOptions {
  return { kind: "refused", why };
}

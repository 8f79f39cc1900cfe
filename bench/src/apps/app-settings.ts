import { type ScenarioName, scenarioNames } from "../scenario.ts";

/** What every hand-written contestant is told through its environment. */
export interface AppSettings {
  readonly port: number;
  /** `http://127.0.0.1:PORT` of the mock services. */
  readonly upstream: string;
  readonly scenario: ScenarioName;
  readonly routes: number;
}

/** @throws Error when a variable is missing or names no scenario. */
export function readAppSettings(): AppSettings {
  const { env } = process;
  const scenario = scenarioNames.find((name) => name === env["BENCH_SCENARIO"]);
  const upstream = env["BENCH_UPSTREAM"];
  if (scenario === undefined || upstream === undefined) {
    throw new Error("BENCH_SCENARIO and BENCH_UPSTREAM must be set");
  }
  return {
    port: Number(env["BENCH_PORT"]),
    upstream,
    scenario,
    routes: Number(env["BENCH_ROUTES"] ?? "0"),
  };
}

import type { Scenario, ScenarioName } from "../scenario.ts";

export const contestantNames = [
  "catena",
  "catena-2-workers",
  "elysia",
  "elysia-fetch",
  "fastify-undici",
  "hono",
  "nginx",
  "nginx-lua",
  "haproxy",
  "krakend",
] as const;
export type ContestantName = (typeof contestantNames)[number];

/** One gateway, or one hand-written program that does a gateway's work. */
export interface Contestant {
  readonly name: ContestantName;
  /** One line: what it is and how many processes do the work. */
  readonly what: string;
  /** Whether it takes part, and in which form, or why not. */
  plan(scenario: ScenarioName): Participation;
  /** Looks for it on this machine. With `install`, what is absent is installed or built first. */
  find(install: boolean): Promise<Presence>;
  /** Starts one process (tree) configured for this scenario alone. */
  start(scenario: Scenario, place: Place): Promise<Running>;
}

export type Participation =
  | { readonly kind: "runs"; readonly how: string }
  | { readonly kind: "gap"; readonly why: string };

export type Presence =
  | { readonly kind: "present"; readonly version: string }
  | { readonly kind: "missing"; readonly why: string };

export interface Place {
  /** Port of the mock services. */
  readonly upstreamPort: number;
  /** Empty, for config, logs and sockets; removed by the caller. */
  readonly directory: string;
  /** How many routes `routes-100k` has. */
  readonly routes: number;
}

export interface Running {
  readonly port: number;
  /** Root of the process tree that does the work. */
  readonly pid: number;
  /** Only where `churn` is in the plan. */
  readonly changes?: RouteChanges;
  stop(): Promise<void>;
}

/** How a contestant's configuration is changed while it serves. */
export interface RouteChanges {
  /** Adds that many routes nobody asks for. */
  fill(routes: number): Promise<void>;
  /** Deploys the one changing route so that it answers `path` and no longer what it did before. */
  moveRoute(path: string): Promise<void>;
}

export function runs(how: string): Participation {
  return { kind: "runs", how };
}

/** Why a peer is not in `workers`, which measures what sharing a port costs. */
export const oneProcess = "runs as one process in every scenario; see proxy";

export function gap(why: string): Participation {
  return { kind: "gap", why };
}

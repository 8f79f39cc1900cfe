import { existsSync } from "node:fs";
import { join } from "node:path";
import rootManifest from "../../../package.json" with { type: "json" };
import { mapInOrder } from "../apps/fetch-work.ts";
import { isAnswered } from "../load/request-once.ts";
import type { LoadRequest, Scenario, ScenarioName } from "../scenario.ts";
import {
  type AdminResource,
  toAdminResources,
  toManyRoute,
  toUpstream,
} from "./catena-resources.ts";
import { type Child, findFreePort, firstLineOf, startChild } from "./child.ts";
import {
  type Contestant,
  gap,
  type Place,
  type Presence,
  type Running,
  runs,
} from "./contestant.ts";
import { repositoryRoot } from "./tools.ts";

const entry = join(repositoryRoot, "packages/cli/src/main.ts");

export const catena: Contestant = {
  name: "catena",
  what: "Catena started by its command, routes put through its Admin API, SQLite store; 1 process",
  plan: planCatena,
  find: findCatena,
  start: (scenario, place) => startCatena(scenario, place, 1),
};

export const catenaTwoWorkers: Contestant = {
  name: "catena-2-workers",
  what: "the same with `workers: 2`; 2 processes that serve, and 1 that watches over them",
  plan: (scenario) =>
    scenario === "workers" ? runs("2 workers on one port") : gap("as catena; see workers"),
  find: findCatena,
  start: (scenario, place) => startCatena(scenario, place, 2),
};

async function findCatena(): Promise<Presence> {
  if (!existsSync(entry))
    return { kind: "missing", why: "packages/cli/src/main.ts does not exist" };
  const commit =
    firstLineOf(["git", "-C", repositoryRoot, "rev-parse", "--short", "HEAD"]) ?? "no commit";
  return { kind: "present", version: `${rootManifest.version} (${commit}), bun ${Bun.version}` };
}

function planCatena(scenario: ScenarioName): ReturnType<Contestant["plan"]> {
  switch (scenario) {
    case "static":
      return runs("`mocking` plugin");
    case "classic-chain-1":
    case "classic-chain-3":
    case "classic-chain-5":
      return runs("`proxy-chain` with `services`");
    case "parallel-4":
    case "each-100":
      return runs("`proxy-chain` with `steps`");
    case "key-auth-limit-count":
      return runs("`key-auth` and `limit-count` with the local policy");
    case "workers":
      return runs("1 worker");
    case "churn":
      return runs("`PUT` of one route through the Admin API");
    default:
      return runs("a route to one upstream");
  }
}

async function startCatena(scenario: Scenario, place: Place, workers: number): Promise<Running> {
  const { child, port, admin, isNew } = await launch(place.directory, workers);
  try {
    if (isNew) await configure(admin, scenario, place);
    await child.until("first answer", 120_000, () => isAnswered(port, scenario.request));
  } catch (error) {
    await child.stop();
    throw error;
  }
  return {
    port,
    pid: child.pid,
    changes: changesByAdmin(admin, place.upstreamPort),
    stop: child.stop,
  };
}

/** A gateway with resources of one's own, for runs beside the scenarios. */
export async function startCatenaWith(
  directory: string,
  resources: readonly AdminResource[],
  request: LoadRequest,
): Promise<Running> {
  const { child, port, admin } = await launch(directory, 1);
  try {
    for (const resource of resources) await admin.put(resource);
    await child.until("first answer", 30_000, () => isAnswered(port, request));
  } catch (error) {
    await child.stop();
    throw error;
  }
  return { port, pid: child.pid, stop: child.stop };
}

interface Launched {
  readonly child: Child;
  readonly port: number;
  readonly admin: Admin;
  /** The directory held no configuration. */
  readonly isNew: boolean;
}

/** Starts the command and waits until it listens. */
async function launch(directory: string, workers: number): Promise<Launched> {
  const [port, adminPort, controlPort] = [
    await findFreePort(),
    await findFreePort(),
    await findFreePort(),
  ];
  const database = join(directory, "catena.db");
  // A directory that was used before holds its configuration: that is what `boot` starts from.
  const isNew = !existsSync(database);
  const adminKey = crypto.randomUUID() + crypto.randomUUID();
  const child = startChild({
    name: "catena",
    command: [process.execPath, entry, "start"],
    directory,
    // Below the repository the command could pick up the developer's own settings file.
    workingDirectory: directory,
    environment: {
      CATENA_STORE: `sqlite:${database}`,
      CATENA_LISTEN: `127.0.0.1:${port}`,
      CATENA_ADMIN_LISTEN: `127.0.0.1:${adminPort}`,
      CATENA_CONTROL_LISTEN: `127.0.0.1:${controlPort}`,
      CATENA_ADMIN_KEY: adminKey,
      CATENA_WORKERS: String(workers),
      NODE_ENV: "production",
      BUN_CONFIG_MAX_HTTP_REQUESTS: "8192",
    },
  });
  const admin = createAdmin(adminPort, adminKey);
  try {
    await child.listening(port, 30_000);
    await child.listening(adminPort, 30_000);
  } catch (error) {
    await child.stop();
    throw error;
  }
  return { child, port, admin, isNew };
}

interface Admin {
  put(resource: AdminResource): Promise<void>;
}

function createAdmin(port: number, key: string): Admin {
  return {
    put: async ({ path, value }) => {
      const response = await fetch(`http://127.0.0.1:${port}/apisix/admin/${path}`, {
        method: "PUT",
        headers: { "X-API-KEY": key, "content-type": "application/json" },
        body: JSON.stringify(value),
        signal: AbortSignal.timeout(10_000),
      });
      const answer = await response.text();
      if (!response.ok) throw new Error(`PUT ${path}: ${response.status} ${answer.slice(0, 300)}`);
    },
  };
}

async function configure(admin: Admin, scenario: Scenario, place: Place): Promise<void> {
  for (const resource of toAdminResources(scenario.name, place.upstreamPort))
    await admin.put(resource);
  if (scenario.name !== "routes-100k") return;
  const indexes = Array.from({ length: place.routes }, (_, index) => index);
  await mapInOrder(indexes, 16, (index) => admin.put(toManyRoute(index, place.upstreamPort)));
}

function changesByAdmin(admin: Admin, upstreamPort: number): NonNullable<Running["changes"]> {
  const upstream = toUpstream(upstreamPort);
  return {
    fill: async (routes) => {
      const indexes = Array.from({ length: routes }, (_, index) => index);
      await mapInOrder(indexes, 16, (index) =>
        admin.put({ path: `routes/fill${index}`, value: { uri: `/fill/${index}`, upstream } }),
      );
    },
    moveRoute: (path) => admin.put({ path: "routes/moving", value: { uri: path, upstream } }),
  };
}

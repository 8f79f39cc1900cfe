import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Scenario, type ScenarioName, sizes } from "../scenario.ts";
import { findFreePort, firstLineOf, startChild } from "./child.ts";
import {
  type Contestant,
  gap,
  oneProcess,
  type Participation,
  type Place,
  type Presence,
  runs,
} from "./contestant.ts";
import { type FoundTool, repositoryRoot } from "./tools.ts";

const cache = join(repositoryRoot, "bench/.cache");
const built = join(cache, "krakend-ce");
const goPackage = "github.com/krakend/krakend-ce/v2/cmd/krakend-ce@latest";

export const krakend: Contestant = {
  name: "krakend",
  what: "KrakenD Community Edition, 1 process with GOMAXPROCS=1",
  plan: planKrakend,
  find: async (install) => findKrakend(install),
  start: async (scenario, place) => {
    const tool = locateKrakend();
    if (tool === null) throw new Error("krakend is gone");
    const port = await findFreePort();
    const path = join(place.directory, "krakend.json");
    await Bun.write(path, JSON.stringify(toKrakendConf(scenario, place, port)));
    const child = startChild({
      name: "krakend",
      command: [tool, "run", "--config", path],
      directory: place.directory,
      environment: { GOMAXPROCS: "1" },
    });
    await child.listening(port, 30_000);
    return { port, pid: child.pid, stop: child.stop };
  },
};

function planKrakend(scenario: ScenarioName): Participation {
  switch (scenario) {
    case "static":
      return gap("every endpoint has a backend");
    case "classic-chain-1":
    case "classic-chain-3":
    case "classic-chain-5":
      return gap(
        "its sequential proxy hands values on through URLs, for GET steps; it can't send a merged JSON body, so it can't give this answer",
      );
    case "each-100":
      return gap("no calls per element of an array");
    case "key-auth-limit-count":
      return gap("API keys are not in the Community Edition");
    case "routes-100k":
      return gap("prefix (wildcard) endpoints are not in the Community Edition");
    case "churn":
      return gap("its config is read at start: a change is a new process, see boot");
    case "workers":
      return gap(oneProcess);
    case "parallel-4":
      return runs("one endpoint with 4 backends, each in its `group`");
    default:
      return runs("one endpoint, `no-op` encoding");
  }
}

function findKrakend(install: boolean): Presence {
  const here = locateKrakend();
  if (here === null && !install) return { kind: "missing", why: "no krakend on PATH or built" };
  const found: FoundTool = here === null ? buildKrakend() : { kind: "found", path: here };
  if (found.kind === "missing") return found;
  const version = Bun.spawnSync([found.path, "version"], { stdout: "pipe" }).stdout.toString();
  return { kind: "present", version: version.trim().split("\n")[0] ?? "KrakenD" };
}

function locateKrakend(): string | null {
  return Bun.which("krakend") ?? (existsSync(built) ? built : null);
}

/** Takes minutes once; the binary stays in `bench/.cache`, which is not committed. */
function buildKrakend(): FoundTool {
  if (Bun.which("go") === null)
    return { kind: "missing", why: "no krakend on PATH and no Go to build it" };
  mkdirSync(cache, { recursive: true });
  console.error(`bench: building ${goPackage} (once)`);
  const run = Bun.spawnSync(["nice", "-n", "19", "go", "install", goPackage], {
    cwd: cache,
    env: { ...process.env, GOBIN: cache, GOMAXPROCS: "1" },
    stdout: "pipe",
    stderr: "pipe",
  });
  if (existsSync(built)) return { kind: "found", path: built };
  const complaint = run.stderr
    .toString()
    .trim()
    .replace(/https?:\/\/\S+/g, "URL")
    .replace(/\s+/g, " ");
  const go = firstLineOf(["go", "version"]) ?? "go";
  return {
    kind: "missing",
    why: `no krakend on PATH, and ${go} could not build it: ${complaint.slice(-300)}`,
  };
}

function toKrakendConf(scenario: Scenario, place: Place, port: number): Record<string, unknown> {
  return {
    version: 3,
    name: "bench",
    listen_ip: "127.0.0.1",
    port,
    timeout: "10s",
    cache_ttl: "0s",
    max_idle_connections: 1024,
    max_idle_connections_per_host: 256,
    extra_config: {
      "telemetry/logging": { level: "ERROR", stdout: true },
      router: { disable_access_log: true },
    },
    endpoints: [toEndpoint(scenario, `http://127.0.0.1:${place.upstreamPort}`)],
  };
}

function toEndpoint({ name, request }: Scenario, origin: string): Record<string, unknown> {
  const endpoint = request.paths[0] ?? "/";
  if (name === "parallel-4") {
    const backend = ["a", "b", "c", "d"].map((group) => ({
      host: [origin],
      url_pattern: `/delay/${sizes.parallelDelayMs}/${group}`,
      group,
    }));
    return { endpoint, method: "GET", backend };
  }
  return {
    endpoint,
    method: request.method,
    output_encoding: "no-op",
    input_headers: ["Content-Type"],
    backend: [{ host: [origin], url_pattern: endpoint, encoding: "no-op" }],
  };
}

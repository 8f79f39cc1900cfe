import { mkdirSync } from "node:fs";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import type { ScenarioName } from "../scenario.ts";
import { findFreePort, firstLineOf, startChild } from "./child.ts";
import {
  type Contestant,
  type ContestantName,
  gap,
  oneProcess,
  type Participation,
  runs,
} from "./contestant.ts";
import { repositoryRoot } from "./tools.ts";

const apps = join(import.meta.dir, "../apps");
/** Built programs go below `bench/`, where their packages resolve. */
const cache = join(repositoryRoot, "bench/.cache");

export const elysia: Contestant = defineApp({
  name: "elysia",
  what: "bare Elysia on Bun, one handler, no upstream; 1 process",
  version: `elysia ${manifest.dependencies.elysia}, bun ${Bun.version}`,
  plan: (scenario) =>
    scenario === "static" || scenario === "boot"
      ? runs('`.get("/static", () => text)`')
      : gap("bare Elysia makes no upstream calls; see elysia-fetch"),
  command: () => [process.execPath, join(apps, "elysia-static.ts")],
});

export const elysiaFetch: Contestant = defineApp({
  name: "elysia-fetch",
  what: "Elysia on Bun with the scenario's work written by hand over `fetch`; 1 process",
  version: `elysia ${manifest.dependencies.elysia}, bun ${Bun.version}`,
  plan: planHandWritten,
  command: () => [process.execPath, join(apps, "elysia-fetch.ts")],
});

export const hono: Contestant = defineApp({
  name: "hono",
  what: "Hono on Bun with the same hand-written work as elysia-fetch; 1 process",
  version: `hono ${manifest.dependencies.hono}, bun ${Bun.version}`,
  plan: planHandWritten,
  command: () => [process.execPath, join(apps, "hono.ts")],
});

export const fastifyUndici: Contestant = defineApp({
  name: "fastify-undici",
  what: "Fastify on Node with the scenario's work written by hand over an undici pool; 1 process",
  version: `fastify ${manifest.dependencies.fastify}, undici ${manifest.dependencies.undici}, node ${firstLineOf(["node", "--version"]) ?? "missing"}`,
  plan: planHandWritten,
  command: nodeCommand,
});

interface App extends Pick<Contestant, "name" | "what" | "plan"> {
  readonly name: ContestantName;
  readonly version: string;
  command(): readonly string[] | Promise<readonly string[]>;
}

function planHandWritten(scenario: ScenarioName): Participation {
  if (scenario === "workers") return gap(oneProcess);
  if (scenario === "churn") return gap("its routes are code: a change is a new process, see boot");
  return runs("hand-written handler");
}

function defineApp(app: App): Contestant {
  return {
    name: app.name,
    what: app.what,
    plan: app.plan,
    find: async () =>
      app.version.endsWith("missing")
        ? { kind: "missing", why: "node is not installed" }
        : { kind: "present", version: app.version },
    start: async (scenario, place) => {
      const port = await findFreePort();
      // Bare Elysia has no proxied answer to boot to.
      const serves = app.name === "elysia" ? "static" : scenario.name;
      const child = startChild({
        name: app.name,
        command: await app.command(),
        directory: place.directory,
        environment: {
          BENCH_PORT: String(port),
          BENCH_UPSTREAM: `http://127.0.0.1:${place.upstreamPort}`,
          BENCH_SCENARIO: serves,
          BENCH_ROUTES: String(place.routes),
          NODE_ENV: "production",
          // Bun's `fetch` allows 256 calls at once by default; each-100 needs more, Catena sets it too.
          BUN_CONFIG_MAX_HTTP_REQUESTS: "8192",
        },
      });
      await child.listening(port, 120_000);
      return { port, pid: child.pid, stop: child.stop };
    },
  };
}

let nodeProgram: Promise<readonly string[]> | null = null;

/** Built once, so that building is no part of `boot`. */
function nodeCommand(): Promise<readonly string[]> {
  nodeProgram ??= buildForNode();
  return nodeProgram;
}

/** Node 20 reads no TypeScript, so the program is turned into JavaScript; its packages stay as they are. */
async function buildForNode(): Promise<readonly string[]> {
  mkdirSync(cache, { recursive: true });
  const built = await Bun.build({
    entrypoints: [join(apps, "fastify-undici.ts")],
    outdir: cache,
    naming: "fastify-undici.mjs",
    target: "node",
    packages: "external",
  });
  const output = built.outputs[0];
  if (output === undefined) throw new Error("the Fastify program was not built");
  return ["node", output.path];
}

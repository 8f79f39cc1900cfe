import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { CompiledResource } from "@catena/dsl";
import { openTargets, type Settings } from "@catena/gateway";
import { type LiveRun, runLive, type TestRequest } from "@catena/testing";
import type { ParsedArguments } from "../arguments.ts";
import type { Command, CommandContext } from "../command.ts";
import { loadConfig } from "../config/load-config.ts";
import { reportIssues } from "../report.ts";
import { loadSettings, storeOptions } from "../settings/load-settings.ts";
import { chooseChain, configsFrom, forwardedTo, shapeOf, toEntries } from "../try/choose-chain.ts";
import { formatTried, triedToJson } from "../try/format-tried.ts";
import { drawMermaid } from "../try/mermaid.ts";
import { readRequest, requestOptions } from "../try/read-request.ts";
import { type Tried, toTried } from "../try/tried.ts";
import { defaultPaths } from "./load-from-arguments.ts";

const { settings: settingsOption } = storeOptions;

export const tryCommand: Command = {
  name: "try",
  summary: "send one request through a chain to the real services, and show how each step went",
  usage: "CHAIN [FILE|FOLDER …]",
  options: {
    ...requestOptions,
    record: {
      type: "string",
      placeholder: "FILE",
      help: "write down what happened, for catena test: NAME.recording.json",
    },
    verbose: { type: "boolean", short: "v", help: "also show what each call said" },
    json: { type: "boolean", help: "print the reply and the steps as JSON" },
    mermaid: { type: "boolean", help: "print the steps as a Mermaid diagram" },
    ...(settingsOption === undefined ? {} : { settings: settingsOption }),
  },
  run: async (args, context) => {
    const { output } = context;
    const { name, paths } = readPositionals(args.positionals);
    const { value: settings, issues: unset } = await loadSettings(args, context);
    const knownHosts = new Set(Object.keys(settings?.resolver.hosts ?? {}));
    const { value: config, issues } = await loadConfig(paths, { target: "catena", knownHosts });
    if (settings === undefined || config === undefined) {
      reportIssues([...unset, ...issues], output);
      return 1;
    }
    const { resources } = config;
    const route = chooseChain(resources, name);
    const request = await readRequest(args, shapeOf(route));
    const file = args.text("record");
    // What is found out about the place after the request cannot be tried again.
    if (file !== undefined) mkdirSync(dirname(file), { recursive: true });
    const { run, isGone } = await runOnce(resources, route, request, settings);
    const tried = toTried(route.id, run);
    output.out(format(tried, args, context));
    if (file !== undefined && isGone) output.err("not recorded: the request was given up");
    else if (file !== undefined) await record(run, file, paths, context);
    return tried.status < 400 ? 0 : 1;
  },
};

function format(tried: Tried, args: ParsedArguments, { output }: CommandContext): string {
  if (args.flag("json")) return triedToJson(tried);
  if (args.flag("mermaid")) return drawMermaid(tried);
  return formatTried(tried, output.style, args.flag("verbose"));
}

/** A file where the chain is expected is one whose chains are to be told. */
function readPositionals(positionals: readonly string[]): {
  readonly name: string | undefined;
  readonly paths: readonly string[];
} {
  const [name, ...paths] = positionals;
  if (name !== undefined && /[./]/.test(name) && existsSync(name)) {
    return { name: undefined, paths: positionals };
  }
  return { name, paths: paths.length > 0 ? paths : defaultPaths };
}

/** Ctrl-C is a client that goes away: what is undone then is seen to its end. */
async function runOnce(
  resources: readonly CompiledResource[],
  route: CompiledResource,
  request: TestRequest,
  settings: Settings,
): Promise<{ readonly run: LiveRun; readonly isGone: boolean }> {
  const entries = toEntries(resources, route, settings.prefix);
  const { targets, close } = await openTargets({ ...settings, healthChecks: false }, entries);
  const gone = new AbortController();
  const leave = (): void => gone.abort();
  process.once("SIGINT", leave);
  const upstream = forwardedTo(route, resources);
  try {
    const run = await runLive(resources, request, targets, {
      route: route.id,
      limits: settings.limits,
      signal: gone.signal,
      ...(upstream === undefined ? {} : { upstream }),
    });
    return { run, isGone: gone.signal.aborted };
  } finally {
    process.off("SIGINT", leave);
    await close();
  }
}

/** Writes down what happened, for its owner alone, and says whether it can be replayed. */
async function record(
  run: LiveRun,
  file: string,
  paths: readonly string[],
  { output }: CommandContext,
): Promise<void> {
  const { recording, problem } = await run.record();
  const configs = configsFrom(dirname(file), paths);
  writeFileSync(file, `${JSON.stringify({ ...recording, configs }, null, 2)}\n`, { mode: 0o600 });
  output.err(`recorded ${file}`);
  if (problem !== null) output.err(`${output.style.yellow("note")} it does not replay: ${problem}`);
}

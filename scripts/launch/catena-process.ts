import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "../lib/repository.ts";

const command = join(repositoryRoot, "packages/cli/src/main.ts");

export type Environment = Readonly<Record<string, string>>;

/**
 * Runs a `catena` command to its end.
 *
 * @returns what it printed.
 * @throws with that, when it fails.
 */
export async function runCatena(
  args: readonly string[],
  environment: Environment,
): Promise<string> {
  const child = Bun.spawn(["bun", command, ...args], {
    cwd: repositoryRoot,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, ...environment },
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  const printed = `${stdout}${stderr}`.trimEnd();
  if (code !== 0) throw new Error(`catena ${args.join(" ")} ended with code ${code}\n${printed}`);
  return printed;
}

export interface GatewayProcess {
  /** Resolves with its exit code when it ends by itself or is stopped. */
  readonly ended: Promise<number>;
  /** Lets it finish what it is doing, for a bounded time. */
  stop(): Promise<void>;
}

export interface GatewayProcessOptions {
  readonly environment: Environment;
  readonly logFile: string;
  /** `host:port` of the Control API. */
  readonly controlListen: string;
}

const startLimitMs = 30_000;
const stopLimitMs = 20_000;

/**
 * Starts `catena start` with its output in a file, and waits until it has loaded its configuration.
 *
 * @throws with the end of the log, when it ends before that or is not ready after 30 s.
 */
export async function startGatewayProcess(options: GatewayProcessOptions): Promise<GatewayProcess> {
  const log = openSync(options.logFile, "w", 0o600);
  // A session of its own keeps Ctrl-C from reaching it before its turn; without a parent it ends.
  const child = Bun.spawn(["bun", "--no-orphans", command, "start"], {
    cwd: repositoryRoot,
    stdin: "ignore",
    stdout: log,
    stderr: log,
    detached: true,
    env: { ...process.env, ...options.environment },
  });
  closeSync(log);
  const gateway: GatewayProcess = {
    ended: child.exited,
    stop: async () => {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), stopLimitMs);
      await child.exited;
      clearTimeout(timer);
    },
  };
  const reason = await waitUntilReady(
    options.controlListen,
    () => child.exitCode ?? child.signalCode,
  );
  if (reason === null) return gateway;
  await gateway.stop();
  const printed = (await Bun.file(options.logFile).text()).slice(-3_000).trimEnd();
  throw new Error(`the gateway ${reason}; the end of ${options.logFile}:\n${printed}`);
}

async function waitUntilReady(
  address: string,
  exit: () => number | string | null,
): Promise<string | null> {
  const deadline = performance.now() + startLimitMs;
  while (performance.now() < deadline) {
    const code = exit();
    if (code !== null) return `ended with ${code} instead of starting`;
    if (await isReady(address)) return null;
    await Bun.sleep(25);
  }
  return `is not ready after ${startLimitMs / 1000} s`;
}

async function isReady(address: string): Promise<boolean> {
  try {
    const url = `http://${address.replace(/^0\.0\.0\.0:/, "127.0.0.1:")}/status/ready`;
    return (await fetch(url, { signal: AbortSignal.timeout(1_000) })).ok;
  } catch {
    return false;
  }
}

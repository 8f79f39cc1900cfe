import { join } from "node:path";
import { freePort } from "@catena/testkit";
import { until } from "./gateway-bed.ts";

const main = join(import.meta.dir, "../../../cli/src/main.ts");

export type Environment = Readonly<Record<string, string>>;

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one `catena` command line to its end, in a folder of the test's own. */
export async function runCatena(
  args: readonly string[],
  cwd: string,
  environment: Environment = {},
): Promise<CommandResult> {
  const child = Bun.spawn([process.execPath, main, ...args], {
    cwd,
    env: { ...process.env, ...environment },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, stdout, stderr };
}

/** A `catena` that goes on running (`start`, `dev`), on ports of its own. */
export interface CatenaProcess {
  readonly url: string;
  readonly adminUrl: string;
  readonly controlUrl: string;
  readonly environment: Environment;
  readonly pid: number;
  /** Everything printed so far, both streams. */
  printed(): string;
  /** Sends a signal and resolves with the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number>;
}

/** Starts a command that listens, and waits until its Control API answers. */
export async function startCatena(
  args: readonly string[],
  cwd: string,
  environment: Environment,
): Promise<CatenaProcess> {
  const [port, adminPort, controlPort] = [await freePort(), await freePort(), await freePort()];
  const complete = {
    CATENA_LISTEN: `127.0.0.1:${port}`,
    CATENA_ADMIN_LISTEN: `127.0.0.1:${adminPort}`,
    CATENA_CONTROL_LISTEN: `127.0.0.1:${controlPort}`,
    ...environment,
  };
  const child = Bun.spawn([process.execPath, main, ...args], {
    cwd,
    env: { ...process.env, ...complete },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    void (async () => {
      const decoder = new TextDecoder();
      for await (const chunk of stream) printed += decoder.decode(chunk, { stream: true });
    })();
  }
  const controlUrl = `http://127.0.0.1:${controlPort}`;
  await until(
    async () => {
      if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}: ${printed}`);
      return await fetch(`${controlUrl}/status`).then(
        (response) => response.ok,
        () => false,
      );
    },
    () => `catena ${args.join(" ")} to listen: ${printed}`,
  );
  return {
    url: `http://127.0.0.1:${port}`,
    adminUrl: `http://127.0.0.1:${adminPort}`,
    controlUrl,
    environment: complete,
    pid: child.pid,
    printed: () => printed,
    stop: async (signal = "SIGTERM") => {
      child.kill(signal);
      return await child.exited;
    },
  };
}

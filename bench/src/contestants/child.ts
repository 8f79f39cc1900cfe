import { closeSync, openSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { readProcessTree } from "../measure/proc.ts";

export interface ChildOrder {
  readonly name: string;
  readonly command: readonly string[];
  readonly directory: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly workingDirectory?: string;
}

/** A process we started and will end, with its output kept in a file. */
export interface Child {
  readonly pid: number;
  /** Resolves when something listens on the port. @throws Error with the log's end if the process ends first. */
  listening(port: number, timeoutMs: number): Promise<void>;
  /** Resolves when `check` gives true. @throws Error as `listening`. */
  until(what: string, timeoutMs: number, check: () => Promise<boolean>): Promise<void>;
  /** SIGTERM, then SIGKILL for the whole tree after 5 s. */
  stop(): Promise<void>;
}

export function startChild(order: ChildOrder): Child {
  const logPath = join(order.directory, `${order.name}.log`);
  const log = openSync(logPath, "w");
  const child = Bun.spawn([...order.command], {
    cwd: order.workingDirectory ?? order.directory,
    env: { ...process.env, ...order.environment },
    stdin: "ignore",
    stdout: log,
    stderr: log,
  });
  closeSync(log);
  const until: Child["until"] = async (what, timeoutMs, check) => {
    const giveUpAt = performance.now() + timeoutMs;
    while (!(await check())) {
      if (child.exitCode !== null || child.signalCode !== null) {
        throw new Error(`${order.name} ended before ${what}: ${logEnd(logPath)}`);
      }
      if (performance.now() > giveUpAt) {
        throw new Error(`${order.name}: no ${what} within ${timeoutMs} ms: ${logEnd(logPath)}`);
      }
      await Bun.sleep(2);
    }
  };
  return {
    pid: child.pid,
    until,
    listening: (port, timeoutMs) => until(`listening on ${port}`, timeoutMs, () => accepts(port)),
    stop: () => endTree(child),
  };
}

/** A port nobody listens on now. Another process may take it before the child does; it then fails loudly. */
export async function findFreePort(): Promise<number> {
  const server = createServer();
  const listening = Promise.withResolvers<void>();
  server.once("error", listening.reject);
  server.listen(0, "127.0.0.1", listening.resolve);
  await listening.promise;
  const address = server.address();
  const closed = Promise.withResolvers<void>();
  server.close(() => closed.resolve());
  await closed.promise;
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}

/** GET on the loopback; `null` while nobody answers. */
export async function probe(port: number, path: string): Promise<number | null> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      redirect: "manual",
      keepalive: false,
      signal: AbortSignal.timeout(5000),
    });
    await response.arrayBuffer();
    return response.status;
  } catch {
    return null;
  }
}

/** The first line a command prints on either stream; `null` when it cannot be run. */
export function firstLineOf(command: readonly string[]): string | null {
  try {
    const { stdout, stderr } = Bun.spawnSync([...command], { stdout: "pipe", stderr: "pipe" });
    const line = `${stdout.toString()}\n${stderr.toString()}`.trim().split("\n")[0];
    return line === undefined || line === "" ? null : line;
  } catch {
    return null;
  }
}

async function accepts(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data: () => {} } });
    socket.end();
    return true;
  } catch {
    return false;
  }
}

async function endTree(child: Bun.Subprocess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  // Read before the root goes: afterwards its children belong to nobody we know.
  const { pids } = readProcessTree(child.pid);
  child.kill("SIGTERM");
  const ended = await Promise.race([
    child.exited.then(() => true),
    Bun.sleep(5000).then(() => false),
  ]);
  if (!ended) for (const pid of pids) killIfThere(pid);
  await child.exited;
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // Ended by itself in the meantime.
  }
}

function logEnd(path: string): string {
  return readFileSync(path, "utf8").trim().slice(-600) || "(no output)";
}

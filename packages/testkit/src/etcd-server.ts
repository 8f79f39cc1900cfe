import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-port.ts";

export interface EtcdServerOptions {
  /** Folder to make its data's folder in; default the system's temporary one. */
  readonly folder?: string;
  /** Life of an authentication token; etcd's default is 300. */
  readonly authTokenTtlSeconds?: number;
  /** Further command-line arguments. */
  readonly args?: readonly string[];
  /** PEM files; makes the client port speak TLS. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string; readonly caFile?: string };
}

/** A real etcd of one member on loopback, with its own data directory. */
export interface EtcdServer {
  /** As a store URL: `etcd://127.0.0.1:PORT`. */
  readonly url: string;
  /** As `127.0.0.1:PORT`. */
  readonly endpoint: string;
  readonly port: number;
  readonly dataDir: string;
  /** Ends the process and removes its data. */
  stop(): Promise<void>;
  /** Ends the process with SIGKILL; the data stays. */
  kill(): Promise<void>;
  /** Starts it again on the same port and data; returns when it answers. */
  restart(): Promise<void>;
  /** Ends the process with SIGKILL and removes its data; `restart` then begins empty. */
  wipe(): Promise<void>;
}

const startTimeoutMs = 30_000;
const running = new Set<Bun.Subprocess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/**
 * Starts a throwaway etcd from the `etcd` binary on PATH and waits until it answers.
 *
 * @throws when there is no such binary, or it does not answer within 30 s (with the end of its log).
 */
export async function startEtcd(options: EtcdServerOptions = {}): Promise<EtcdServer> {
  const binary = Bun.which("etcd");
  if (binary === null) {
    throw new Error("no etcd binary on PATH: run ./scripts/test, which installs it");
  }
  const home = await mkdtemp(join(options.folder ?? tmpdir(), "catena-etcd-"));
  const dataDir = join(home, "data");
  const logFile = join(home, "etcd.log");
  const [port, peerPort] = [await freePort(), await freePort()];
  const argv = [binary, ...argumentsFor(binary, dataDir, port, peerPort, options)];
  let child: Bun.Subprocess | undefined;

  async function start(): Promise<void> {
    const log = await open(logFile, "a");
    child = Bun.spawn(argv, { stdin: "ignore", stdout: log.fd, stderr: log.fd });
    await log.close();
    running.add(child);
    await answers(child, port, options.tls !== undefined, logFile);
  }
  async function end(signal: NodeJS.Signals): Promise<void> {
    const ending = child;
    child = undefined;
    if (ending === undefined) return;
    ending.kill(signal);
    await ending.exited;
    running.delete(ending);
  }

  try {
    await start();
  } catch (error) {
    await end("SIGKILL");
    rmSync(home, { recursive: true, force: true });
    throw error;
  }
  return {
    url: `etcd://127.0.0.1:${port}`,
    endpoint: `127.0.0.1:${port}`,
    port,
    dataDir,
    kill: () => end("SIGKILL"),
    restart: async () => {
      await end("SIGKILL");
      await start();
    },
    wipe: async () => {
      await end("SIGKILL");
      await rm(dataDir, { recursive: true, force: true });
    },
    stop: async () => {
      await end("SIGKILL");
      await rm(home, { recursive: true, force: true });
    },
  };
}

function argumentsFor(
  binary: string,
  dataDir: string,
  port: number,
  peerPort: number,
  options: EtcdServerOptions,
): string[] {
  const { tls, authTokenTtlSeconds } = options;
  const client = `${tls ? "https" : "http"}://127.0.0.1:${port}`;
  const peer = `http://127.0.0.1:${peerPort}`;
  const argv = [
    ...["--name", "throwaway", "--data-dir", dataDir, "--logger", "zap", "--log-level", "error"],
    ...["--listen-client-urls", client, "--advertise-client-urls", client],
    ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer],
    ...["--initial-cluster", `throwaway=${peer}`],
    // A short election makes the start quick and lets leases of one second be one second long.
    ...["--heartbeat-interval", "20", "--election-timeout", "200"],
  ];
  if (authTokenTtlSeconds !== undefined) {
    argv.push("--auth-token-ttl", String(authTokenTtlSeconds));
  }
  if (tls) {
    argv.push("--cert-file", tls.certFile, "--key-file", tls.keyFile);
    if (tls.caFile) argv.push("--client-cert-auth", "--trusted-ca-file", tls.caFile);
  }
  if (knowsNoFsync(binary)) argv.push("--unsafe-no-fsync");
  return [...argv, ...(options.args ?? [])];
}

/** etcd has the flag since 3.5; Debian 12 ships 3.4. */
let noFsync: boolean | undefined;
function knowsNoFsync(binary: string): boolean {
  noFsync ??= spawnSync(binary, ["--help"], { encoding: "utf8" }).stdout.includes(
    "unsafe-no-fsync",
  );
  return noFsync;
}

async function answers(
  child: Bun.Subprocess,
  port: number,
  isTls: boolean,
  logFile: string,
): Promise<void> {
  const deadline = Date.now() + startTimeoutMs;
  while (Date.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null) break;
    if (await (isTls ? acceptsTcp(port) : isHealthy(port))) return;
    await Bun.sleep(20);
  }
  const log = readFileSync(logFile, "utf8").slice(-2_000);
  throw new Error(`etcd on port ${port} did not start; the end of its log:\n${log}`);
}

async function isHealthy(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/health`, {
      signal: AbortSignal.timeout(1_000),
    });
    return response.ok;
  } catch {
    return false;
  }
}

async function acceptsTcp(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
    socket.end();
    return true;
  } catch {
    return false;
  }
}

import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { GatewayStatus } from "@catena/gateway";
import { type ConfigStore, openStore } from "@catena/store";
import { freePort } from "@catena/testkit";
import { repositoryRoot } from "../lib/repository.ts";

/** A folder that looks like a checkout, with `scripts/up` running in it on free ports. */
export interface Sandbox {
  /** Writes a file of a page, by its path in the checkout. */
  write(path: string, text: string): void;
  /** Runs shell commands to their end, and waits until the gateway serves what they wrote. */
  run(commands: string): Promise<{ readonly code: number; readonly output: string }>;
  /** What `scripts/up` has printed so far. */
  readonly upOutput: () => string;
  /** Presses Ctrl-C and cleans up; returns the exit code of `scripts/up`. */
  stop(): Promise<number>;
}

const readyLine = "Ctrl-C stops everything";
const startLimitMs = 60_000;
const stopLimitMs = 30_000;
const commandLimitMs = 60_000;

/** Addresses as pages write them, and the variable that moves each. */
const addresses = {
  "127.0.0.1:9080": "CATENA_LISTEN",
  "127.0.0.1:9443": "CATENA_TLS_LISTEN",
  "127.0.0.1:9180": "CATENA_ADMIN_LISTEN",
  "127.0.0.1:9090": "CATENA_CONTROL_LISTEN",
} as const;

/**
 * Makes a checkout of links and copies, and starts `up` there as a user would.
 *
 * @param up the command line, as `./scripts/up --etcd`.
 * @throws with what it printed, when it does not get ready.
 */
export async function openSandbox(up: string): Promise<Sandbox> {
  const folder = makeCheckout();
  const moved = await Promise.all(
    Object.entries(addresses).map(async ([written, variable]) => {
      return { written, variable, actual: `127.0.0.1:${await freePort()}` };
    }),
  );
  const toActual = (text: string) =>
    moved.reduce((all, { written, actual }) => all.replaceAll(written, actual), text);
  const toWritten = (text: string) =>
    moved
      .reduce((all, { written, actual }) => all.replaceAll(actual, written), text)
      .replaceAll(`${folder}/`, "");
  const { CI: _, ...inherited } = process.env;
  const environment = {
    ...inherited,
    ...Object.fromEntries(moved.map(({ variable, actual }) => [variable, actual])),
    CATENA_UP_FOLDER: join(folder, ".catena"),
    NO_COLOR: "1",
  };
  const child = Bun.spawn(["bash", "-c", `exec ${up}`], {
    cwd: folder,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: environment,
  });
  let printed = "";
  const read = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) printed += decoder.decode(chunk, { stream: true });
  };
  const reading = Promise.all([read(child.stdout), read(child.stderr)]);
  const stop = async () => {
    child.kill("SIGINT");
    const timer = setTimeout(() => child.kill("SIGKILL"), stopLimitMs);
    const code = await child.exited;
    clearTimeout(timer);
    await reading;
    rmSync(folder, { recursive: true, force: true });
    return code;
  };
  const giveUpAt = performance.now() + startLimitMs;
  while (!printed.includes(readyLine)) {
    if (child.exitCode !== null || performance.now() > giveUpAt) {
      await stop();
      throw new Error(`${up} is not ready:\n${printed}`);
    }
    await Bun.sleep(20);
  }
  const storeUrl = /^deployed: revision \d+ of (\S+)$/m.exec(printed)?.[1] ?? "";
  const store = openStore(storeUrl);
  return {
    write: (path, text) => {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    },
    run: async (commands) => {
      // One stream for both, as on a terminal.
      const script = `exec 2>&1\n${toActual(commands)}`;
      const shell = Bun.spawn(["bash", "-euo", "pipefail", "-c", script], {
        cwd: folder,
        stdin: "ignore",
        stdout: "pipe",
        stderr: "ignore",
        env: environment,
        timeout: commandLimitMs,
      });
      const [stdout, code] = await Promise.all([new Response(shell.stdout).text(), shell.exited]);
      await untilServed(store, toActual("127.0.0.1:9090"));
      return { code, output: toWritten(stdout) };
    },
    upOutput: () => toWritten(printed),
    stop: async () => {
      await store.close();
      return stop();
    },
  };
}

/** A reader types slower than the gateway follows its store; a test does not. */
async function untilServed(store: ConfigStore, controlAddress: string): Promise<void> {
  const { revision } = await store.list("/apisix/");
  const giveUpAt = performance.now() + commandLimitMs;
  while (performance.now() < giveUpAt) {
    const response = await fetch(`http://${controlAddress}/status`);
    // The shape is the gateway's own GatewayStatus.
    const status = (await response.json()) as GatewayStatus;
    if ((status.store.revision ?? -1) >= revision) return;
    await Bun.sleep(5);
  }
  throw new Error(`the gateway does not serve revision ${revision}`);
}

function makeCheckout(): string {
  const folder = mkdtempSync(join(tmpdir(), "catena-page-"));
  for (const name of ["scripts", "packages", "node_modules", "package.json", "tsconfig.json"]) {
    symlinkSync(join(repositoryRoot, name), join(folder, name));
  }
  cpSync(join(repositoryRoot, "configs"), join(folder, "configs"), {
    recursive: true,
    filter: (path) => !path.endsWith("/node_modules"),
  });
  symlinkSync(join(repositoryRoot, "configs/node_modules"), join(folder, "configs/node_modules"));
  return folder;
}

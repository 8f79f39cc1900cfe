import { readdirSync, readFileSync } from "node:fs";

export interface LeftProcess {
  readonly pid: number;
  /** As started, shortened. */
  readonly command: string;
}

/**
 * Finds processes that something left behind: those of a session, and those that inherited the
 * environment entry `marker` (`NAME=value`), which also finds one that began a session of its own.
 * Reads /proc; finds nothing where there is none.
 */
export function findLeftProcesses(sessionId: number, marker: string): LeftProcess[] {
  const left: LeftProcess[] = [];
  for (const entry of listProcesses()) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    try {
      if (!isRunning(pid)) continue;
      if (sessionOf(pid) !== sessionId && !environmentOf(pid).includes(marker)) continue;
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").join(" ").trim();
      left.push({ pid, command: command.slice(0, 120) });
    } catch {
      // It ended while it was looked at, or belongs to someone else.
    }
  }
  return left;
}

function listProcesses(): string[] {
  try {
    return readdirSync("/proc");
  } catch {
    return [];
  }
}

/** The fields of /proc/PID/stat after the command, which may itself hold spaces and brackets. */
function statOf(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

/** A zombie has ended; where process 1 reaps nothing it stays in the list. */
function isRunning(pid: number): boolean {
  return statOf(pid)[0] !== "Z";
}

function sessionOf(pid: number): number {
  return Number(statOf(pid)[3]);
}

function environmentOf(pid: number): string[] {
  return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
}

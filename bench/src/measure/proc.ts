import { readdirSync, readFileSync } from "node:fs";

/** What `/proc/PID/stat` tells of one process (proc(5)); times are clock ticks. */
export interface ProcStat {
  readonly pid: number;
  readonly parentPid: number;
  /** utime + stime. */
  readonly ownTicks: number;
  /** cutime + cstime: of children that have ended and were waited for. */
  readonly reapedTicks: number;
}

/** USER_HZ; Linux fixes it at 100 for every architecture Bun runs on. */
const ticksPerSecond = 100;

/** @returns `null` for text that is no stat line. */
export function parseProcStat(text: string): ProcStat | null {
  // The second field is the program's name in brackets and may itself hold spaces and brackets.
  const open = text.indexOf("(");
  const close = text.lastIndexOf(")");
  if (open < 0 || close < open) return null;
  const pid = Number(text.slice(0, open).trim());
  const rest = text
    .slice(close + 1)
    .trim()
    .split(/\s+/);
  // proc(5) counts from 1 and `rest` starts at field 3 (state).
  const field = (number: number): number => Number(rest[number - 3]);
  const stat = {
    pid,
    parentPid: field(4),
    ownTicks: field(14) + field(15),
    reapedTicks: field(16) + field(17),
  };
  return Object.values(stat).every(Number.isFinite) ? stat : null;
}

/** Resident set of a `/proc/PID/status` text in bytes; `null` for a process without memory (a zombie). */
export function parseResidentBytes(text: string): number | null {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(text);
  return match === null ? null : Number(match[1]) * 1024;
}

/** A process with every descendant it has at this moment. */
export interface ProcessTree {
  readonly pids: readonly number[];
  readonly cpuMicros: number;
  readonly residentBytes: number;
}

/**
 * Adds up CPU time and memory over a process and all its descendants. The time of a child that ended
 * between two readings is not lost: the kernel adds it to the parent that waited for it.
 *
 * @throws Error when the root process is gone: a rate computed without it would be wrong.
 */
export function readProcessTree(rootPid: number): ProcessTree {
  const stats = readAllStats();
  const root = stats.get(rootPid);
  if (root === undefined) throw new Error(`process ${rootPid} has ended`);
  const members = descendants(root, [...stats.values()]);
  let ticks = 0;
  let residentBytes = 0;
  for (const member of members) {
    ticks += member.ownTicks + member.reapedTicks;
    residentBytes += readResidentBytes(member.pid);
  }
  return {
    pids: members.map((member) => member.pid),
    cpuMicros: (ticks * 1_000_000) / ticksPerSecond,
    residentBytes,
  };
}

/** The root first, then its descendants in no particular order. */
export function descendants(root: ProcStat, all: readonly ProcStat[]): readonly ProcStat[] {
  const found = [root];
  for (let next = 0; next < found.length; next += 1) {
    const parent = found[next];
    for (const candidate of all) {
      if (candidate.parentPid === parent?.pid && !found.includes(candidate)) found.push(candidate);
    }
  }
  return found;
}

function readAllStats(): Map<number, ProcStat> {
  const stats = new Map<number, ProcStat>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const text = readIfThere(`/proc/${name}/stat`);
    const stat = text === null ? null : parseProcStat(text);
    if (stat !== null) stats.set(stat.pid, stat);
  }
  return stats;
}

function readResidentBytes(pid: number): number {
  const text = readIfThere(`/proc/${pid}/status`);
  return text === null ? 0 : (parseResidentBytes(text) ?? 0);
}

/** A process may end between listing and reading. */
function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return null;
  }
}

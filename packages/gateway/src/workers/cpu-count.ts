import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/**
 * How many CPUs this process may use: those it may run on, or fewer where a container is given less
 * time (cgroup v2's `cpu.max`).
 */
export function availableCpus(): number {
  const quota = readQuota();
  const cpus = availableParallelism();
  return quota === null ? cpus : Math.max(1, Math.min(cpus, Math.ceil(quota)));
}

function readQuota(): number | null {
  try {
    return parseCpuMax(readFileSync("/sys/fs/cgroup/cpu.max", "utf8"));
  } catch {
    return null;
  }
}

/** `150000 100000` → 1.5, `max 100000` → `null`. */
export function parseCpuMax(text: string): number | null {
  const [quota, period] = text.trim().split(/\s+/).map(Number);
  return quota === undefined || period === undefined || !(quota > 0) || !(period > 0)
    ? null
    : quota / period;
}

import { readdirSync, readlinkSync } from "node:fs";

/** Sockets a process has open, listeners and connections (proc(5), `/proc/PID/fd`). */
export function countSockets(pid: number): number {
  let count = 0;
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    try {
      if (readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith("socket:")) count += 1;
    } catch {
      // Closed since the directory was read.
    }
  }
  return count;
}

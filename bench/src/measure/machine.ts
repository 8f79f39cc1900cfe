import { cpus, release, totalmem } from "node:os";
import type { Machine } from "../report/results.ts";

/** What a reader must know to judge absolute figures; nothing that names the host or its user. */
export function describeMachine(now: Date): Machine {
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim() ?? "unknown",
    cores: processors.length,
    memory_gb: Math.round(totalmem() / 2 ** 30),
    // Without the suffix, which names the vendor of a machine image.
    kernel: /^[\d.]+/.exec(release())?.[0] ?? release(),
    date: now.toISOString(),
  };
}

import { healthyMs, RestartPolicy, type WorkerReport } from "@catena/gateway";
import type { WorkerHandle } from "./worker-handle.ts";

/** How long a worker may take to answer before it is shown as silent, in milliseconds. */
const statusLimitMs = 1000;

/** A place that always has a worker, but for the time it takes to replace one. */
export class Place {
  readonly index: number;
  readonly policy = new RestartPolicy();
  worker: WorkerHandle | null = null;
  /** Starts, to take the place when it is ready. */
  next: WorkerHandle | null = null;
  /** How often one was started because another ended by itself or asked for it. */
  restarts = 0;
  /** For the next try. */
  timer: ReturnType<typeof setTimeout> | null = null;

  constructor(index: number) {
    this.index = index;
  }

  /** Who answers clients in this place now. */
  get serving(): WorkerHandle | null {
    return this.worker?.isServing ? this.worker : null;
  }

  /** Whether one after another ended soon after its start and none has been well since. */
  get isFailing(): boolean {
    const isWell = this.worker !== null && this.worker.livedMs >= healthyMs;
    return this.policy.isStorm && !isWell;
  }

  async report(): Promise<WorkerReport> {
    const worker = this.worker ?? this.next;
    if (this.isFailing || worker === null) {
      const state = this.isFailing ? "failing" : "starting";
      return { pid: worker?.pid ?? null, state, restarts: this.restarts, status: null };
    }
    const report = await reportOf(worker, worker.isServing ? "serving" : "starting");
    return { ...report, restarts: this.restarts };
  }
}

/** What a worker tells of itself, in a state its supervisor knows. */
export async function reportOf(
  worker: WorkerHandle,
  state: WorkerReport["state"],
): Promise<WorkerReport> {
  const status = await worker.status(statusLimitMs);
  const isSilent = state === "serving" && status === null;
  return { pid: worker.pid, state: isSilent ? "silent" : state, restarts: 0, status };
}

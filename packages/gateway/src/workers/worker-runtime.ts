import type { ConfigStore } from "@catena/store";
import type { GatewayStatus } from "../control/control-plane.ts";
import type { Log } from "../log.ts";
import { startWorkerGateway, version, type WorkerGateway } from "../start-gateway.ts";
import type { ControlAnswer, WorkerNote, WorkerOrder, WorkerQuestion } from "./protocol.ts";
import { openSharedMemory } from "./shared-memory.ts";
import { type ListenerSeat, steerAway, steerEvenly, turnAway } from "./steer-connections.ts";

/** What a worker needs of the process it is. */
export interface WorkerProcess {
  /** Tells the supervisor; does nothing when that is gone. */
  tell(note: WorkerNote): void;
  /** @throws STORE_URL_INVALID, STORE_UNUSABLE, STORE_UNAVAILABLE */
  openStore(url: string): ConfigStore;
  /** Ends the process. */
  exit(code: number): void;
  readonly log: Log;
}

/**
 * How long a listener that is given no connection any more stays open at least, in seconds: clients
 * that had begun one get the time to finish the handshake, and it is accepted.
 */
const leastDrainSeconds = 0.25;

/** How long a listener turns clients away before it closes, in milliseconds; see {@link turnAway}. */
const turnAwayMs = 100;

/**
 * One worker: a gateway that does what its supervisor says. It ends by itself when the supervisor is
 * gone, so that no gateway is left that nobody watches over.
 */
export class WorkerRuntime {
  readonly #process: WorkerProcess;
  #running: { readonly gateway: WorkerGateway; readonly store: ConfigStore } | null = null;
  #drainSeconds = 0;
  #isLeaving = false;

  constructor(process: WorkerProcess) {
    this.#process = process;
  }

  take(order: WorkerOrder): void {
    switch (order.kind) {
      case "start":
        void this.#attempt(() => this.#start(order));
        return;
      case "listen":
        void this.#attempt(async () => {
          await this.#running?.gateway.open();
          this.#process.tell({ kind: "listening" });
        });
        return;
      case "ask":
        void this.#answer(order.id, order.question);
        return;
      case "leave":
        void this.#leave(order.seat);
        return;
      case "rebalance":
        this.#warn("connections are not spread evenly", steerEvenly());
        return;
      case "stop":
        void this.#end(this.#drainSeconds);
        return;
      case "end":
        // The second stop of a gateway gives up what is in flight.
        void this.#running?.gateway.stop(0, () => undefined).then(() => this.#process.exit(0));
        return;
    }
  }

  /** The supervisor is gone: what is in flight may end, and nothing new is taken. */
  orphaned(): void {
    this.#process.log.error("the supervisor is gone: stopping");
    void this.#end(0);
  }

  /** A person asks this one to end: another takes its place first. */
  askedToEnd(): void {
    this.#process.tell({ kind: "replace-me" });
  }

  /** An error that nobody caught may have left anything half done: this process is to be replaced. */
  faulty(error: unknown): void {
    this.#process.log.error("an error that nobody caught", {
      reason: error instanceof Error ? error.message : String(error),
      stack: error instanceof Error ? (error.stack ?? "") : "",
    });
    this.#process.tell({ kind: "replace-me" });
  }

  #start({ settings, isFirst, sharedFd, ...order }: Extract<WorkerOrder, { kind: "start" }>): void {
    if (order.version !== version) {
      throw new Error(`the supervisor is of version ${order.version}, this is ${version}: restart`);
    }
    const { log } = this.#process;
    this.#drainSeconds = settings.drainSeconds;
    const store = this.#process.openStore(settings.store);
    // One sweeps for a gateway; the records say themselves who works on them.
    const undo = isFirst ? settings.undo : { ...settings.undo, sweepSeconds: 0 };
    const shared = sharedFd === null ? {} : { sharedCounts: openSharedMemory(sharedFd) };
    const gateway = startWorkerGateway({
      settings: { ...settings, undo },
      store,
      log,
      ...shared,
    });
    this.#running = { gateway, store };
    this.#process.tell({ kind: "started" });
    void gateway.ready.then(() => this.#process.tell({ kind: "loaded" }));
  }

  async #answer(id: number, question: WorkerQuestion): Promise<void> {
    if (this.#running === null) return;
    const { gateway } = this.#running;
    const answer: GatewayStatus | ControlAnswer =
      question.about === "status" ? gateway.status() : await askControl(gateway, question);
    this.#process.tell({ kind: "answer", id, answer });
  }

  /**
   * Ends without a lost connection, while others listen: see {@link steerAway}. What had been given to
   * this listener before is accepted as the drain goes on.
   */
  async #leave(seat: ListenerSeat | null): Promise<void> {
    if (seat !== null) {
      const failure = steerAway(seat);
      if (failure === null) return await this.#end(Math.max(this.#drainSeconds, leastDrainSeconds));
      this.#warn("connections may be lost", failure);
    }
    setTimeout(
      () => this.#warn("connections may be lost", turnAway()),
      Math.max(this.#drainSeconds * 1000 - turnAwayMs, 0),
    );
    await this.#end(Math.max(this.#drainSeconds, turnAwayMs / 1000));
  }

  async #end(drainSeconds: number): Promise<void> {
    // A supervisor, its death and a person may all say so.
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    await this.#running?.gateway.stop(drainSeconds, () => this.#process.tell({ kind: "closed" }));
    await this.#running?.store.close();
    this.#process.exit(0);
  }

  async #attempt(act: () => void | Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      const code = isCoded(error) ? error.code : "WORKER_FAILED";
      const message = error instanceof Error ? error.message : String(error);
      this.#process.tell({ kind: "failed", code, message });
      this.#process.exit(1);
    }
  }

  #warn(message: string, reason: string | null): void {
    if (reason !== null) this.#process.log.warn(message, { reason });
  }
}

async function askControl(
  gateway: WorkerGateway,
  { method, target, accept }: Extract<WorkerQuestion, { about: "control" }>,
): Promise<ControlAnswer> {
  const response = await gateway.control(
    new Request(`http://127.0.0.1${target}`, { method, headers: { accept } }),
  );
  return {
    status: response.status,
    contentType: response.headers.get("content-type") ?? "",
    body: await response.text(),
  };
}

function isCoded(error: unknown): error is { readonly code: string } {
  return (
    typeof error === "object" && error !== null && "code" in error && typeof error.code === "string"
  );
}

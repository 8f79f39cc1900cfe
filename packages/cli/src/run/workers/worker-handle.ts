import { fileURLToPath } from "node:url";
import { GatewayError } from "@catena/errors";
import {
  type ControlAnswer,
  type GatewayStatus,
  isNote,
  type WorkerNote,
  type WorkerOrder,
  type WorkerQuestion,
} from "@catena/gateway";

const workerMain = fileURLToPath(new URL("./worker-main.ts", import.meta.url));

/** The descriptor behind the three that every process has. */
export const sharedFd = 3;

/** Something that a worker tells once, or never because it ended. */
class Milestone {
  isReached = false;
  /** `false`: it ended without. */
  readonly reached: Promise<boolean>;
  readonly #settle: (isReached: boolean) => void;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.reached = promise;
    this.#settle = resolve;
  }

  settle(isReached: boolean): void {
    this.isReached ||= isReached;
    this.#settle(isReached);
  }
}

export interface WorkerEvents {
  onClosed(worker: WorkerHandle): void;
  onReplaceMe(worker: WorkerHandle): void;
  onEnded(worker: WorkerHandle): void;
}

/** A worker process as its supervisor sees it. */
export class WorkerHandle {
  readonly startedAt = performance.now();
  readonly started = new Milestone();
  readonly loaded = new Milestone();
  readonly listening = new Milestone();
  readonly closed = new Milestone();
  readonly ended: Promise<void>;
  /** Told to end, one way or the other. */
  isLeaving = false;
  /** Why it could not do what it was told. */
  failure: GatewayError | null = null;
  readonly #child: Bun.Subprocess<"ignore", "inherit", "inherit">;
  readonly #answers = new Map<number, (answer: GatewayStatus | ControlAnswer | null) => void>();
  readonly #events: WorkerEvents;
  #questions = 0;

  /** @param shared a descriptor that the worker inherits as {@link sharedFd}. */
  constructor(events: WorkerEvents, shared: number) {
    this.#events = events;
    this.#child = Bun.spawn([process.execPath, ...process.execArgv, workerMain], {
      stdio: ["ignore", "inherit", "inherit", shared],
      serialization: "json",
      ipc: (message) => {
        if (isNote(message)) this.#take(message);
      },
    });
    this.ended = this.#child.exited.then(() => {
      for (const one of [this.started, this.loaded, this.listening, this.closed]) one.settle(false);
      for (const resolve of this.#answers.values()) resolve(null);
      this.#events.onEnded(this);
    });
  }

  get pid(): number {
    return this.#child.pid;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Whether clients are answered by it and new ones reach it. */
  get isServing(): boolean {
    return this.listening.isReached && !this.isLeaving && !this.hasEnded;
  }

  get livedMs(): number {
    return performance.now() - this.startedAt;
  }

  /** `exit code 1`, `signal SIGKILL` */
  get ending(): string {
    const { exitCode, signalCode } = this.#child;
    return signalCode === null ? `exit code ${exitCode}` : `signal ${signalCode}`;
  }

  tell(order: WorkerOrder): void {
    try {
      if (!this.hasEnded) this.#child.send(order);
    } catch {
      // It ended just now, which is told by itself.
    }
  }

  /** `null` when it does not answer in time. */
  async status(limitMs: number): Promise<GatewayStatus | null> {
    const answer = await this.#ask({ about: "status" }, limitMs);
    return answer !== null && "store" in answer ? answer : null;
  }

  /** @throws Error when it does not answer in time. */
  async control(
    question: Omit<Extract<WorkerQuestion, { about: "control" }>, "about">,
    limitMs: number,
  ): Promise<ControlAnswer> {
    const answer = await this.#ask({ about: "control", ...question }, limitMs);
    if (answer === null || !("body" in answer)) throw new Error(`worker ${this.pid} is silent`);
    return answer;
  }

  /** Ends it at once. */
  kill(): void {
    this.isLeaving = true;
    this.#child.kill("SIGKILL");
  }

  async #ask(
    question: WorkerQuestion,
    limitMs: number,
  ): Promise<GatewayStatus | ControlAnswer | null> {
    if (!this.started.isReached || this.hasEnded) return null;
    const id = this.#questions++;
    const { promise, resolve } = Promise.withResolvers<GatewayStatus | ControlAnswer | null>();
    this.#answers.set(id, resolve);
    const timer = setTimeout(() => resolve(null), limitMs);
    this.tell({ kind: "ask", id, question });
    const answer = await promise;
    clearTimeout(timer);
    this.#answers.delete(id);
    return answer;
  }

  #take(note: WorkerNote): void {
    switch (note.kind) {
      case "started":
        this.started.settle(true);
        return;
      case "loaded":
        this.loaded.settle(true);
        return;
      case "listening":
        this.listening.settle(true);
        return;
      case "closed":
        this.closed.settle(true);
        this.#events.onClosed(this);
        return;
      case "answer":
        this.#answers.get(note.id)?.(note.answer);
        return;
      case "failed":
        this.failure = new GatewayError(
          note.code,
          { status: 500, source: "internal", retryable: false },
          note.message,
          {},
        );
        return;
      case "replace-me":
        this.#events.onReplaceMe(this);
        return;
    }
  }
}

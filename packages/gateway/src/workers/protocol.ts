import type { GatewayStatus } from "../control/control-plane.ts";
import type { Settings } from "../settings/settings.ts";
import type { ListenerSeat } from "./steer-connections.ts";

/** What a supervisor tells one of its workers, as a JSON message. */
export type WorkerOrder =
  /** The first one: follow the store; `isFirst` is true for one worker of a gateway at a time. */
  | {
      readonly kind: "start";
      readonly version: string;
      readonly settings: Settings;
      readonly isFirst: boolean;
      /** A file descriptor that it inherited: memory in which all workers count. */
      readonly sharedFd: number | null;
    }
  /** Share the port from now on. */
  | { readonly kind: "listen" }
  | { readonly kind: "ask"; readonly id: number; readonly question: WorkerQuestion }
  /** Stop gracefully while others take over; `seat` is `null` when it is not known. */
  | { readonly kind: "leave"; readonly seat: ListenerSeat | null }
  /** One that left is gone: connections go to all again. */
  | { readonly kind: "rebalance" }
  /** Stop gracefully, with all the others. */
  | { readonly kind: "stop" }
  /** Give up what is in flight. */
  | { readonly kind: "end" };

export type WorkerQuestion =
  | { readonly about: "status" }
  | {
      readonly about: "control";
      readonly method: string;
      /** Path and query. */
      readonly target: string;
      readonly accept: string;
    };

/** What a worker's Control API answered. */
export interface ControlAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** What a worker tells its supervisor, as a JSON message. */
export type WorkerNote =
  /** It follows the store and may be told to listen. */
  | { readonly kind: "started" }
  /** The store was read: what it serves is what the store has. */
  | { readonly kind: "loaded" }
  | { readonly kind: "listening" }
  | {
      readonly kind: "answer";
      readonly id: number;
      readonly answer: GatewayStatus | ControlAnswer;
    }
  /** It accepts no connection any more; requests in flight go on. */
  | { readonly kind: "closed" }
  /** It can't do what it was told and ends. */
  | { readonly kind: "failed"; readonly code: string; readonly message: string }
  /** It wants another one to take its place, because of an error that nobody caught, say. */
  | { readonly kind: "replace-me" };

/** Whether a message came from a process of this gateway, both of which say nothing else. */
export function isNote(value: unknown): value is WorkerNote {
  return isMessage(value);
}

/** See {@link isNote}. */
export function isOrder(value: unknown): value is WorkerOrder {
  return isMessage(value);
}

function isMessage(value: unknown): boolean {
  return (
    typeof value === "object" && value !== null && "kind" in value && typeof value.kind === "string"
  );
}

import type { CallWatcher } from "./balancers/balancer.ts";
import type { Node } from "./node.ts";

/** A try that a balancer's watcher hears of. */
export interface WatchedTry {
  /** The reply's head is there. */
  answered(): void;
  /** The try is over; harmless when repeated. */
  readonly onEnd: () => void;
}

export function watchTry(watcher: CallWatcher, node: Node): WatchedTry {
  const begunAt = performance.now();
  let isOver = false;
  watcher.begun(node);
  return {
    answered: () => watcher.answered(node, performance.now() - begunAt),
    onEnd: () => {
      if (isOver) return;
      isOver = true;
      watcher.ended(node);
    },
  };
}

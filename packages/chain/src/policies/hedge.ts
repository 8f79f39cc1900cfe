import type { StoredPolicies } from "@catena/ir";
import { CancelScope, type UpstreamReply } from "@catena/upstream";

/** A second call sent while the first is slow; the first good response wins. */
export interface Hedge {
  readonly afterMs: number;
  /** Calls beside the first. */
  readonly max: number;
}

/** The check of chains lets only calls be hedged of which two are as good as one (RFC 9110 §9.2.1). */
export function compileHedge(stored: StoredPolicies["hedge"]): Hedge | null {
  return stored === undefined ? null : { afterMs: stored.after, max: stored.max ?? 1 };
}

/**
 * Sends, and sends again each `afterMs` while nothing came back. The first response below 500 ends
 * the others; when all fail, the last one to fail says how.
 *
 * @param send starts one call that ends with the scope it is given.
 */
export function sendHedged(
  hedge: Hedge,
  parent: CancelScope,
  send: (cancel: CancelScope) => Promise<UpstreamReply>,
): Promise<UpstreamReply> {
  const { promise, resolve, reject } = Promise.withResolvers<UpstreamReply>();
  const scopes: CancelScope[] = [];
  let open = 0;
  let isOver = false;
  let timer: ReturnType<typeof setTimeout> | null = null;

  const finish = (winner: CancelScope | null): void => {
    isOver = true;
    if (timer !== null) clearTimeout(timer);
    for (const scope of scopes) {
      parent.offCancel(listeners.get(scope) ?? noListener);
      if (scope !== winner) scope.cancel("superseded");
    }
  };
  const listeners = new Map<CancelScope, Parameters<CancelScope["onCancel"]>[0]>();

  const start = (): void => {
    const scope = new CancelScope();
    const listener: Parameters<CancelScope["onCancel"]>[0] = (reason) => scope.cancel(reason);
    listeners.set(scope, listener);
    parent.onCancel(listener);
    scopes.push(scope);
    open++;
    if (scopes.length <= hedge.max) timer = setTimeout(start, hedge.afterMs);
    send(scope).then(
      (reply) => settle(scope, reply, null),
      (error: unknown) => settle(scope, null, error),
    );
  };

  const settle = (scope: CancelScope, reply: UpstreamReply | null, error: unknown): void => {
    open--;
    if (isOver) return;
    const isGood = reply !== null && reply.status < 500;
    // While another call is open it may still do better.
    if (!isGood && open > 0) return;
    finish(scope);
    if (reply === null) reject(error);
    else resolve(reply);
  };

  start();
  return promise;
}

const noListener = (): void => undefined;

import { type RawRequest, type RawServer, startRawServer } from "@catena/testkit";

/** What a service does with one call. */
export type Verdict =
  | "answer"
  /** An error status, and nothing was done. */
  | "refuse"
  /** Done, but the connection is lost before the answer. */
  | "lose"
  /** Neither done nor answered. */
  | "hang";

/** @param index counts calls from 0. */
export type Decide = (call: LedgerCall, index: number) => Verdict;

/** A call as the ledger's services saw it. */
export interface LedgerCall {
  readonly kind: "do" | "undo";
  readonly step: string;
  readonly key: string;
}

/**
 * Services that do `POST /do/STEP` and take it back with `POST /undo/STEP`, each once per idempotency
 * key, as services behind a saga must. Records what was done with which key.
 */
export interface Ledger {
  readonly url: string;
  readonly calls: readonly LedgerCall[];
  /** Steps that happened. */
  readonly done: ReadonlySet<string>;
  /** The keys with which each step was taken back. */
  readonly undone: ReadonlyMap<string, ReadonlySet<string>>;
  /** Forgets everything, and decides anew. */
  reset(decide: Decide): void;
  /** Decides anew, and forgets nothing. */
  decide(decide: Decide): void;
  stop(): void;
}

export function startLedger(): Ledger {
  const calls: LedgerCall[] = [];
  const done = new Set<string>();
  const undone = new Map<string, Set<string>>();
  let decide: Decide = () => "answer";
  const server: RawServer = startRawServer({
    onRequest: (request, peer) => {
      const call = readCall(request);
      const verdict = decide(call, calls.push(call) - 1);
      if (verdict === "hang") return;
      if (verdict === "refuse") {
        peer.write(reply(500, '{"refused":true}'));
        return;
      }
      if (call.kind === "do") done.add(call.step);
      else {
        const keys = undone.get(call.step) ?? new Set();
        undone.set(call.step, keys.add(call.key));
      }
      if (verdict === "lose") peer.reset();
      else peer.write(reply(200, `{"id":"id-of-${call.step}"}`));
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    calls,
    done,
    undone,
    reset: (next) => {
      calls.length = 0;
      done.clear();
      undone.clear();
      decide = next;
    },
    decide: (next) => {
      decide = next;
    },
    stop: () => server.stop(),
  };
}

function readCall({ target, headerLines }: RawRequest): LedgerCall {
  const [, kind, step = ""] = target.split(/[/?]/);
  const line = headerLines.find((each) => each.toLowerCase().startsWith("idempotency-key:")) ?? "";
  return {
    kind: kind === "undo" ? "undo" : "do",
    step,
    key: line.slice(line.indexOf(":") + 1).trim(),
  };
}

function reply(status: number, body: string): string {
  return `HTTP/1.1 ${status} X\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

/** Names of the steps of {@link sagaConf}. */
export const SAGA_STEPS: readonly string[] = ["s1", "s2", "s3", "s4", "s5", "s6"];

/**
 * Six writes with an undo each. The undo of every second one is known from the start; the others
 * need the response of the step.
 */
export function sagaConf(url: string): object {
  return {
    v: 1,
    id: "saga",
    steps: SAGA_STEPS.map((name, index) => ({
      name,
      call: { uri: url, method: "POST", path: `/do/${name}`, body: { n: index } },
      idempotency_key: "auto",
      timeout: 2000,
      undo: {
        call: {
          uri: url,
          method: "POST",
          path: `/undo/${name}`,
          body: { id: index % 2 === 0 ? name : { $ref: [name, "id"] } },
        },
        timeout: 2000,
        retry: { attempts: 2, backoff: { base: 1, max: 2 } },
      },
    })),
    reply: { status: 201, body: { last: { $ref: ["s6", "id"] } } },
  };
}

/** Steps of {@link sagaConf} whose undo can be told without their response. */
export const isToldFromTheStart = (step: string): boolean => SAGA_STEPS.indexOf(step) % 2 === 0;

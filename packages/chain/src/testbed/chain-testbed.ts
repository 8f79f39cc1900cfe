import { createWireTransport } from "@catena/upstream";
import type { ChainOutcome } from "../chain-request.ts";
import { type ChainServices, compileChain } from "../compile-chain.ts";
import type { CompiledChain } from "../compiled-chain.ts";
import { runChain } from "../run/run-chain.ts";
import { createUndoLog, type UndoRecords } from "../saga/undo-log.ts";
import { parseUndoRecord, type UndoRecord } from "../saga/undo-record.ts";
import type { UndoEvent } from "../saga/undo-services.ts";
import { createSurvivingState } from "../surviving-state.ts";
import type { ChainTrace } from "../trace.ts";
import { type DirectTargets, directTargets } from "./direct-targets.ts";
import { type PlainRequest, plainRequest } from "./plain-request.ts";
import { type Answer, type ServiceDouble, serviceDouble } from "./service-double.ts";

/** A service, and chains that call it. */
export interface ChainTestbed {
  readonly service: ServiceDouble;
  readonly targets: DirectTargets;
  /** Undo records as they are kept now, and what was reported. */
  readonly records: ReadonlyMap<string, string>;
  readonly events: UndoEvent[];
  /** The stored chains that `sub` finds. */
  readonly chains: Map<string, unknown>;
  undoRecords(): UndoRecord[];
  /** Compiles; anything found is an error that lists it. */
  compile(conf: object, services?: Partial<ChainServices>): CompiledChain;
  /** Compiles and runs once. */
  run(conf: object, request?: PlainRequest, trace?: ChainTrace): Promise<Ended>;
  stop(): Promise<void>;
}

/** An outcome with its body as text. */
export interface Ended {
  readonly outcome: ChainOutcome;
  readonly status: number;
  readonly headers: readonly string[];
  readonly text: string;
  /** The code the chain failed with. */
  readonly code: string | null;
}

/** @param records `null` keeps them in memory. */
export function chainTestbed(answer: Answer, records: UndoRecords | null = null): ChainTestbed {
  const service = serviceDouble(answer);
  const targets = directTargets({ svc: service.url }, createWireTransport());
  const kept = new Map<string, string>();
  const events: UndoEvent[] = [];
  const chains = new Map<string, unknown>();
  const memory: UndoRecords = {
    put: async (key, value) => void kept.set(key, value),
    remove: async (key) => void kept.delete(key),
  };
  const base: ChainServices = {
    id: "under-test",
    targets,
    chain: (id) => chains.get(id) ?? null,
    state: createSurvivingState("routes/under-test"),
    undo: { log: createUndoLog(records ?? memory), report: (event) => void events.push(event) },
  };
  const compile: ChainTestbed["compile"] = (conf, services) => {
    const { value, issues } = compileChain({ v: 1, ...conf }, { ...base, ...services });
    if (value === undefined) throw new Error(JSON.stringify(issues));
    return value;
  };
  return {
    service,
    targets,
    records: kept,
    events,
    chains,
    undoRecords: () =>
      [...kept.values()].flatMap((text) => {
        const record = parseUndoRecord(text);
        return record === null ? [] : [record];
      }),
    compile,
    run: async (conf, request, trace) =>
      await ended(await runChain(compile(conf), plainRequest(request), trace ?? null)),
    stop: async () => {
      await targets.transport.close();
      await service.stop();
    },
  };
}

export async function ended(outcome: ChainOutcome): Promise<Ended> {
  const text = await bodyText(outcome.body);
  return outcome.kind === "reply"
    ? {
        outcome,
        status: outcome.status,
        headers: outcome.headers,
        text,
        code: outcome.error?.code ?? null,
      }
    : { outcome, status: 0, headers: outcome.setHeaders, text, code: null };
}

async function bodyText(body: ChainOutcome["body"]): Promise<string> {
  if (body === null) return "";
  if (typeof body === "string") return body;
  if (body instanceof ReadableStream) return await Bun.readableStreamToText(body);
  return new TextDecoder().decode(body);
}

/** A GET of the service as a step's `call`. */
export function get(path: string, rest: object = {}): object {
  return { upstream_id: "svc", method: "GET", path, ...rest };
}

/** A POST of the service as a step's `call`. */
export function post(path: string, rest: object = {}): object {
  return { upstream_id: "svc", method: "POST", path, ...rest };
}

export const ref = (...path: (string | number)[]): object => ({ $ref: path });
export const op = (name: string, ...args: unknown[]): object => ({ $op: name, args });

/** A latency that a test can end: resolves when `open` is called. */
export interface Gate {
  readonly passed: Promise<void>;
  open(): void;
}

export function gate(): Gate {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { passed: promise, open: resolve };
}

/** Waits until something holds, for at most ten seconds. */
export async function until(holds: () => boolean): Promise<void> {
  const end = performance.now() + 10_000;
  while (!holds()) {
    if (performance.now() > end) throw new Error("waited ten seconds in vain");
    await Bun.sleep(1);
  }
}

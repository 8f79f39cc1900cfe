import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConfigStore, openStore } from "@catena/store";
import { createWireTransport } from "@catena/upstream";
import { type DirectTargets, directTargets } from "../testbed/direct-targets.ts";
import {
  isToldFromTheStart,
  type Ledger,
  SAGA_STEPS,
  startLedger,
  type Verdict,
} from "../testbed/ledger.ts";
import { dropUndo, listUndo, retryUndo } from "./work-off.ts";

const CHILD = join(import.meta.dir, "..", "testbed", "saga-child.ts");

let folder: string;
let ledger: Ledger;
let targets: DirectTargets;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "catena-saga-"));
  ledger = startLedger();
  targets = directTargets({}, createWireTransport());
});
afterAll(async () => {
  ledger.stop();
  await targets.transport.close();
  rmSync(folder, { recursive: true });
});

interface Kill {
  /** The call during which the process is killed, counted from 0. */
  readonly at: number;
  /** Whether the service still does what that call says. */
  readonly isDone: boolean;
  /** What ends the chain before that, so that undo calls are made. */
  readonly cause: "none" | "step-fails" | "client-leaves";
  /** The step at which it does. */
  readonly step: number;
  readonly undoFails: boolean;
}

/** Every call of every course the saga can take; courses that begin the same are taken once. */
const kills: Kill[] = [];
for (const isDone of [true, false]) {
  for (let at = 0; at < 6; at++)
    kills.push({ at, isDone, cause: "none", step: 6, undoFails: false });
  for (let step = 1; step < 6; step++) {
    for (let at = step + 1; at < 2 * step + 1; at++) {
      kills.push({ at, isDone, cause: "step-fails", step, undoFails: false });
      kills.push({ at, isDone, cause: "step-fails", step, undoFails: true });
      // Nothing is left to stop when a client leaves during the last step: the chain succeeds.
      if (step < 5) kills.push({ at, isDone, cause: "client-leaves", step, undoFails: false });
    }
  }
}

/** Runs the chain in a process of its own and kills it without warning during a call. */
async function runAndKill(kill: Kill, url: string): Promise<void> {
  const { at, isDone, cause, step, undoFails } = kill;
  const name = SAGA_STEPS[step] ?? "";
  let child: Bun.Subprocess | null = null;
  ledger.reset((call, index): Verdict => {
    if (index === at) {
      child?.kill("SIGKILL");
      return isDone ? "lose" : "refuse";
    }
    if (call.kind === "undo") return undoFails && call.step === "s1" ? "refuse" : "answer";
    return cause === "step-fails" && call.step === name ? "refuse" : "answer";
  });
  const leavesAt = cause === "client-leaves" ? name : "";
  child = Bun.spawn([process.execPath, CHILD, url, ledger.url, leavesAt], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  await child.exited;
  expect(child.signalCode).toBe("SIGKILL");
}

async function expectNothingLost(store: ConfigStore): Promise<void> {
  const left = new Set(
    (await listUndo(store)).flatMap(({ steps }) => steps.map(({ step }) => step)),
  );
  for (const step of SAGA_STEPS) {
    const keys = ledger.undone.get(step)?.size ?? 0;
    // More than one key would be a second undo to the service.
    expect(keys).toBeLessThanOrEqual(1);
    if (ledger.done.has(step)) expect(keys === 1 || left.has(step)).toBe(true);
    if (left.has(step)) expect(isToldFromTheStart(step)).toBe(false);
  }
}

describe("saga drill with the process killed", () => {
  test.each(kills.map((kill) => [JSON.stringify(kill), kill] as const))(
    "%s",
    async (name, kill) => {
      const file = join(folder, `${Bun.hash(name).toString(36)}.db`);
      const url = `sqlite:${file}`;
      await runAndKill(kill, url);
      const store = openStore(url);
      const [record] = await listUndo(store);
      expect(record).toMatchObject({ chain: "saga", isOwned: true });
      const id = record!.id;
      for (const step of ledger.done)
        expect(record!.steps.map((each) => each.step)).toContain(step);
      expect(
        await retryUndo(store, id, { targets }).catch((error: unknown) => error),
      ).toMatchObject({
        code: "UNDO_OWNED",
      });
      // From here on every service is well.
      ledger.decide(() => "answer");
      const later = { targets, nowMs: Date.now() + 600_000 };
      const left = await retryUndo(store, id, later);
      await expectNothingLost(store);
      if (left !== null) {
        // What cannot be told without a response stays, however often it is tried.
        expect(await retryUndo(store, id, later)).toEqual(left);
        await dropUndo(store, id, later);
      }
      expect(await listUndo(store)).toEqual([]);
      await store.close();
    },
  );
});

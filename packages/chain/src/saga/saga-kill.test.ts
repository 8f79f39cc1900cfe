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

/**
 * When the process ends, of the time between a call and the next one: the service has the call and did
 * nothing yet; it did what the call says and its answer is lost; its answer has come.
 */
const MOMENTS = ["called", "done", "answered"] as const;

interface Kill {
  /** The call at which the process is killed, counted from 0. */
  readonly at: number;
  readonly moment: (typeof MOMENTS)[number];
  /** What ends the chain before that, so that undo calls are made. */
  readonly cause: "none" | "step-fails" | "client-leaves";
  /** The step at which it does. */
  readonly step: number;
  readonly undoFails: boolean;
}

/** Every call of every course the saga can take; courses that begin the same are taken once. */
const kills: Kill[] = MOMENTS.flatMap((moment) => [
  ...callsFrom(6, 0).map((at): Kill => ({ at, moment, cause: "none", step: 6, undoFails: false })),
  ...[false, true].flatMap((undoFails) =>
    [0, 1, 2, 3, 4, 5].flatMap((step): Kill[] => {
      // A step that fails is not undone itself; the one at which the client leaves ends, and is. The
      // first step's undo is the last one made, and is tried twice where it fails.
      const more = undoFails ? 1 : 0;
      const failing = step === 0 ? [] : callsFrom(step + more, step + 1);
      // Nothing is left to stop when a client leaves during the last step: the chain succeeds.
      const leaving = step === 5 ? [] : callsFrom(step + 1 + more, step + 1);
      return [
        ...failing.map((at): Kill => ({ at, moment, cause: "step-fails", step, undoFails })),
        ...leaving.map((at): Kill => ({ at, moment, cause: "client-leaves", step, undoFails })),
      ];
    }),
  ),
]);

/** So many calls in a row, from one on. */
function callsFrom(count: number, from: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => from + i);
}

/** Runs the chain in a process of its own and kills it without warning at a call. */
async function runAndKill(kill: Kill, url: string): Promise<void> {
  const { at, moment, cause, step, undoFails } = kill;
  const name = SAGA_STEPS[step] ?? "";
  let child: Bun.Subprocess | null = null;
  ledger.reset((call, index): Verdict => {
    if (index === at && moment !== "answered") {
      child?.kill("SIGKILL");
      return moment === "done" ? "lose" : "refuse";
    }
    if (call.kind === "undo") return undoFails && call.step === "s1" ? "refuse" : "answer";
    return cause === "step-fails" && call.step === name ? "refuse" : "answer";
  });
  const leavesAt = cause === "client-leaves" ? name : "";
  const diesAfter = moment === "answered" ? String(at) : "";
  child = Bun.spawn([process.execPath, CHILD, url, ledger.url, leavesAt, diesAfter], {
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

/** `the client leaves at s3, undo fails, killed when call 5 is done`. */
function describeKill({ at, moment, cause, step, undoFails }: Kill): string {
  const place = SAGA_STEPS[step] ?? "";
  const course = {
    none: "nothing fails",
    "step-fails": `${place} fails`,
    "client-leaves": `the client leaves at ${place}`,
  }[cause];
  return `${course}, undo ${undoFails ? "fails" : "works"}, killed when call ${at} is ${moment}`;
}

describe("saga drill with the process killed", () => {
  test.each(kills.map((kill) => [describeKill(kill), kill] as const))("%s", async (name, kill) => {
    const file = join(folder, `${Bun.hash(name).toString(36)}.db`);
    const url = `sqlite:${file}`;
    await runAndKill(kill, url);
    const store = openStore(url);
    const [record] = await listUndo(store);
    expect(record).toMatchObject({ chain: "saga", isOwned: true });
    const id = record!.id;
    for (const step of ledger.done) expect(record!.steps.map((each) => each.step)).toContain(step);
    expect(await retryUndo(store, id, { targets }).catch((error: unknown) => error)).toMatchObject({
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
  });
});

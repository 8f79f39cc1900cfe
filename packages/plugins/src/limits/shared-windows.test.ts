import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SharedCounts } from "./shared-counts.ts";
import { SharedFixedWindows, SharedSlidingWindows } from "./shared-windows.ts";
import { FixedWindows, SlidingWindows, type WindowCounters } from "./window-counters.ts";

/** Memory with room for so many keys. */
const memory = (slots = 1024) => new Int32Array(8 + slots * 4);

/** Numbers from a seed, each below `below`. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const pairs: readonly (readonly [
  string,
  () => WindowCounters,
  (counts: SharedCounts, clock: () => number) => WindowCounters,
])[] = [
  [
    "fixed",
    () => new FixedWindows(),
    (counts, clock) => new SharedFixedWindows(counts, "a limit", clock),
  ],
  [
    "sliding",
    () => new SlidingWindows(),
    (counts, clock) => new SharedSlidingWindows(counts, "a limit", clock),
  ],
];

describe.each(pairs)("%s windows", (_name, createOwn, createShared) => {
  test("shared by two count as one that counts alone does", () => {
    const random = randomFrom(20_261_124);
    let nowMs = 1_795_527_569_000;
    const counts = [memory()].flatMap((words) => [
      new SharedCounts(words),
      new SharedCounts(words),
    ]);
    const own = createOwn();
    const shared = counts.map((one) => createShared(one, () => nowMs));
    for (let request = 0; request < 20_000; request++) {
      nowMs += random(8) * 10;
      const key = `k${random(5)}`;
      const limit = 5 + random(3);
      const expected = own.count(key, limit, 1000, nowMs);
      const counted = shared[random(2)]?.count(key, limit, 1000, nowMs);
      expect(counted?.accepted).toBe(expected.accepted);
      expect(counted?.remaining).toBe(expected.remaining);
      // A window may end one hundredth later, so that it is told from the one before.
      expect(Math.abs((counted?.resetMs ?? 0) - expected.resetMs)).toBeLessThanOrEqual(10);
    }
  });

  test("of different limits count apart", () => {
    const counts = new SharedCounts(memory());
    const one = createShared(counts, () => 5000);
    const other = new SharedFixedWindows(counts, "another limit", () => 5000);
    expect(one.count("k", 1, 1000, 0).accepted).toBe(true);
    expect(one.count("k", 1, 1000, 0).accepted).toBe(false);
    expect(other.count("k", 1, 1000, 0).accepted).toBe(true);
  });

  test("begin anew when the clock was set back", () => {
    let nowMs = 1_000_000_000;
    const windows = createShared(new SharedCounts(memory()), () => nowMs);
    expect(windows.count("k", 1, 1000, 0).accepted).toBe(true);
    nowMs -= 3_600_000;
    expect(windows.count("k", 1, 1000, 0).accepted).toBe(true);
    expect(windows.count("k", 1, 1000, 0).accepted).toBe(false);
  });

  test("with a limit beyond what is shared are counted by each alone", () => {
    const windows = createShared(new SharedCounts(memory()), () => 5000);
    expect(windows.count("k", 20_000_000, 1000, 0)).toMatchObject({ remaining: 19_999_999 });
  });
});

test.each(["fixed", "sliding"])("two processes at once let in just the limit, %s", async (kind) => {
  const folder = mkdtempSync(join(tmpdir(), "catena-counts-"));
  const file = join(folder, "counts");
  writeFileSync(file, new Uint8Array(1024 * 1024));
  const child = join(import.meta.dir, "../testbed/count-child.ts");
  const [keys, limit, rounds] = [5000, 30, 25];
  const count = async (): Promise<readonly number[]> => {
    const args = [file, kind, keys, limit, rounds].map(String);
    const counting = Bun.spawn([process.execPath, child, ...args], { stderr: "inherit" });
    return JSON.parse(await counting.stdout.text());
  };
  const [one = [], other = []] = await Promise.all([count(), count()]);
  const sums = one.map((accepted, key) => accepted + (other[key] ?? 0));
  expect(sums).toHaveLength(keys);
  expect(new Set(sums)).toEqual(new Set([limit]));
  rmSync(folder, { recursive: true });
});

describe("shared counts", () => {
  test("the time may pass any number of units", () => {
    const counts = new SharedCounts(memory());
    const place = counts.place("k");
    for (const now of [2 ** 31 - 5, -(2 ** 31) + 20, -100, -10, 20]) {
      expect(counts.take(place, 1, now, 10, 20)).toMatchObject({ accepted: true, used: 1 });
      expect(counts.take(place, 1, now, 10, 20)).toMatchObject({ accepted: false, used: 1 });
    }
  });

  test("more keys than there is room for: the windows that end first go", () => {
    const counts = new SharedCounts(memory(16));
    for (let key = 0; key < 1000; key++) {
      expect(counts.take(counts.place(`k${key}`), 5, key, 100, 200).accepted).toBe(true);
    }
    expect(counts.read(counts.place("k999"), 999)).toBe(1);
    expect(counts.read(counts.place("k0"), 999)).toBe(0);
  });

  test("places depend on the salt of the memory", () => {
    const words = memory();
    words.fill(7, 0, 8);
    expect(new SharedCounts(words).place("k")).not.toEqual(new SharedCounts(memory()).place("k"));
  });
});

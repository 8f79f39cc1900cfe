import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import { DeadlineSweep, type Timed } from "./deadline-sweep.ts";

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

class Entry implements Timed {
  sweepSlot = -1;
  expired = 0;
  dueAt: number;
  readonly #onExpire: (entry: Entry) => void;
  constructor(dueAt: number, onExpire: (entry: Entry) => void) {
    this.dueAt = dueAt;
    this.#onExpire = onExpire;
  }
  expire(): void {
    this.expired++;
    this.#onExpire(this);
  }
}

test("expires what is due, once, and nothing else", () => {
  const sweep = new DeadlineSweep();
  const leave = (entry: Entry): void => sweep.remove(entry);
  const past = [1, 2, 3].map(() => new Entry(-1, leave));
  const never = new Entry(Number.POSITIVE_INFINITY, leave);
  for (const entry of [past[0]!, never, past[1]!, past[2]!]) sweep.add(entry);
  sweep.callStarted();
  jest.advanceTimersByTime(20);
  jest.advanceTimersByTime(20);
  expect(past.map((entry) => entry.expired)).toEqual([1, 1, 1]);
  expect(never.expired).toBe(0);
});

test("removing twice, or what was never added, changes nothing", () => {
  const sweep = new DeadlineSweep();
  const [a, b] = [new Entry(-1, () => {}), new Entry(-1, (entry) => sweep.remove(entry))];
  sweep.add(a);
  sweep.add(b);
  sweep.remove(a);
  sweep.remove(a);
  sweep.remove(new Entry(-1, () => {}));
  sweep.callStarted();
  jest.advanceTimersByTime(20);
  expect([a.expired, b.expired]).toEqual([0, 1]);
});

test("looks every second while no call runs, every 20 ms while one does", () => {
  const sweep = new DeadlineSweep();
  const entry = new Entry(-1, (found) => {
    found.dueAt = Number.POSITIVE_INFINITY;
  });
  sweep.add(entry);
  jest.advanceTimersByTime(999);
  expect(entry.expired).toBe(0);
  jest.advanceTimersByTime(1);
  expect(entry.expired).toBe(1);
  entry.dueAt = -1;
  sweep.callStarted();
  jest.advanceTimersByTime(20);
  expect(entry.expired).toBe(2);
});

test("stops when nothing is watched and nothing runs", () => {
  const sweep = new DeadlineSweep();
  const entry = new Entry(Number.POSITIVE_INFINITY, () => {});
  sweep.add(entry);
  sweep.callStarted();
  sweep.callEnded();
  sweep.remove(entry);
  jest.advanceTimersByTime(5_000);
  expect(jest.getTimerCount()).toBe(0);
  sweep.add(entry);
  expect(jest.getTimerCount()).toBe(1);
});

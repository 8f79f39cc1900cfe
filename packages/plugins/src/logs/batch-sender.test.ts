import { describe, expect, test } from "bun:test";
import type { PluginLog } from "@catena/pipeline";
import { type BatchOptions, BatchSender, PendingEntries } from "./batch-sender.ts";

interface SetUp extends Partial<BatchOptions> {
  readonly limit?: number;
  /** Messages that fail before the first is taken. */
  readonly failing?: number;
}

function setUp({ limit = 100, failing = 0, ...options }: SetUp = {}) {
  const sent: string[] = [];
  const told: string[] = [];
  const log: PluginLog = {
    warn: (message, fields) => told.push(`${message} ${fields?.["entries"] ?? ""}`),
    error: (message, fields) =>
      told.push(`${message} ${fields?.["entries"] ?? fields?.["dropped"] ?? ""}`),
  };
  const pending = new PendingEntries();
  let left = failing;
  const waiters: (() => void)[] = [];
  const sender = new BatchSender<number>(
    {
      name: "test",
      maxEntries: 3,
      inactiveMs: 60_000,
      durationMs: 60_000,
      retries: 0,
      retryDelayMs: 60_000,
      ...options,
    },
    limit,
    pending,
    (entries) => {
      const text = entries.join(",");
      sent.push(left > 0 ? `${text} failed` : text);
      for (const waiter of waiters.splice(0)) waiter();
      return left-- > 0 ? Promise.reject(new Error("no")) : Promise.resolve();
    },
    log,
  );
  const nextSent = () => new Promise<void>((resolve) => waiters.push(resolve));
  return { sender, sent, told, pending, nextSent };
}

describe("entries are sent", () => {
  test("when there are enough of them", async () => {
    const { sender, sent, pending } = setUp();
    for (const n of [1, 2, 3, 4]) sender.push(n);
    expect(sent).toEqual(["1,2,3"]);
    await sender.close();
    expect(sent).toEqual(["1,2,3", "4"]);
    expect(pending.count).toBe(0);
  });

  test("when no other came for a while, and when the first has waited long enough", async () => {
    for (const options of [{ inactiveMs: 1 }, { inactiveMs: 1, durationMs: 1 }]) {
      const { sender, sent, nextSent } = setUp(options);
      sender.push(1);
      await nextSent();
      expect(sent).toEqual(["1"]);
    }
  });

  test("at once after the end, since requests may still be ending", async () => {
    const { sender, sent } = setUp();
    await sender.close();
    sender.push(1);
    expect(sent).toEqual(["1"]);
  });
});

describe("a message that fails", () => {
  test("is sent again as often as it may be, and then dropped", async () => {
    const { sender, sent, told, pending, nextSent } = setUp({
      failing: 9,
      retries: 1,
      retryDelayMs: 0,
      maxEntries: 1,
    });
    sender.push(1);
    await nextSent();
    await sender.close();
    expect(sent).toEqual(["1 failed", "1 failed"]);
    expect(told).toEqual([
      "log entries can't be sent yet 1",
      "log entries are dropped: they can't be sent 1",
    ]);
    expect(pending).toMatchObject({ count: 0, dropped: 1 });
  });

  test("gets one more try at the end", async () => {
    const { sender, sent } = setUp({ failing: 1, retries: 5, maxEntries: 1 });
    sender.push(1);
    await Promise.resolve();
    await Promise.resolve();
    await sender.close();
    expect(sent).toEqual(["1 failed", "1"]);
  });
});

test("no more entries wait than may, and those that are dropped are counted", async () => {
  const { sender, sent, told, pending } = setUp({ limit: 2, maxEntries: 10 });
  for (const n of [1, 2, 3, 4]) sender.push(n);
  expect(pending).toMatchObject({ count: 2, dropped: 2 });
  expect(told).toEqual(["log entries are dropped: too many wait 1"]);
  await sender.close();
  expect(sent).toEqual(["1,2"]);
});

import { describe, expect, test } from "bun:test";
import type { PhaseHandlers } from "@catena/pipeline";
import { PluginLives } from "./plugin-lives.ts";
import type { MadePlugin, OwnedPlugin, PluginSet } from "./plugin-set.ts";

const handlers = (): PhaseHandlers => ({
  rewrite: [],
  access: [],
  beforeProxy: [],
  headerFilter: [],
  bodyFilter: [],
  log: [],
});

function setOf(...disposers: (() => void | Promise<void>)[]): PluginSet {
  const meta = { disabled: false, priority: undefined, filter: null, errorBody: null };
  const made = disposers.map((dispose, i): [OwnedPlugin, MadePlugin] => [
    { name: `p${i}`, conf: {}, owner: "routes/1" },
    { priority: 0, meta, bare: { dispose }, handlers: {} },
  ]);
  return { handlers: handlers(), made: new Map(made) };
}

function setUp() {
  const inUse = new Set<PhaseHandlers>();
  const errors: string[] = [];
  const log = { info() {}, warn() {}, error: (message: string) => errors.push(message) };
  const lives = new PluginLives(() => inUse, log);
  return { lives, inUse, errors };
}

describe("a retired life", () => {
  test("ends once no request has its handlers, and only once", async () => {
    const { lives, inUse } = setUp();
    const ended = Promise.withResolvers<void>();
    let times = 0;
    const life = lives.begin(
      setOf(() => {
        times++;
        ended.resolve();
      }),
    );
    const used = handlers();
    lives.bind(used, [life]);
    inUse.add(used);
    lives.retire(life);
    lives.retire(life);
    // Another one that is used by nobody shows that there was a look in between.
    const other = Promise.withResolvers<void>();
    lives.retire(lives.begin(setOf(() => other.resolve())));
    await other.promise;
    expect(times).toBe(0);
    inUse.clear();
    await ended.promise;
    await lives.close();
    expect(times).toBe(1);
  });

  test("leaves out what an earlier one has", async () => {
    const { lives } = setUp();
    const ended: string[] = [];
    const set = setOf(
      () => void ended.push("0"),
      () => void ended.push("1"),
    );
    const [first] = set.made;
    lives.begin(set, new Map(first === undefined ? [] : [first]));
    await lives.close();
    expect(ended).toEqual(["1"]);
  });
});

test("closing ends what lives and what waits, and one that fails keeps no other from it", async () => {
  const { lives, inUse, errors } = setUp();
  const ended: string[] = [];
  const failing = lives.begin(setOf(() => Promise.reject(new Error("no"))));
  const waiting = lives.begin(setOf(() => void ended.push("waiting")));
  lives.begin(setOf(() => void ended.push("living")));
  const used = handlers();
  lives.bind(used, [waiting, failing]);
  inUse.add(used);
  lives.retire(waiting);
  await lives.close();
  expect(ended.sort()).toEqual(["living", "waiting"]);
  expect(errors).toEqual(["a plugin did not end well"]);
});

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { JsonObject } from "@catena/schema";
import { createLog } from "../log.ts";
import { createManagerClient } from "./managers/manager-client.ts";
import type { SecretAnswer } from "./secret-answer.ts";
import { SecretBook, type SecretBookOptions } from "./secret-book.ts";

const longTime = 3_600_000;
let logged: Readonly<Record<string, unknown>>[];
let asked: string[];
let answers: Map<string, SecretAnswer | Promise<SecretAnswer>>;
let resources: Map<string, JsonObject>;
let changes: number;
let book: SecretBook;

function open(options: Partial<SecretBookOptions> = {}): SecretBook {
  return new SecretBook({
    environment: { NAME: "value", TOKEN: "token-of-the-environment" },
    resource: (id) => resources.get(id),
    managers: {
      calls: {
        vault: {
          lookUp: async (conf, path) => {
            const { token, account } = conf;
            asked.push(`${String(token ?? Object(account).key)} ${path}`);
            const answer = answers.get(path);
            if (answer === undefined) throw new Error("a text with a secret in it");
            return await answer;
          },
        },
      },
      client: () => createManagerClient({ timeoutMs: 1000 }),
    },
    ttlMs: longTime,
    retryMs: longTime,
    waitMs: 10_000,
    maxReferences: 100,
    onChange: () => changes++,
    log: createLog((line) => logged.push(JSON.parse(line))),
    ...options,
  });
}

const found = (value: string): SecretAnswer => ({ kind: "found", value });
const reference = (path: string) => `$secret://vault/1/${path}`;
const none = new Map<string, JsonObject | undefined>();

async function until(holds: () => boolean): Promise<void> {
  const giveUpAt = performance.now() + 10_000;
  while (!holds()) {
    if (performance.now() > giveUpAt) throw new Error("waited in vain");
    await Bun.sleep(1);
  }
}

beforeEach(() => {
  [logged, asked, changes] = [[], [], 0];
  answers = new Map();
  resources = new Map([["vault/1", { token: "t" }]]);
  book = open();
});
afterEach(() => book.stop());

describe("before they are used", () => {
  test("secrets of managers are waited for, those of the environment are there", async () => {
    answers.set("a/b", found("one"));
    expect(book.prepare(["$env://NAME"], none)).toBeNull();
    await book.prepare([reference("a/b"), "$env://NAME"], none);
    expect([book.read(reference("a/b")), book.read("$env://NAME")]).toEqual(["one", "value"]);
    expect(book.prepare([reference("a/b")], none)).toBeNull();
    expect(asked).toEqual(["t a/b"]);
  });

  test("two that wait for one secret ask once", async () => {
    const { promise, resolve } = Promise.withResolvers<SecretAnswer>();
    answers.set("a/b", promise);
    const waits = [1, 2].map(() => book.prepare([reference("a/b")], none));
    resolve(found("one"));
    await Promise.all(waits);
    expect(asked.length).toBe(1);
  });

  test("they are waited for no longer than that", async () => {
    book.stop();
    book = open({ waitMs: 20 });
    const { promise, resolve } = Promise.withResolvers<SecretAnswer>();
    answers.set("a/b", promise);
    await book.prepare([reference("a/b")], none);
    book.use("routes/1", new Set([reference("a/b")]));
    expect(book.read(reference("a/b"))).toBeNull();
    expect(book.unresolved(10)).toMatchObject([{ reason: "it is being looked up" }]);
    resolve(found("late"));
    await until(() => changes > 0);
    expect(book.takeOutdated()).toEqual(["routes/1"]);
    expect(book.read(reference("a/b"))).toBe("late");
  });

  test("a manager's own token may be in the environment", async () => {
    resources.set("vault/1", { token: "$env://TOKEN" });
    answers.set("a/b", found("one"));
    await book.prepare([reference("a/b")], none);
    resources.set("vault/1", { account: { key: "$ENV://TOKEN" } });
    answers.set("a/c", found("two"));
    await book.prepare([reference("a/c")], none);
    expect(asked).toEqual(["token-of-the-environment a/b", "token-of-the-environment a/c"]);
  });
});

describe("what becomes of a value", () => {
  const use = async (path = "a/b") => {
    await book.prepare([reference(path)], none);
    book.use("routes/1", new Set([reference(path)]));
    book.takeOutdated();
  };
  const again = (conf: JsonObject | undefined = { token: "t" }) =>
    book.prepare([], new Map([["vault/1", conf]]));

  test.each<readonly [string, SecretAnswer, string | null, boolean]>([
    ["another one takes its place", found("two"), "two", true],
    ["the same one changes nothing", found("one"), "one", false],
    ["one that is gone is void", { kind: "missing", reason: "gone" }, null, true],
    ["while nobody answers it stays", { kind: "failed", reason: "down" }, "one", false],
  ])("%s", async (_, answer, value, isOutdated) => {
    answers.set("a/b", found("one"));
    await use();
    answers.set("a/b", answer);
    await again();
    expect(book.read(reference("a/b"))).toBe(value);
    expect(book.takeOutdated()).toEqual(isOutdated ? ["routes/1"] : []);
    expect(changes).toBe(isOutdated ? 1 : 0);
    const reasons = book
      .unresolved(10)
      .map(({ reason, serving_previous }) => [reason, serving_previous]);
    const expected = answer.kind === "found" ? [] : [[answer.reason, value !== null]];
    expect(reasons).toEqual(expected);
  });

  test("it is asked for anew when it is old, and when asking failed", async () => {
    book.stop();
    book = open({ ttlMs: 5, retryMs: 5 });
    answers.set("a/b", found("one"));
    await use();
    answers.set("a/b", { kind: "failed", reason: "down" });
    await until(() => book.unresolved(1).length > 0);
    answers.set("a/b", found("two"));
    await until(() => book.read(reference("a/b")) === "two");
    expect(logged.map(({ message }) => message)).toEqual([
      "a secret can't be resolved",
      "a secret is resolved again",
    ]);
  });

  test("nothing is asked for that nobody uses any more", async () => {
    book.stop();
    book = open({ ttlMs: 5 });
    answers.set("a/b", found("one"));
    await use();
    await until(() => asked.length > 2);
    book.use("routes/1", new Set());
    expect(book.size).toBe(0);
    const { length } = asked;
    answers.set("c/d", found("other"));
    await use("c/d");
    await until(() => asked.filter((one) => one.endsWith("c/d")).length > 2);
    expect(asked.slice(length).filter((one) => one.endsWith("a/b")).length).toBeLessThanOrEqual(1);
  });

  test("without its resource there is none", async () => {
    answers.set("a/b", found("one"));
    await use();
    await again(undefined);
    // The map says that the resource is gone, which is another thing than not to be in it.
    await book.prepare([], new Map([["vault/1", undefined]]));
    expect(book.read(reference("a/b"))).toBeNull();
    expect(book.unresolved(1)).toMatchObject([{ reason: "there is no secrets/vault/1" }]);
  });

  test("an answer of a manager that was replaced meanwhile is not taken", async () => {
    const { promise, resolve } = Promise.withResolvers<SecretAnswer>();
    answers.set("a/b", promise);
    const first = book.prepare([reference("a/b")], none);
    answers.set("a/b", found("of the new one"));
    await again({ token: "new" });
    resolve(found("of the old one"));
    await first;
    expect(book.read(reference("a/b"))).toBe("of the new one");
  });

  test("a fault of a manager is told without its text", async () => {
    await use("not/there");
    const shown = JSON.stringify([book.unresolved(1), logged]);
    expect(shown).toContain("the manager can't be asked");
    expect(shown).not.toContain("a text with a secret in it");
  });
});

describe("limits", () => {
  test("no more references are followed than the setting says", async () => {
    book.stop();
    book = open({ maxReferences: 2 });
    for (const path of ["a/a", "a/b", "a/c"]) answers.set(path, found(path));
    const references = ["a/a", "a/b", "a/c"].map(reference);
    await book.prepare(references, none);
    book.use("routes/1", new Set(references));
    expect(references.map((text) => book.read(text))).toEqual(["a/a", "a/b", null]);
    expect(book.unresolved(10)).toMatchObject([
      { reason: "there are more references than the setting secrets.references" },
    ]);
  });

  test("those that nobody came to use make room", async () => {
    book.stop();
    book = open({ maxReferences: 1 });
    answers.set("a/a", found("a"));
    answers.set("a/b", found("b"));
    await book.prepare([reference("a/a")], none);
    await book.prepare([reference("a/b")], none);
    expect(book.read(reference("a/b"))).toBe("b");
  });
});

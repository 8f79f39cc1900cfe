import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore } from "@catena/store";
import { createLog } from "../log.ts";
import { defaults } from "../settings/settings.ts";
import { version } from "../start-gateway.ts";
import { claimPort } from "./claim-port.ts";
import type { WorkerNote, WorkerOrder } from "./protocol.ts";
import { WorkerRuntime } from "./worker-runtime.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A worker in this process, which remembers what it tells and how it ends. */
function createWorker() {
  const folder = mkdtempSync(join(tmpdir(), "catena-worker-"));
  folders.push(folder);
  const { port } = claimPort({ hostname: "127.0.0.1", port: 0 }, "listen");
  const notes: WorkerNote[] = [];
  const lines: string[] = [];
  const ended = Promise.withResolvers<number>();
  const runtime = new WorkerRuntime({
    tell: (note) => notes.push(note),
    openStore,
    exit: ended.resolve,
    log: createLog((line) => lines.push(line)),
  });
  const settings = {
    ...defaults,
    store: `sqlite:${join(folder, "store.db")}`,
    listen: `127.0.0.1:${port}`,
    drainSeconds: 0,
  };
  const start = (changes: Partial<Extract<WorkerOrder, { kind: "start" }>> = {}) =>
    runtime.take({ kind: "start", version, settings, isFirst: true, sharedFd: null, ...changes });
  const told = async (kind: WorkerNote["kind"]): Promise<WorkerNote> => {
    for (;;) {
      const note = notes.find((one) => one.kind === kind);
      if (note !== undefined) return note;
      await Bun.sleep(1);
    }
  };
  const url = `http://127.0.0.1:${port}/`;
  return { runtime, notes, lines, ended: ended.promise, start, told, url };
}

describe("a worker", () => {
  test("listens when it is told to, answers its supervisor, and ends when told to", async () => {
    const { runtime, ended, start, told, url } = createWorker();
    start();
    await told("loaded");
    await expect(fetch(url)).rejects.toThrow();
    runtime.take({ kind: "listen" });
    await told("listening");
    expect((await fetch(url)).status).toBe(404);
    runtime.take({ kind: "ask", id: 7, question: { about: "status" } });
    expect(await told("answer")).toMatchObject({
      id: 7,
      answer: { status: "ok", workers: [{ pid: process.pid, state: "serving" }] },
    });
    runtime.take({ kind: "stop" });
    expect(await ended).toBe(0);
    await told("closed");
  });

  test("passes on what its Control API says", async () => {
    const { runtime, ended, start, told } = createWorker();
    start();
    await told("loaded");
    const question = { about: "control", method: "GET", target: "/v1/routes", accept: "" } as const;
    runtime.take({ kind: "ask", id: 1, question });
    expect(await told("answer")).toMatchObject({
      id: 1,
      answer: { status: 200, contentType: expect.stringContaining("application/json"), body: "[]" },
    });
    runtime.take({ kind: "stop" });
    expect(await ended).toBe(0);
  });

  test.each([null, { index: 0, count: 1 }])("leaves from seat %p", async (seat) => {
    const { runtime, ended, start, told, url } = createWorker();
    start();
    runtime.take({ kind: "listen" });
    runtime.take({ kind: "leave", seat });
    expect((await fetch(url)).headers.get("connection")).toBe("close");
    await told("closed");
    expect(await ended).toBe(0);
    await expect(fetch(url)).rejects.toThrow();
  });

  test("ends by itself when its supervisor is gone", async () => {
    const { runtime, lines, ended, start } = createWorker();
    start();
    runtime.take({ kind: "listen" });
    runtime.orphaned();
    expect(await ended).toBe(0);
    expect(lines.join()).toContain("the supervisor is gone");
  });

  test("wants to be replaced after an error that nobody caught, and serves until then", async () => {
    const { runtime, lines, ended, start, told, url } = createWorker();
    start();
    runtime.take({ kind: "listen" });
    runtime.faulty(new Error("half done"));
    await told("replace-me");
    expect(lines.join()).toContain("half done");
    expect((await fetch(url)).ok).toBe(false);
    runtime.take({ kind: "stop" });
    expect(await ended).toBe(0);
  });

  test("refuses a supervisor of another version", async () => {
    const { ended, start, told } = createWorker();
    start({ version: "0.0.0" });
    expect(await told("failed")).toMatchObject({ code: "WORKER_FAILED" });
    expect(await ended).toBe(1);
  });

  test("names the address that it can't listen on", async () => {
    const { runtime, ended, start, told, url } = createWorker();
    const other = Bun.serve({
      hostname: "127.0.0.1",
      port: Number(new URL(url).port),
      fetch: () => new Response(),
    });
    start();
    runtime.take({ kind: "listen" });
    expect(await told("failed")).toMatchObject({ code: "LISTEN_FAILED" });
    expect(await ended).toBe(1);
    await other.stop(true);
  });
});

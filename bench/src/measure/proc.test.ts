import { describe, expect, test } from "bun:test";
import { descendants, parseProcStat, parseResidentBytes, readProcessTree } from "./proc.ts";

const tail = "S 1 42 42 0 -1 4194560 100 200 0 0 11 22 33 44 20 0 1 0 500 1000 300";

describe("parseProcStat", () => {
  const expected = { pid: 42, parentPid: 1, ownTicks: 33, reapedTicks: 77 };
  const cases = [
    { name: "a plain name", text: `42 (nginx) ${tail}\n` },
    { name: "a name with spaces", text: `42 (tokio worker) ${tail}` },
    { name: "a name that looks like the end of the name", text: `42 (a) R 7 (b) ${tail}` },
    { name: "an empty name", text: `42 () ${tail}` },
  ];
  test.each(cases)("reads $name", ({ text }) => {
    expect(parseProcStat(text)).toEqual(expected);
  });

  test.each(["", "42", "42 (nginx)", "x (nginx) S 1", "42 (nginx) S 1 42"])(
    "refuses %p",
    (text) => {
      expect(parseProcStat(text)).toBeNull();
    },
  );
});

describe("parseResidentBytes", () => {
  test("is in bytes", () => {
    expect(parseResidentBytes("Name:\tbun\nVmRSS:\t    2048 kB\nThreads:\t1\n")).toBe(2_097_152);
  });

  test("is null for a process without memory", () => {
    expect(parseResidentBytes("Name:\tbun\nState:\tZ (zombie)\n")).toBeNull();
  });
});

describe("descendants", () => {
  const stat = (pid: number, parentPid: number) => ({
    pid,
    parentPid,
    ownTicks: 1,
    reapedTicks: 0,
  });

  test("finds children of children and leaves strangers out", () => {
    const root = stat(10, 1);
    const all = [stat(30, 20), root, stat(20, 10), stat(40, 1), stat(50, 40)];
    expect(descendants(root, all).map((member) => member.pid)).toEqual([10, 20, 30]);
  });

  test("ends on a process that is its own parent", () => {
    const root = stat(0, 0);
    expect(descendants(root, [root, stat(1, 0)]).map((member) => member.pid)).toEqual([0, 1]);
  });
});

describe("readProcessTree", () => {
  test("counts the work of a child process", async () => {
    const burn = "let n = 0; const end = Date.now() + 150; while (Date.now() < end) n += 1; ";
    const child = Bun.spawn(
      ["bash", "-c", `bun -e '${burn} console.log("burnt"); setTimeout(() => {}, 60000)'; true`],
      { stdout: "pipe" },
    );
    try {
      const reader = child.stdout.getReader();
      await reader.read();
      const tree = readProcessTree(child.pid);
      expect(tree.pids.length).toBe(2);
      expect(tree.cpuMicros).toBeGreaterThanOrEqual(100_000);
      expect(tree.residentBytes).toBeGreaterThan(1_000_000);
      for (const pid of tree.pids.toReversed()) process.kill(pid, "SIGKILL");
    } finally {
      child.kill("SIGKILL");
      await child.exited;
    }
  });

  test("says so when the process is gone", async () => {
    const child = Bun.spawn(["true"]);
    await child.exited;
    expect(() => readProcessTree(child.pid)).toThrow(`process ${child.pid} has ended`);
  });
});

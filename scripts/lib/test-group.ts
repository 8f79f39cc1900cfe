import { readdirSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseJunit, type TestReport } from "./junit-report.ts";
import { findLeftProcesses, type LeftProcess } from "./left-processes.ts";
import { repositoryRoot } from "./repository.ts";

/** The test files of one folder, run by one `bun test`. */
export interface TestGroup {
  /** Relative to the repository's root, as are `files`. */
  readonly folder: string;
  readonly files: readonly string[];
}

export interface GroupResult {
  readonly passed: number;
  /** Names of what failed, with the reason where it is not a test's own failure. */
  readonly failed: readonly string[];
  readonly durationMs: number;
}

export interface GroupOptions {
  /** Ends the group, and everything it started, early. */
  readonly signal: AbortSignal;
  readonly limitMs: number;
  /** What becomes of the output; passed through when absent. */
  readonly stdio?: "inherit" | "ignore";
}

/** Per test, where it sets none: a machine shared by many needs more than Bun's 5 s. */
const testTimeoutMs = 30_000;
/** For processes that were told to end to be gone. */
const settleMs = 3_000;

/**
 * Runs a group with its output passed through, and counts from its JUnit report. One more test than
 * the files hold is counted: that neither a process nor a file in the temporary folder is left. A
 * skipped test is a failure, as is a file that did not load.
 */
export async function runGroup(group: TestGroup, options: GroupOptions): Promise<GroupResult> {
  const start = performance.now();
  const home = await mkdtemp(join(tmpdir(), "catena-test-"));
  try {
    const temporary = join(home, "tmp");
    await mkdir(temporary);
    const reportFile = join(home, "report.xml");
    const marker = `CATENA_TEST_GROUP=${home}`;
    const run = await runBunTest(group, reportFile, temporary, home, options);
    const left = await settle(run.pid, marker);
    for (const { pid } of left) kill(pid);
    if (left.length > 0) await settle(run.pid, marker);
    const files = readdirSync(temporary);
    const report = await readReport(reportFile);
    const failed = [
      ...judgeReport(group, report, run),
      ...left.map(({ pid, command }) => `${group.folder}: left a process: ${pid} ${command}`),
      ...files.map((file) => `${group.folder}: left a temporary file: ${file}`),
    ];
    const isTidy = left.length === 0 && files.length === 0;
    return {
      passed: report.passed + (isTidy ? 1 : 0),
      failed,
      durationMs: performance.now() - start,
    };
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

interface Run {
  readonly pid: number;
  /** Why it was ended before its time. */
  readonly stopped?: string;
  /** How it ended by itself, when not with code 0. */
  readonly ending?: string;
}

async function runBunTest(
  group: TestGroup,
  reportFile: string,
  temporary: string,
  marker: string,
  options: GroupOptions,
): Promise<Run> {
  const child = Bun.spawn(
    [
      ...["bun", "test", `--timeout=${testTimeoutMs}`],
      ...["--reporter=junit", `--reporter-outfile=${reportFile}`],
      ...group.files.map((file) => `./${file}`),
    ],
    {
      cwd: repositoryRoot,
      stdin: "ignore",
      stdout: options.stdio ?? "inherit",
      stderr: options.stdio ?? "inherit",
      // A session of its own, so that what it leaves can be found and ended.
      detached: true,
      env: { ...process.env, TMPDIR: temporary, CATENA_TEST_GROUP: marker },
    },
  );
  let stopped: string | undefined;
  const stop = (reason: string) => {
    stopped ??= reason;
    kill(-child.pid);
  };
  const interrupt = () => stop("was interrupted");
  const timer = setTimeout(() => stop(`took over ${options.limitMs / 1000} s`), options.limitMs);
  options.signal.addEventListener("abort", interrupt);
  await child.exited;
  clearTimeout(timer);
  options.signal.removeEventListener("abort", interrupt);
  const { pid, exitCode, signalCode } = child;
  if (stopped !== undefined) return { pid, stopped };
  return exitCode === 0
    ? { pid }
    : { pid, ending: `ended with ${signalCode ?? `code ${exitCode}`}` };
}

async function readReport(file: string): Promise<TestReport> {
  const report = Bun.file(file);
  return parseJunit((await report.exists()) ? await report.text() : "");
}

/** Names everything held against the group, and at least one thing when it ended badly. */
function judgeReport(group: TestGroup, report: TestReport, run: Run): string[] {
  const missing = group.files.filter((file) => !report.files.has(file));
  const failed = [
    ...report.failed,
    ...report.skipped.map((name) => `${name} (skipped)`),
    ...missing.map((file) => `${file} (no test of it ran)`),
  ];
  if (run.stopped !== undefined) failed.push(`${group.folder}: bun test ${run.stopped}`);
  else if (run.ending !== undefined && failed.length === 0) {
    failed.push(`${group.folder}: bun test ${run.ending}`);
  }
  return failed;
}

async function settle(sessionId: number, marker: string): Promise<LeftProcess[]> {
  const deadline = performance.now() + settleMs;
  let left = findLeftProcesses(sessionId, marker);
  while (left.length > 0 && performance.now() < deadline) {
    await Bun.sleep(50);
    left = findLeftProcesses(sessionId, marker);
  }
  return left;
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It is gone already.
  }
}

import { isGatewayError } from "@catena/errors";
import { shapeProblems } from "./case-shape.ts";
import {
  type ChainCase,
  type ChainCases,
  type Expected,
  isCases,
  type SharedOfCases,
} from "./chain-cases.ts";
import type { ChainResult } from "./chain-result.ts";
import { type ChainTest, testChain } from "./chain-test.ts";
import type { Difference } from "./diff-json.ts";
import { testingErrors } from "./errors.ts";
import { expectAsRecorded, parseRecording, type Recording } from "./recording.ts";

/** One thing that was not as declared. */
export interface CaseFailure {
  /**
   * Which part of the case says so: `["expect", "status"]`, `["mocks", "users.get"]`; empty for the
   * case as a whole. `["shared", …]`: a part of what the cases have in common.
   */
  readonly at: readonly string[];
  readonly message: string;
  /** Where two values differ, when the failure is that they do. */
  readonly differences: readonly Difference[];
  readonly error: Error;
}

/** How one case went. */
export interface CaseReport {
  /** The export that holds the case. */
  readonly group: string;
  /** Of the case; empty when none of the group could be run. */
  readonly name: string;
  readonly durationMs: number;
  /** What was not as declared; none when all was. */
  readonly failures: readonly CaseFailure[];
  /** The first failure with what happened, for test runners; `null` when there is none. */
  readonly error: Error | null;
  /** The run in words; `null` where there was none. */
  readonly happened: string | null;
}

export interface RunCasesOptions {
  /** Only cases whose name has this in it. */
  readonly only?: string | undefined;
  /** Longest one case may take, in milliseconds; default 10 s. */
  readonly limitMs?: number;
}

/** A case waits for nothing but what its mocks and its chain make it wait for. */
const defaultLimitMs = 10_000;

/**
 * Runs every case of every {@link ChainCases} among some exports, one after another.
 *
 * @param exports a test file's module namespace, or a record of its exports.
 */
export async function runCases(
  exports: object,
  options: RunCasesOptions = {},
): Promise<readonly CaseReport[]> {
  const reports: CaseReport[] = [];
  for (const [group, exported] of Object.entries(exports)) {
    if (isCases(exported)) reports.push(...(await runGroup(group, exported, options)));
  }
  return reports;
}

async function runGroup(
  group: string,
  declared: ChainCases,
  { only = "", limitMs = defaultLimitMs }: RunCasesOptions,
): Promise<readonly CaseReport[]> {
  const { config, cases, shared } = declared;
  const failures = new Failures();
  const test = failures.try([], () =>
    testChain(config, shared.route === undefined ? {} : { route: shared.route }),
  );
  const ready = test === null ? null : withMocks(test, shared, ["shared"], failures);
  if (ready === null || failures.all.length > 0) return [failures.report(group, "", 0, null)];
  const reports: CaseReport[] = [];
  for (const [name, one] of Object.entries(cases)) {
    if (!name.includes(only)) continue;
    reports.push(await runCase({ group, name, one, ready, shared, limitMs }));
  }
  return reports;
}

interface CaseRun {
  readonly group: string;
  readonly name: string;
  readonly one: ChainCase;
  readonly ready: ChainTest;
  readonly shared: SharedOfCases;
  readonly limitMs: number;
}

async function runCase(run: CaseRun): Promise<CaseReport> {
  const { group, name, one, ready, shared, limitMs } = run;
  const startMs = performance.now();
  const failures = new Failures();
  for (const { at, reason } of shapeProblems(one)) {
    failures.add(at, testingErrors.TESTING_CASE({ reason }));
  }
  const recording = readRecording(one, failures);
  const test = prepare(one, ready, recording, failures);
  let result: ChainResult | null = null;
  if (failures.all.length === 0) {
    const request = one.request ?? recording?.request ?? shared.request ?? {};
    result = await failures.try([], () => within(limitMs, test.run(request)));
  }
  if (result !== null) {
    const held = result;
    if (one.expect !== undefined) checkExpected(held, one.expect, failures);
    else if (recording !== null && one.check === undefined) {
      failures.try(["recording"], () => expectAsRecorded(held, recording));
    }
    await failures.try(["check"], () => within(limitMs, (async () => one.check?.(held))()));
  }
  return failures.report(group, name, performance.now() - startMs, result);
}

/** @throws TESTING_CASE when it takes longer. */
async function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const reason = `it did not end within ${limitMs / 1000} s`;
  const timer = setTimeout(() => late.reject(testingErrors.TESTING_CASE({ reason })), limitMs);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function readRecording({ recording }: ChainCase, failures: Failures): Recording | null {
  return recording === undefined
    ? null
    : failures.try(["recording"], () => parseRecording(recording));
}

function prepare(
  one: ChainCase,
  ready: ChainTest,
  recording: Recording | null,
  failures: Failures,
): ChainTest {
  const replayed =
    recording === null ? ready : failures.try(["recording"], () => ready.replay(recording));
  return withMocks(replayed ?? ready, one, [], failures);
}

function withMocks(
  test: ChainTest,
  { mocks = {}, upstream }: Pick<ChainCase, "mocks" | "upstream">,
  at: readonly string[],
  failures: Failures,
): ChainTest {
  let mocked = upstream === undefined ? test : test.mockUpstream(upstream);
  for (const [operation, mock] of Object.entries(mocks)) {
    mocked =
      failures.try([...at, "mocks", operation], () => mocked.mock(operation, mock)) ?? mocked;
  }
  return mocked;
}

function checkExpected(result: ChainResult, expected: Expected, failures: Failures): void {
  const check = <T>(name: keyof Expected, value: T | undefined, one: (value: T) => unknown) => {
    if (value !== undefined) failures.try(["expect", name], () => one(value));
  };
  const checkEach = <T>(
    name: keyof Expected,
    values: Readonly<Record<string, T>> = {},
    one: (key: string, value: T) => unknown,
  ) => {
    for (const [key, value] of Object.entries(values)) {
      failures.try(["expect", name, key], () => one(key, value));
    }
  };
  check("status", expected.status, (status) => result.expectStatus(status));
  check("code", expected.code, (code) => result.expectCode(code));
  checkEach("headers", expected.headers, (key, value) => result.expectHeader(key, value));
  check("body", expected.body, (body) => result.expectBody(body));
  check("bodyPart", expected.bodyPart, (part) => result.expectBodyPart(part));
  check("calls", expected.calls, (counts) => result.expectCalls(counts));
  checkEach("called", expected.called, (key, part) => result.expectCalled(key, part));
  check("order", expected.order, (order) => result.expectOrder(...order));
  checkEach("steps", expected.steps, (key, outcome) => result.expectStep(key, outcome));
  check("undone", expected.undone, (steps) => result.expectUndone(...steps));
  check("forwarded", expected.forwarded, (body) => result.expectForwarded(body));
}

/** Collects what is not as declared, so that one run tells all of it. */
class Failures {
  readonly all: CaseFailure[] = [];

  add(at: readonly string[], error: Error): void {
    // A result that an expectation was not met by is told once, not with each of them.
    const { what, differences } = isGatewayError(error) ? error.details : {};
    const isUnmet = isGatewayError(error, "TESTING_EXPECTATION") && typeof what === "string";
    this.all.push({
      at,
      message: isUnmet ? what.replace(/:$/, "") : error.message,
      // The code says whose error it is, and so what its details are.
      differences: isUnmet ? (differences as readonly Difference[]) : [],
      error,
    });
  }

  /** @returns `null` when it throws, which is noted. */
  try<T>(at: readonly string[], work: () => Promise<T>): Promise<T | null>;
  try<T>(at: readonly string[], work: () => T): T | null;
  try<T>(at: readonly string[], work: () => T | Promise<T>): T | null | Promise<T | null> {
    const fail = (error: unknown): null => {
      this.add(at, error instanceof Error ? error : new Error(String(error)));
      return null;
    };
    try {
      const done = work();
      return done instanceof Promise ? done.catch(fail) : done;
    } catch (error) {
      return fail(error);
    }
  }

  report(group: string, name: string, durationMs: number, result: ChainResult | null): CaseReport {
    return {
      group,
      name,
      durationMs,
      failures: this.all,
      error: this.all[0]?.error ?? null,
      happened: result?.summary() ?? null,
    };
  }
}

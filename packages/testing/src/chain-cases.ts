import type { StepTrace } from "@catena/chain";
import type { ChainResult } from "./chain-result.ts";
import { testChain } from "./chain-test.ts";
import type { AnyBody, Mock } from "./mock.ts";
import { expectAsRecorded, type Recording } from "./recording.ts";
import type { TestRequest } from "./test-request.ts";

const CASES: unique symbol = Symbol.for("@catena/testing/cases");

/** Cases of one chain, as a test file exports them; made by {@link chainCases}. */
export interface ChainCases {
  readonly [CASES]: true;
  readonly config: object;
  readonly route: string | undefined;
  readonly cases: Readonly<Record<string, ChainCase>>;
}

/** One run and what must come of it. */
export interface ChainCase {
  readonly request?: TestRequest;
  /** By operation: `users.get`. */
  readonly mocks?: Readonly<Record<string, Mock<AnyBody>>>;
  /** Answers what has no mock, and is what the run is held to when nothing else is expected. */
  readonly recording?: Recording;
  readonly upstream?: Mock<AnyBody>;
  readonly expect?: Expected;
}

/** What must come of a run; what is left out may be anything. */
export interface Expected {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** The whole body. */
  readonly body?: unknown;
  /** Members the body has, among others. */
  readonly bodyPart?: object;
  readonly code?: string;
  /** How often each operation is called; those not named, not at all. */
  readonly calls?: Readonly<Record<string, number>>;
  /** Operations whose calls follow each other. */
  readonly order?: readonly string[];
  readonly steps?: Readonly<Record<string, StepTrace["outcome"] | "none">>;
  readonly undone?: readonly string[];
  /** The body that goes on to the route's upstream. */
  readonly forwarded?: unknown;
}

/**
 * Declares tests of a chain as data. `catena test` runs those a file exports; under `bun test`, give
 * each of {@link runCases} to a test.
 *
 * @example
 * export const tests = chainCases(checkout, {
 *   "a customer without a tier is not charged": {
 *     request: { body: { userId: "u1", cents: 5 } },
 *     mocks: { "users.get": { id: "u1", tier: 0 }, "orders.list": { items: [] } },
 *     expect: { status: 200, calls: { "users.get": 1, "orders.list": 1 } },
 *   },
 * });
 */
export function chainCases(
  config: object,
  cases: Readonly<Record<string, ChainCase>>,
  options: { readonly route?: string } = {},
): ChainCases {
  return { [CASES]: true, config, route: options.route, cases };
}

/** How one case went. */
export interface CaseReport {
  readonly name: string;
  /** What was not as expected; `null` when all was. */
  readonly error: Error | null;
}

/**
 * Runs every case of every {@link ChainCases} among some exports, one after another.
 *
 * @param exports a test file's module namespace, or a record of its exports.
 */
export async function runCases(exports: object): Promise<readonly CaseReport[]> {
  const reports: CaseReport[] = [];
  for (const exported of Object.values(exports)) {
    if (!isCases(exported)) continue;
    for (const [name, one] of Object.entries(exported.cases)) {
      reports.push({ name, error: await runCase(exported, one) });
    }
  }
  return reports;
}

async function runCase(
  { config, route }: ChainCases,
  { request, mocks, recording, upstream, expect }: ChainCase,
): Promise<Error | null> {
  try {
    let test = testChain(config, route === undefined ? {} : { route });
    if (recording !== undefined) test = test.replay(recording);
    for (const [operation, mock] of Object.entries(mocks ?? {})) test = test.mock(operation, mock);
    if (upstream !== undefined) test = test.mockUpstream(upstream);
    const result = await test.run(request ?? recording?.request ?? {});
    if (expect !== undefined) check(result, expect);
    else if (recording !== undefined) expectAsRecorded(result, recording);
    return null;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function check(result: ChainResult, expected: Expected): void {
  const { status, headers, body, bodyPart, code, calls, order, steps, undone, forwarded } =
    expected;
  if (status !== undefined) result.expectStatus(status);
  if (code !== undefined) result.expectCode(code);
  if (body !== undefined) result.expectBody(body);
  if (bodyPart !== undefined) result.expectBodyPart(bodyPart);
  for (const [name, value] of Object.entries(headers ?? {})) result.expectHeader(name, value);
  if (calls !== undefined) result.expectCalls(calls);
  if (order !== undefined) result.expectOrder(...order);
  for (const [step, outcome] of Object.entries(steps ?? {})) result.expectStep(step, outcome);
  if (undone !== undefined) result.expectUndone(...undone);
  if (forwarded !== undefined) result.expectForwarded(forwarded);
}

function isCases(value: unknown): value is ChainCases {
  return typeof value === "object" && value !== null && CASES in value;
}

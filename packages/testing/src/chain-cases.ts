import type { StepTrace } from "@catena/chain";
import type { CallPart, ChainResult } from "./chain-result.ts";
import type { AnyBody, Mock } from "./mock.ts";
import type { TestRequest } from "./test-request.ts";

const CASES: unique symbol = Symbol.for("@catena/testing/cases");

/** Cases of one chain, as a test file exports them; made by {@link chainCases}. */
export interface ChainCases {
  readonly [CASES]: true;
  readonly config: object;
  readonly cases: Readonly<Record<string, ChainCase>>;
  readonly shared: SharedOfCases;
}

/** What cases of one chain have in common. */
export interface SharedOfCases {
  /** Which route, when the config has several with a chain. */
  readonly route?: string;
  /** For cases that give none. */
  readonly request?: TestRequest;
  /** By operation; a case's own go before. */
  readonly mocks?: Readonly<Record<string, Mock<AnyBody>>>;
  /** For cases that give none. */
  readonly upstream?: Mock<AnyBody>;
}

/** One run and what must come of it. */
export interface ChainCase {
  readonly request?: TestRequest;
  /** By operation: `users.get`. */
  readonly mocks?: Readonly<Record<string, Mock<AnyBody>>>;
  /**
   * A recording, as its JSON: answers what has no mock, and is what the run is held to when nothing
   * else is expected.
   */
  readonly recording?: object;
  /** How the route's upstream answers what the chain forwards; without it, the run ends there. */
  readonly upstream?: Mock<AnyBody>;
  readonly expect?: Expected;
  /** For what `expect` has no word for; what it throws is the failure. */
  readonly check?: (result: ChainResult) => unknown;
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
  /** What a call of each of these operations carries, among others. */
  readonly called?: Readonly<Record<string, CallPart>>;
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
 * @param shared what all cases have in common, unless they say otherwise.
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
  shared: SharedOfCases = {},
): ChainCases {
  return { [CASES]: true, config, cases, shared };
}

/** Whether an export of a test file is what {@link chainCases} makes. */
export function isCases(value: unknown): value is ChainCases {
  return typeof value === "object" && value !== null && CASES in value;
}

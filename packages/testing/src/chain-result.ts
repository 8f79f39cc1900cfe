import type { ChainRequest, ChainTrace, StepTrace } from "@catena/chain";
import { decodeBody } from "./call-body.ts";
import { type Difference, differencesOf, word, wordDifferences } from "./diff-json.ts";
import { testingErrors } from "./errors.ts";
import type { OperationName } from "./operation-name.ts";
import { nameOf } from "./operation-name.ts";
import { readHeaders, type SentCall, wordCall } from "./sent-call.ts";

/** What goes on to the route's upstream. */
export interface Forwarded {
  /** The upstream the chain names; `null` for the route's own. */
  readonly upstream: string | null;
  /** Headers the chain sets, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Uint8Array | null;
}

/** Everything a run left behind. */
export interface RunEnd {
  readonly status: number;
  /** Flat list. */
  readonly headers: readonly string[];
  readonly bytes: Uint8Array | null;
  readonly code: string | null;
  /** Why it failed, in words that are not the client's. */
  readonly reason: string | null;
  readonly request: ChainRequest;
  /** What the chain can call. */
  readonly operations: readonly string[];
  /** Its own steps. */
  readonly stepNames: readonly string[];
  readonly calls: readonly SentCall[];
  readonly trace: ChainTrace;
  /** `performance.now()` milliseconds. */
  readonly startMs: number;
  readonly endMs: number;
  readonly forwarded: Forwarded | null;
  /** How sending it on went, where that was measured. */
  readonly forwardStep: StepTrace | null;
  /** Undo records that are left, as JSON texts. */
  readonly undoRecords: readonly string[];
}

/** What a call must have carried; what is left out may be anything, in bodies too. */
export type CallPart = Partial<Pick<SentCall, "params" | "query" | "headers" | "body">>;

/**
 * What came of one run. The `expect` methods throw TESTING_EXPECTATION, which says what was expected
 * and what happened, and TESTING_OPERATION or TESTING_STEP for a name that the chain does not have;
 * they return the result, so that they can be written one after another.
 */
export class ChainResult {
  readonly status: number;
  /** By lower-case name; repeated ones are joined. */
  readonly headers: Readonly<Record<string, string>>;
  /** Decoded when it is JSON, else its text; `undefined` for none. */
  readonly body: unknown;
  /** The code the chain failed with; `null` when it did not. */
  readonly code: string | null;
  /** Why it failed, in words for whoever runs it: the client is told less. */
  readonly reason: string | null;
  /** In the order they were made; undo calls are the last. */
  readonly calls: readonly SentCall[];
  readonly steps: readonly StepTrace[];
  /** The body that was forwarded, decoded; `undefined` when the chain answered itself. */
  readonly forwarded: unknown;
  readonly #end: RunEnd;

  constructor(end: RunEnd) {
    this.#end = end;
    this.status = end.status;
    this.headers = readHeaders(end.headers);
    this.body = decodeBody(end.bytes);
    this.code = end.code;
    this.reason = end.reason;
    this.calls = end.calls;
    this.steps = end.trace.steps;
    this.forwarded = end.forwarded === null ? undefined : decodeBody(end.forwarded.bytes);
  }

  /** All that the run left behind. */
  get end(): RunEnd {
    return this.#end;
  }

  /** The client's status. */
  expectStatus(status: number): this {
    if (this.status === status) return this;
    throw this.#unmet(`expected status ${status}, found ${this.status}`);
  }

  /** The whole body, as JSON. */
  expectBody(body: unknown): this {
    return this.#expectSame(differencesOf(body, this.body), "the body is another");
  }

  /** Members the body has, among others. */
  expectBodyPart(part: object): this {
    return this.#expectSame(differencesOf(part, this.body, "part"), "the body is another");
  }

  /** A header of the reply. */
  expectHeader(name: string, value: string): this {
    const found = this.headers[name.toLowerCase()];
    if (found === value) return this;
    throw this.#unmet(`header "${name}": expected ${word(value)}, found ${word(found)}`);
  }

  /** The code a chain fails with: `CHAIN_STEP_TIMEOUT`. */
  expectCode(code: string): this {
    if (this.code === code) return this;
    throw this.#unmet(`expected code ${code}, found ${this.code ?? "none"}`);
  }

  /**
   * At least one call of an operation; when it must have carried something, one that did.
   *
   * @example result.expectCalled(orders.charge, { body: { cents: 100 } })
   */
  expectCalled(operation: OperationName, part: CallPart = {}): this {
    const name = this.#known(operation);
    const made = this.calls.filter((call) => call.operation === name);
    if (made.length === 0) throw this.#unmet(`expected a call of ${name}, found none`);
    const differences = made.map((call) => differencesOf(part, call, "part"));
    if (differences.some((found) => found.length === 0)) return this;
    throw this.#unmet(`no call of ${name} carries that:`, differences[0]);
  }

  /** No call of an operation. */
  expectNotCalled(operation: OperationName): this {
    const name = this.#known(operation);
    const made = this.calls.filter((call) => call.operation === name);
    if (made.length === 0) return this;
    throw this.#unmet(`expected no call of ${name}, found ${made.length}`);
  }

  /** How often each operation was called; those not named, not at all. */
  expectCalls(counts: Readonly<Record<string, number>>): this {
    for (const name of Object.keys(counts)) this.#known(name);
    const found: Record<string, number> = {};
    for (const { operation } of this.calls) found[operation] = (found[operation] ?? 0) + 1;
    const expected = Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
    return this.#expectSame(differencesOf(expected, found), "other calls were made");
  }

  /** Operations whose calls follow each other: each call of one before every call of the next. */
  expectOrder(...operations: readonly OperationName[]): this {
    const names = operations.map((operation) => this.#known(operation));
    for (const [index, name] of names.entries()) {
      const next = names[index + 1];
      const last = this.calls.findLastIndex((call) => call.operation === name);
      if (last < 0) throw this.#unmet(`expected a call of ${name}, found none`);
      const first = this.calls.findIndex((call) => call.operation === next);
      if (next !== undefined && first >= 0 && first < last) {
        throw this.#unmet(`expected ${name} before ${next}, found it after`);
      }
    }
    return this;
  }

  /** How a step ended: `done`, `skipped`, `fallback`, `failed`, `exited`; `none`: it never began. */
  expectStep(step: string, outcome: StepTrace["outcome"] | "none"): this {
    this.#checkStep(step);
    const found = this.steps.find((one) => one.step === step)?.outcome ?? "none";
    if (found === outcome) return this;
    throw this.#unmet(`step "${step}": expected ${outcome}, found ${found}`);
  }

  /** The body that goes on to the route's upstream. */
  expectForwarded(body: unknown): this {
    if (this.#end.forwarded === null)
      throw this.#unmet("expected the request to go on, it did not");
    return this.#expectSame(differencesOf(body, this.forwarded), "another body is forwarded");
  }

  /** Exactly these steps were undone, and nothing is left to be undone. */
  expectUndone(...steps: readonly string[]): this {
    for (const step of steps) this.#checkStep(step);
    const body: unknown = this.body;
    const undone: unknown =
      typeof body === "object" && body !== null && "undone" in body ? body.undone : [];
    const left = this.#end.undoRecords.length;
    if (left > 0) throw this.#unmet(`expected nothing left to be undone, found ${left} records`);
    const found = Array.isArray(undone) ? undone.toSorted() : undone;
    return this.#expectSame(differencesOf(steps.toSorted(), found), "other steps were undone");
  }

  /** What happened, for people: the reply, each call, each step. */
  summary(): string {
    const calls = this.calls.map(
      (call) => `  ${call.operation}: ${wordCall(call)} -> ${call.answer}`,
    );
    const steps = this.steps.map(
      ({ step, outcome, reason }) =>
        `  ${step}: ${outcome}${reason === null ? "" : ` (${reason})`}`,
    );
    return [
      `answered ${this.status} ${word(this.body)}`,
      calls.length === 0 ? "no calls" : `calls\n${calls.join("\n")}`,
      steps.length === 0 ? "no steps" : `steps\n${steps.join("\n")}`,
    ].join("\n");
  }

  /** That an operation with a wrong name is not called would always hold. */
  #known(operation: OperationName): string {
    const name = nameOf(operation);
    const { operations: known } = this.#end;
    if (known.includes(name)) return name;
    throw testingErrors.TESTING_OPERATION({ operation: name, known });
  }

  /** `name[3]` is an item, `name.inner` a step of a chain that is used, `name.undo` its undo. */
  #checkStep(step: string): void {
    const { stepNames: known } = this.#end;
    if (known.includes(step.replace(/[.[].*$/, ""))) return;
    // The names of a classic chain's services are anything.
    if (!known.includes(step)) throw testingErrors.TESTING_STEP({ step, known });
  }

  #expectSame(differences: readonly Difference[], what: string): this {
    if (differences.length === 0) return this;
    throw this.#unmet(`${what}:`, differences);
  }

  #unmet(what: string, differences: readonly Difference[] = []): Error {
    return unmet(what, differences, this);
  }
}

/** The error of an expectation that was not met, with what happened. */
export function unmet(
  what: string,
  differences: readonly Difference[],
  result: ChainResult,
): Error {
  const lines = wordDifferences(differences).map((line) => `\n  ${line}`);
  const shown = `${lines.join("")}\n\n${result.summary()}`;
  return testingErrors.TESTING_EXPECTATION({ what, differences, shown });
}

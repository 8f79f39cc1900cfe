import type { CompiledResource, Operation } from "@catena/dsl";
import type { ChainResult } from "./chain-result.ts";
import { compileAll } from "./compile-all.ts";
import { testingErrors } from "./errors.ts";
import { mockForwarding } from "./forwarding.ts";
import { type AnyBody, isFailure, knownAnswers, type Mock } from "./mock.ts";
import { checkMock, type Mocks, mockTargets } from "./mock-targets.ts";
import { nameOf, type OperationName } from "./operation-name.ts";
import type { Operations } from "./operations.ts";
import { type Recording, recordedMocks, recordedUpstream } from "./recording.ts";
import { runOnce } from "./run-once.ts";
import { findSubject, type Subject } from "./subject.ts";
import type { TestRequest } from "./test-request.ts";

/**
 * Makes a chain ready to be run offline: the real compiler and the real executor, with mocks in the
 * place of services. Nothing is called and nothing is stored.
 *
 * @param config a chain, or what a config file exports.
 * @param options `route`: which route, when the config has several with a chain.
 * @throws TESTING_CHAIN when it does not compile, with its issues.
 *
 * @example
 * const result = await testChain(checkout)
 *   .mock(users.get, { id: "u1", tier: 2 })
 *   .mock(orders.charge, reply({ error: "no funds" }, { status: 402 }))
 *   .run({ body: { userId: "u1", cents: 100 } });
 * result.expectStatus(402).expectNotCalled(orders.ship);
 */
export function testChain(config: object, options: { readonly route?: string } = {}): ChainTest {
  return testResources(compileAll(config), options);
}

/**
 * As {@link testChain}, of resources that are compiled already.
 *
 * @throws TESTING_CHAIN when there is no such route, or none with a chain.
 */
export function testResources(
  resources: readonly CompiledResource[],
  options: { readonly route?: string } = {},
): ChainTest {
  return new ChainTest(findSubject(resources, options.route), new Map(), null);
}

/** A chain with its mocks; every method but `run` returns another one. */
export class ChainTest {
  readonly #subject: Subject;
  readonly #mocks: Mocks;
  readonly #upstream: Mock<unknown> | null;
  readonly #nowMs: number | undefined;

  constructor(
    subject: Subject,
    mocks: Mocks,
    upstream: Mock<unknown> | null,
    nowMs: number | undefined = undefined,
  ) {
    this.#subject = subject;
    this.#mocks = mocks;
    this.#upstream = upstream;
    this.#nowMs = nowMs;
  }

  /** What the chain can call. */
  get operations(): readonly string[] {
    return this.#subject.operations.names;
  }

  /**
   * Says how an operation answers; a later mock of the same operation takes the place of this one.
   *
   * @param mock a body (status 200), `reply`, `refused`, `timedOut`, `reset`, `sequence`, or a
   *   function of the call.
   * @throws TESTING_OPERATION for one the chain does not call, TESTING_MOCK_INVALID for a body that
   *   does not match the operation's response schema.
   */
  mock<R>(operation: Operation<never, R>, mock: Mock<NoInfer<R>>): ChainTest;
  mock(operation: string, mock: Mock<AnyBody>): ChainTest;
  mock(operation: OperationName, mock: Mock<unknown>): ChainTest {
    const name = nameOf(operation);
    checkKnown(name, mock, this.#subject.operations);
    const mocks = new Map(this.#mocks).set(name, mock);
    return new ChainTest(this.#subject, mocks, this.#upstream, this.#nowMs);
  }

  /** Says how the route's upstream answers what the chain forwards; without it, the run ends there. */
  mockUpstream(mock: Mock<AnyBody>): ChainTest {
    return new ChainTest(this.#subject, this.#mocks, mock, this.#nowMs);
  }

  /**
   * Answers every operation, and the route's upstream, as they answered when a recording was made, in
   * the order of then; the time is that of then too.
   *
   * @throws TESTING_OPERATION when the recording has an operation the chain does not call.
   */
  replay(recording: Recording): ChainTest {
    const mocks = new Map(this.#mocks);
    for (const [name, mock] of recordedMocks(recording)) {
      checkKnown(name, mock, this.#subject.operations);
      mocks.set(name, mock);
    }
    const upstream = recordedUpstream(recording) ?? this.#upstream;
    return new ChainTest(this.#subject, mocks, upstream, recording.now ?? this.#nowMs);
  }

  /**
   * Runs the chain once.
   *
   * @throws TESTING_NO_MOCK when it makes a call nothing answers, TESTING_MOCK_INVALID when a mock
   *   answers what its operation never does, and what a mock that is a function throws.
   */
  async run(request: TestRequest = {}): Promise<ChainResult> {
    const targets = mockTargets(this.#subject.operations, this.#mocks);
    const upstream = this.#upstream;
    const result = await runOnce(this.#subject, request, targets, {
      forwarding: upstream === null ? null : mockForwarding(upstream),
      nowMs: this.#nowMs,
    });
    const [fault] = targets.faults;
    if (fault !== undefined) throw fault;
    return result;
  }
}

function checkKnown(name: string, mock: Mock<unknown>, operations: Operations): void {
  const known = operations.get(name);
  if (known.length === 0) {
    throw testingErrors.TESTING_OPERATION({ operation: name, known: operations.names });
  }
  const [first] = known;
  for (const answer of knownAnswers(mock)) {
    if (first !== undefined && !isFailure(answer)) checkMock(first, answer);
  }
}

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { describeBodies } from "./conformance/bodies.ts";
import { describeEnds } from "./conformance/ends.ts";
import { describeReplies } from "./conformance/replies.ts";
import { describeRequests } from "./conformance/requests.ts";
import { describeReuse } from "./conformance/reuse.ts";
import { describeTime } from "./conformance/time.ts";
import { describeTls } from "./conformance/tls.ts";
import type { Transport } from "./transport/transport.ts";

/** A test that a transport cannot pass, and why that is accepted. */
export interface ConformanceSkip {
  readonly test: string;
  readonly reason: string;
}

/** What the parts of the suite get. */
export interface ConformanceContext {
  /** The transport under test, opened once per suite. */
  readonly transport: () => Transport;
  /** Registers a test unless the transport lists it as a skip. */
  readonly check: (name: string, run: () => Promise<void>) => void;
}

/**
 * Registers the tests every {@link Transport} has to pass, against servers on loopback that behave
 * and misbehave. A skip needs the exact name of a test, and a reason; one that names no test fails.
 */
export function describeTransport(
  name: string,
  open: () => Transport,
  options: { readonly skips?: readonly ConformanceSkip[] } = {},
): void {
  const skips = new Map((options.skips ?? []).map((skip) => [skip.test, skip.reason]));
  const names = new Set<string>();
  let transport: Transport | null = null;

  const context: ConformanceContext = {
    transport: () => {
      if (transport === null) throw new Error("the transport is open only while tests run");
      return transport;
    },
    check: (testName, run) => {
      names.add(testName);
      if (!skips.has(testName)) test(testName, run, 20_000);
    },
  };

  describe(`transport ${name}`, () => {
    beforeAll(() => {
      transport = open();
    });
    afterAll(async () => {
      await transport?.close();
    });

    describe("requests", () => describeRequests(context));
    describe("replies", () => describeReplies(context));
    describe("reuse", () => describeReuse(context, open));
    describe("time", () => describeTime(context));
    describe("bodies", () => describeBodies(context));
    describe("TLS", () => describeTls(context));
    describe("ends", () => describeEnds(context));

    test("every skip names a test of the suite", () => {
      expect([...skips.keys()].filter((skipped) => !names.has(skipped))).toEqual([]);
    });

    test("nothing is left in flight", () => {
      expect(transport?.stats().activeCalls).toBe(0);
    });
  });
}

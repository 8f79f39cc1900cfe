import { defineErrors } from "@catena/errors";
import type { Difference } from "./diff-json.ts";

/** Faults of a test: in what it declares, and expectations that were not met. */
export const testingErrors = defineErrors({
  TESTING_CHAIN: {
    status: 500,
    source: "config",
    retryable: false,
    message: (p: { reason: string }) => `the chain cannot be tested: ${p.reason}`,
  },
  TESTING_OPERATION: {
    status: 500,
    source: "config",
    retryable: false,
    message: (p: { operation: string; known: readonly string[] }) =>
      `the chain does not call "${p.operation}"; it calls ${p.known.join(", ") || "nothing"}`,
  },
  TESTING_STEP: {
    status: 500,
    source: "config",
    retryable: false,
    message: (p: { step: string; known: readonly string[] }) =>
      `the chain has no step "${p.step}"; it has ${p.known.join(", ") || "none"}`,
  },
  TESTING_CASE: {
    status: 500,
    source: "config",
    retryable: false,
    message: (p: { reason: string }) => p.reason,
  },
  TESTING_NO_MOCK: {
    status: 500,
    source: "config",
    retryable: false,
    message: (p: { call: string; operation: string }) =>
      `${p.call} was made and nothing answers it: mock "${p.operation}"`,
  },
  TESTING_MOCK_INVALID: {
    status: 500,
    source: "config",
    retryable: false,
    message: (p: { operation: string; findings: readonly string[] }) =>
      `the mock of "${p.operation}" is no response of that operation: ${p.findings.join("; ")}`,
  },
  TESTING_RECORDING: {
    status: 500,
    source: "config",
    retryable: false,
    message: (p: { reason: string }) => `not a usable recording: ${p.reason}`,
  },
  TESTING_EXPECTATION: {
    status: 500,
    source: "config",
    retryable: false,
    message: (p: {
      what: string;
      differences: readonly Difference[];
      /** What was expected and what was found, then the run, for people. */
      shown: string;
    }) => p.what + p.shown,
  },
});

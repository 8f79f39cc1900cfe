import { type Issue, isGatewayError } from "@catena/errors";
import { positionOf } from "./describe-failure.ts";
import type { EvaluationOutcome, RunCase } from "./evaluation.ts";

/** Runs the cases a test file exports, and makes plain data of how they went. */
export async function runFileCases(
  module: object,
  file: string,
  only: string | undefined,
): Promise<EvaluationOutcome> {
  const { isCases, runCases } = await import("@catena/testing");
  if (!Object.values(module).some(isCases)) return { kind: "issues", issues: [noCases(file)] };
  const reports = await runCases(module, { only });
  const cases = reports.map(
    ({ group, name, durationMs, failures, happened }): RunCase => ({
      group,
      name,
      durationMs,
      happened,
      failures: failures.map(({ at, message, differences, error }) => ({
        at,
        message,
        // Mocks may hold what structured cloning refuses; as JSON they are compared anyway.
        differences: differences.map(({ path, expected, found }) => ({
          path,
          expected: toJson(expected),
          found: toJson(found),
        })),
        thrownAt: isGatewayError(error) ? null : positionOf(error, file),
      })),
    }),
  );
  return { kind: "cases", cases };
}

function noCases(file: string): Issue {
  return {
    path: "",
    code: "TEST_NO_CASES",
    message: `${file} exports no cases`,
    expected: "export const tests = chainCases(chain, { … })",
  };
}

function toJson(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value) ?? "null");
}

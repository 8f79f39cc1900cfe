import type { Issue } from "@catena/errors";
import type { EvaluationReply, EvaluationRequest } from "./evaluation.ts";

/** Longest an evaluation may take, in milliseconds; an honest one takes a few. */
const defaultLimitMs = 10_000;

/**
 * Evaluates config files in a fresh worker and ends it, however it goes: a file that throws, never
 * ends or exits the process becomes an issue.
 */
export function evaluate(
  request: EvaluationRequest,
  limitMs: number = defaultLimitMs,
): Promise<EvaluationReply> {
  const worker = new Worker(new URL("./evaluate.worker.ts", import.meta.url).href);
  return new Promise<EvaluationReply>((resolve) => {
    const fail = (issue: Pick<Issue, "code" | "message"> & Partial<Issue>) =>
      resolve({ kind: "issues", issues: [{ path: "", ...issue }], loaded: [] });
    const work = request.want === "cases" ? "running the cases of" : "evaluating";
    const timer = setTimeout(() => {
      fail({
        code: "CONFIG_TIMEOUT",
        message: `${work} ${request.files.join(", ")} took longer than ${limitMs / 1000} s`,
        expected:
          request.want === "cases"
            ? "cases that end: no endless loops"
            : "a config file that only declares: no servers, no endless loops",
      });
      worker.terminate();
    }, limitMs);
    worker.onmessage = (event: MessageEvent<EvaluationReply>) => {
      clearTimeout(timer);
      resolve(event.data);
      worker.terminate();
    };
    worker.onerror = (event) => {
      clearTimeout(timer);
      fail({
        code: "CONFIG_FAILED",
        message: `a config file can't be evaluated: ${event.message}`,
      });
      worker.terminate();
    };
    worker.addEventListener("close", () => {
      clearTimeout(timer);
      fail({
        code: "CONFIG_FAILED",
        message: `the evaluation of ${request.files.join(", ")} ended without a result`,
        hint: "a config file must not call process.exit()",
      });
    });
    worker.postMessage(request);
  });
}

import type { ChainTrace, StepTrace } from "../trace.ts";

/** Characters of the header's value; what does not fit is left out, as some clients bound headers. */
const MAX_CHARS = 4096;

/**
 * The value of `Server-Timing` (W3C Server Timing): one metric per step with its duration in
 * milliseconds, when it started, how often it was called and how it ended, and `total`. Names of steps
 * and codes of errors are all it says.
 *
 * @example `user;dur=12.3;start=0.2;attempts=1;status=200, gift;start=12.6;skip="when", total;dur=15.1`
 * @param startMs when the chain began and `endMs` when it ended, of `performance.now()`.
 */
export function serverTiming(trace: ChainTrace, startMs: number, endMs: number): string {
  const total = `total;dur=${round(endMs - startMs)}`;
  let text = "";
  for (const step of trace.steps) {
    // Items and branches of items are part of their step.
    if (step.step.includes("[")) continue;
    const metric = `${metricOf(step, startMs, endMs)}, `;
    if (text.length + metric.length + total.length > MAX_CHARS) break;
    text += metric;
  }
  return text + total;
}

function metricOf(step: StepTrace, startMs: number, nowMs: number): string {
  const { outcome, reason, attempts, status } = step;
  const start = `start=${round(step.startMs - startMs)}`;
  if (outcome === "skipped") return `${step.step};${start};skip="${reason ?? "status"}"`;
  const end = Number.isNaN(step.endMs) ? nowMs : step.endMs;
  return [
    `${step.step};dur=${round(end - step.startMs)};${start}`,
    ...(attempts === 0 ? [] : [`attempts=${attempts}`]),
    ...(status === null ? [] : [`status=${status}`]),
    ...(outcome === "done" ? [] : [`outcome="${outcome}"`]),
    ...(reason === null ? [] : [`reason="${reason}"`]),
  ].join(";");
}

function round(ms: number): number {
  return Math.max(0, Math.round(ms * 10) / 10);
}

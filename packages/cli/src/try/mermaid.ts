import type { Tried, TriedStep } from "./tried.ts";

/** Most steps and items that are drawn. */
const MOST = 64;

/**
 * Draws how long each step took as a Gantt diagram of Mermaid; times are milliseconds since the chain
 * began.
 */
export function drawMermaid({ chain, status, durationMs, steps }: Tried): string {
  const more = steps.length - MOST;
  return [
    "gantt",
    `  title ${plain(chain)}: ${status} in ${durationMs.toFixed(1)} ms${more > 0 ? ` (${more} more steps)` : ""}`,
    "  dateFormat x",
    "  axisFormat %S.%L s",
    ...steps.slice(0, MOST).map((step) => `  ${drawStep(step)}`),
  ].join("\n");
}

function drawStep({ step, outcome, attempts, status, startMs, durationMs }: TriedStep): string {
  const says = [
    ...(outcome === "done" ? [] : [outcome]),
    ...(status === null ? [] : [String(status)]),
    ...(attempts > 1 ? [`${attempts} attempts`] : []),
  ].join(" ");
  const from = Math.round(startMs);
  if (outcome === "skipped" && attempts === 0) {
    return `${plain(step)} skipped :milestone, ${from}, ${from}`;
  }
  // Whole milliseconds are the least that the format knows, and an empty bar is not seen.
  const to = Math.max(from + 1, Math.round(startMs + durationMs));
  return `${[plain(step), says].filter((part) => part !== "").join(" ")} :${tagOf(outcome)}, ${from}, ${to}`;
}

function tagOf(outcome: TriedStep["outcome"]): string {
  if (outcome === "failed") return "crit";
  return outcome === "fallback" || outcome === "skipped" ? "active" : "done";
}

/** A name without what means something in a diagram. */
function plain(name: string): string {
  return name.replaceAll(/[:;#,%\n]/g, " ");
}

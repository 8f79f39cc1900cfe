import type { Style } from "../output.ts";
import type { Tried, TriedStep } from "./tried.ts";

/** Columns of the bars. */
const WIDTH = 32;
/** Longest name that is shown. */
const NAME = 28;
/** Most steps and items that are shown. */
const MOST = 64;

/** Parts of a column, from an eighth to a whole one. */
const PARTS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"] as const;

/**
 * Draws how long each step took, one line a step: a bar on the time the whole request took, when it
 * began and how long it took in milliseconds, its status, and what else there is to say.
 */
export function drawWaterfall({ steps, durationMs }: Tried, style: Style): string {
  const shown = steps.slice(0, MOST);
  const nameWidth = Math.max(4, ...shown.map(({ step }) => shorten(step).length));
  const head = [
    "step".padEnd(nameWidth),
    `0${`${durationMs.toFixed(1)} ms`.padStart(WIDTH - 1)}`,
    "start".padStart(7),
    "took".padStart(8),
  ].join("  ");
  const lines = shown.map((step) => {
    const paint = paintOf(step, style);
    // One that is skipped for its failure has taken its time.
    const hasRun = step.outcome !== "skipped" || step.attempts > 0;
    const bar = hasRun ? drawBar(step, durationMs) : "";
    const took = !hasRun ? "" : step.durationMs.toFixed(1);
    return [
      shorten(step.step).padEnd(nameWidth),
      paint(bar.padEnd(WIDTH)),
      step.startMs.toFixed(1).padStart(7),
      took.padStart(8),
      paint(wordEnd(step)),
      ...step.calls.slice(0, 1).map(style.dim),
    ]
      .filter((part) => part !== "")
      .join("  ");
  });
  const more = steps.length - MOST;
  return [style.dim(head), ...lines, ...(more > 0 ? [`… and ${more} more`] : [])].join("\n");
}

function drawBar({ startMs, durationMs }: TriedStep, totalMs: number): string {
  const scale = totalMs > 0 ? WIDTH / totalMs : 0;
  const from = Math.min(Math.floor(startMs * scale), WIDTH - 1);
  // The shortest step is seen too.
  const eighths = Math.max(1, Math.round(durationMs * scale * 8));
  const whole = Math.min(Math.floor(eighths / 8), WIDTH - from);
  const rest = from + whole < WIDTH ? (PARTS[eighths % 8] ?? "") : "";
  return " ".repeat(from) + "█".repeat(whole) + rest;
}

function wordEnd({ outcome, status, attempts, reason }: TriedStep): string {
  const tries = attempts > 1 ? [`${attempts} attempts`] : [];
  const statuses = status === null ? [] : [String(status)];
  switch (outcome) {
    case "done":
      return [...statuses, ...tries].join(", ") || "done";
    case "skipped":
      return [`skipped: ${reason ?? "status"}`, ...tries].join(", ");
    default:
      return [outcome, ...statuses, ...tries, ...(reason === null ? [] : [reason])].join(", ");
  }
}

function paintOf({ outcome }: TriedStep, style: Style): (text: string) => string {
  switch (outcome) {
    case "done":
    case "exited":
      return style.green;
    case "skipped":
      return style.dim;
    case "failed":
      return style.red;
    default:
      return style.yellow;
  }
}

function shorten(name: string): string {
  return name.length > NAME ? `${name.slice(0, NAME - 1)}…` : name;
}

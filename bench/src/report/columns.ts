import { formatNumber, formatRatio } from "./format.ts";
import { keyFigure, type ResultRow } from "./results.ts";

export const columnTitles = [
  "contestant",
  "CPU µs/req",
  "(min–max)",
  "÷ catena",
  "req/s",
  "p50 ms",
  "p99 ms",
  "p99.9 ms",
  "RSS MB",
  "errors",
] as const;

/** One table row; a row with errors is flagged, since its other figures then mean little. */
export function toCells(row: ResultRow, group: readonly ResultRow[]): readonly string[] {
  const own = group.find((candidate) => candidate.contestant === "catena");
  const cpu = row.cpu_us_per_request;
  return [
    row.contestant,
    formatNumber(cpu?.median ?? null),
    cpu === null ? "–" : `${formatNumber(cpu.min)}–${formatNumber(cpu.max)}`,
    formatRatio(
      keyFigure(row)?.value ?? null,
      own === undefined ? null : (keyFigure(own)?.value ?? null),
    ),
    formatNumber(row.requests_per_s),
    formatNumber(row.p50_ms),
    formatNumber(row.p99_ms),
    formatNumber(row.p999_ms),
    row.rss_before_mb === null
      ? formatNumber(row.rss_mb)
      : `${formatNumber(row.rss_before_mb)} → ${formatNumber(row.rss_mb)}`,
    formatErrors(row),
  ];
}

function formatErrors(row: ResultRow): string {
  if (row.errors === 0) return "0";
  const { status, socket, timeout } = row.error_kinds;
  return `⚠ ${row.errors} (${status} status, ${socket} socket, ${timeout} timeout)`;
}

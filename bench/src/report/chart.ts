import { formatNumber } from "./format.ts";
import { groupRows, keyFigure, type ResultRow, type Results } from "./results.ts";

const width = 760;
const labelWidth = 120;
const valueWidth = 90;
const barHeight = 14;
const rowHeight = 20;

/**
 * One panel per scenario, one bar per contestant, shorter is better; a panel has its own scale that
 * starts at 0. The thin line over a bar spans the smallest and largest round. Colours follow the
 * reader's light or dark setting.
 */
export function toChart(results: Results): string {
  const panels: string[] = [];
  let top = 34;
  for (const [title, group] of groupRows(results.rows)) {
    const bars = group.filter((row) => keyFigure(row) !== null);
    if (bars.length === 0) continue;
    panels.push(toPanel(title, bars, top));
    top += 30 + bars.length * rowHeight + 14;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${top}" width="${width}" height="${top}" role="img" aria-label="CPU time per request by scenario and contestant">
<style>
  text { font: 12px system-ui, sans-serif; fill: #24292f; }
  .title { font-weight: 600; }
  .unit { fill: #57606a; }
  .bar { fill: #8c959f; }
  .own { fill: #0969da; }
  .bad { fill: #cf222e; }
  .range { stroke: #24292f; stroke-width: 1.5; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .unit { fill: #9198a1; }
    .bar { fill: #6e7681; }
    .own { fill: #4493f8; }
    .bad { fill: #f85149; }
    .range { stroke: #e6edf3; }
  }
</style>
<text x="8" y="20" class="unit">Shorter is better. Red: had errors. Line: smallest to largest round.</text>
${panels.join("\n")}
</svg>
`;
}

function toPanel(title: string, rows: readonly ResultRow[], top: number): string {
  const first = rows[0];
  const figure = first === undefined ? null : keyFigure(first);
  const unit = figure?.name === "median latency" ? "median, ms" : "CPU µs per request";
  const largest = Math.max(...rows.map(largestOf), Number.MIN_VALUE);
  const scale = (width - labelWidth - valueWidth - 16) / largest;
  const lines = [
    `<text x="8" y="${top + 16}" class="title">${escapeText(title)}</text>`,
    `<text x="${width - 8}" y="${top + 16}" class="unit" text-anchor="end">${unit}</text>`,
    ...rows.map((row, index) => toBar(row, top + 26 + index * rowHeight, scale)),
  ];
  return lines.join("\n");
}

function toBar(row: ResultRow, top: number, scale: number): string {
  const value = keyFigure(row)?.value ?? 0;
  const kind = row.errors > 0 ? "bad" : row.contestant === "catena" ? "own" : "bar";
  const spread = spreadOf(row);
  const end = labelWidth + largestOf(row) * scale;
  const middle = top + barHeight / 2;
  const range =
    spread === null
      ? ""
      : `<line class="range" x1="${round(labelWidth + spread.min * scale)}" x2="${round(labelWidth + spread.max * scale)}" y1="${middle}" y2="${middle}"/>`;
  return `<text x="${labelWidth - 8}" y="${top + 11}" text-anchor="end">${escapeText(row.contestant)}</text><rect class="${kind}" x="${labelWidth}" y="${top}" width="${round(value * scale)}" height="${barHeight}" rx="2"/>${range}<text x="${round(end + 6)}" y="${top + 11}">${formatNumber(value)}</text>`;
}

function spreadOf(row: ResultRow): { readonly min: number; readonly max: number } | null {
  return keyFigure(row)?.name === "median latency" ? row.spreads.p50_ms : row.cpu_us_per_request;
}

function largestOf(row: ResultRow): number {
  return Math.max(keyFigure(row)?.value ?? 0, spreadOf(row)?.max ?? 0);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

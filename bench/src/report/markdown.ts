import type { Contestant } from "../contestants/contestant.ts";
import type { Scenario } from "../scenario.ts";
import { columnTitles, toCells } from "./columns.ts";
import { formatNumber, formatRatio } from "./format.ts";
import { groupRows, keyFigure, type ResultRow, type Results } from "./results.ts";

export interface ReportContext {
  readonly scenarios: readonly Scenario[];
  readonly contestants: readonly Pick<Contestant, "name" | "what" | "plan">[];
  /** File name of the chart beside the report. */
  readonly chart: string;
}

/** The whole report: machine, versions, chart, a table and a ratio matrix per scenario, who runs what. */
export function toMarkdownReport(results: Results, context: ReportContext): string {
  const { machine, method } = results;
  const parts = [
    "# Benchmark results",
    `${machine.date}. ${machine.cpu}, ${machine.cores} cores, ${machine.memory_gb} GB, Linux ${machine.kernel}. ${method.rounds} rounds of ${method.seconds} s per loop; medians over the rounds. Method: [README.md](../README.md).`,
    `![CPU per request by scenario](${context.chart})`,
    "## Missing",
    toAbsenceList(results.missing),
    "## Versions",
    toTable(["what", "version"], Object.entries(results.versions)),
    ...[...groupRows(results.rows)].map(([title, group]) => toSection(title, group, context)),
    "## Who runs what",
    toParticipationTable(context),
    "Gaps:",
    toGapList(context),
  ];
  return `${parts.join("\n\n")}\n`;
}

function toSection(title: string, group: readonly ResultRow[], context: ReportContext): string {
  const scenario = context.scenarios.find(({ name }) => name === group[0]?.scenario);
  const offered = group[0]?.offered_per_s ?? null;
  const loops =
    scenario === undefined || offered === null
      ? ""
      : ` Closed loop: ${scenario.connections} connections. Open loop: ${offered} requests/s offered; the client itself was late by up to ${formatNumber(ownDelay(group))} ms (p99).`;
  const lines = [
    `## ${title}`,
    `${scenario?.work ?? ""}.${loops}`,
    toTable(
      columnTitles,
      group.map((row) => toCells(row, group)),
    ),
  ];
  if (group.length > 2) lines.push("Row ÷ column:", toMatrix(group));
  return lines.join("\n\n");
}

/** Part of every latency shown: a reader must see how much of them is the client's. */
function ownDelay(group: readonly ResultRow[]): number {
  return Math.max(...group.map((row) => row.own_delay_p99_ms ?? 0));
}

/** Every contestant against every other, by the scenario's key figure. */
function toMatrix(group: readonly ResultRow[]): string {
  const value = (row: ResultRow): number | null => keyFigure(row)?.value ?? null;
  return toTable(
    ["", ...group.map((row) => row.contestant)],
    group.map((row) => [
      row.contestant,
      ...group.map((column) => (row === column ? "1" : formatRatio(value(row), value(column)))),
    ]),
  );
}

function toParticipationTable({ scenarios, contestants }: ReportContext): string {
  return toTable(
    ["scenario", ...contestants.map(({ name }) => name)],
    scenarios.map(({ name }) => [
      name,
      ...contestants.map(({ plan }) => {
        const participation = plan(name);
        return participation.kind === "runs" ? participation.how : "gap";
      }),
    ]),
  );
}

function toGapList({ scenarios, contestants }: ReportContext): string {
  const lines: string[] = [];
  for (const { name, plan } of contestants) {
    const reasons = new Map<string, string[]>();
    for (const scenario of scenarios) {
      const participation = plan(scenario.name);
      if (participation.kind === "runs") continue;
      const names = reasons.get(participation.why);
      if (names === undefined) reasons.set(participation.why, [scenario.name]);
      else names.push(scenario.name);
    }
    for (const [why, names] of reasons) lines.push(`- ${name}, ${names.join(", ")}: ${why}.`);
  }
  return lines.length === 0 ? "None." : lines.join("\n");
}

function toAbsenceList(missing: Results["missing"]): string {
  if (missing.length === 0) return "Nobody.";
  return missing
    .map(
      ({ contestant, scenario, why }) =>
        `- ${contestant}${scenario === null ? "" : ` in ${scenario}`}: ${why}`,
    )
    .join("\n");
}

function toTable(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  const rule = `|${titles.map((_, index) => (index === 0 ? " --- " : " ---: ")).join("|")}|`;
  return [line(titles), rule, ...rows.map(line)].join("\n");
}

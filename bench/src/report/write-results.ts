import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { toChart } from "./chart.ts";
import { type ReportContext, toMarkdownReport } from "./markdown.ts";
import type { Results } from "./results.ts";

const resultsDirectory = join(import.meta.dir, "../../results");

/**
 * Writes JSON, report and chart under the run's own name and again as `latest`.
 *
 * @returns the path of the JSON file.
 */
export async function writeResults(
  results: Results,
  context: Omit<ReportContext, "chart">,
  started: Date,
): Promise<string> {
  mkdirSync(resultsDirectory, { recursive: true });
  const name = started.toISOString().slice(0, 19).replaceAll(":", "-");
  for (const stem of [name, "latest"]) {
    const chart = `${stem}.svg`;
    await Bun.write(
      join(resultsDirectory, `${stem}.json`),
      `${JSON.stringify(results, null, 2)}\n`,
    );
    await Bun.write(
      join(resultsDirectory, `${stem}.md`),
      toMarkdownReport(results, { ...context, chart }),
    );
    await Bun.write(join(resultsDirectory, chart), toChart(results));
  }
  return join(resultsDirectory, `${name}.json`);
}

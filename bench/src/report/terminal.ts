import { columnTitles, toCells } from "./columns.ts";
import { groupRows, type Results } from "./results.ts";

/** The tables for a terminal, columns aligned. */
export function toTerminalReport(results: Results, works: ReadonlyMap<string, string>): string {
  const lines: string[] = [];
  for (const [title, group] of groupRows(results.rows)) {
    const work = works.get(group[0]?.scenario ?? "") ?? "";
    lines.push(
      "",
      `${title}: ${work}`,
      ...align([columnTitles, ...group.map((row) => toCells(row, group))]),
    );
  }
  for (const { contestant, scenario, why } of results.missing) {
    lines.push("", `missing: ${contestant}${scenario === null ? "" : ` in ${scenario}`}: ${why}`);
  }
  return lines.join("\n");
}

function align(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = columnTitles.map((_, column) =>
    Math.max(...rows.map((row) => Bun.stringWidth(row[column] ?? ""))),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const pad = " ".repeat((widths[column] ?? 0) - Bun.stringWidth(cell));
        return column === 0 ? cell + pad : pad + cell;
      })
      .join("  ")
      .trimEnd(),
  );
}

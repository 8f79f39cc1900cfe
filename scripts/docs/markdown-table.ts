/** Writes a Markdown table with its columns aligned, as the formatter does. */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const escaped = [head, ...rows].map((row) => row.map((cell) => cell.replaceAll("|", "\\|")));
  const widths = head.map((_, column) =>
    Math.max(3, ...escaped.map((row) => Bun.stringWidth(row[column] ?? ""))),
  );
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const padded = escaped.map((row) =>
    line(
      widths.map((width, column) => {
        const cell = row[column] ?? "";
        return cell + " ".repeat(width - Bun.stringWidth(cell));
      }),
    ),
  );
  const rule = line(widths.map((width) => "-".repeat(width)));
  return [padded[0], rule, ...padded.slice(1)].join("\n");
}
